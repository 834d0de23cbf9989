"""Files on their way here: whom to ask for which chunk, and when to ask somebody else.

    wanted ──OpenFile──▶ opening ──file_opened──▶ open ──last chunk_put──▶ whole
                                                   │ ▲
                                     nobody has it ▼ │ later, or somebody new came
                                                  waiting

Every chunk is checked alone, so that it does not matter who gives it. Strangers are asked last, chunk by
chunk, and only for what a person waits for: what a rule fetches is nobody else's business. Each link gives as
many at once as it answers within a second or so; a chunk that somebody else could give is not waited for
long; who gives a wrong one is not asked for that file again. Nothing here knows of disks: chunks leave as
effects.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from mutunode.protocol import messages
from mutunode.protocol.blobs import check_chunk
from mutunode.protocol.core import Core
from mutunode.protocol.download import Download, Lane
from mutunode.protocol.effects import LeaveFile, OpenFile, PutChunk
from mutunode.protocol.errors import Code, Invalid
from mutunode.protocol.ledger import WantedFile
from mutunode.protocol.limits import (
    CHUNK_STALL_SECONDS,
    CHUNKS_UNDER_WAY_MAX,
    FILE_ASK_AGAIN_SECONDS,
    FILE_ASK_AGAIN_SECONDS_MAX,
    FILE_BYTES_MAX,
    FILES_OPEN_MAX,
)
from mutunode.protocol.reputation import Reputation
from mutunode.protocol.session import Reply, Session

LOOK_SECONDS = 1.0  # between two looks for chunks that do not come
FAILED_SECONDS = 30.0  # after the disk refused


class Progress(msgspec.Struct, frozen=True):
    """How far a file is, as people may see it."""

    done: int  # chunks on the disk
    count: int
    sources: int  # organisations that gave some
    waiting: bool  # nobody in reach has it, or there is a trouble
    liars: int  # organisations that gave something else
    trouble: str = ""  # "" | "full" | "disk" | "size" (it is not as long as the record says)


class Downloads:
    """Fetches what the ledger says is wanted."""

    def __init__(self, core: Core, reputation: Reputation) -> None:
        self._core = core
        self._reputation = reputation
        self._open: OrderedDict[bytes, Download] = OrderedDict()
        self._waiting: dict[bytes, Download] = {}  # nobody in reach has them, or the disk refused
        self._ripe: dict[bytes, None] = {}  # of those, the ones to try again when there is room
        self._lanes: dict[int, Lane] = {}
        self._under_way = 0  # chunks asked for or not yet on the disk
        self._more = True  # the ledger may want files that were not begun

    def look(self, now: float) -> None:
        """More files may be wanted, or there is room for others."""
        while self._ripe and len(self._open) < FILES_OPEN_MAX:
            blob = next(iter(self._ripe))
            self._again(self._waiting[blob])
        limit = 2 * FILES_OPEN_MAX + len(self._waiting)
        wanted = self._core.ledger.files_wanted(limit)
        self._more = len(wanted) == limit
        for file in wanted:
            known = self._open.get(file.blob) or self._waiting.get(file.blob)
            if known is not None:
                self._news(known, file)
            elif len(self._open) < FILES_OPEN_MAX or file.urgent:
                self._begin(file)
            else:
                self._more = True
        self._fill_all(now)

    def drop(self, blob: bytes, now: float) -> None:
        """A file is not wanted any more."""
        if self._open.pop(blob, None) is not None:
            self._core.do(LeaveFile(blob))
        self._waiting.pop(blob, None)
        self._forget(blob)
        self._next(now)

    def _news(self, known: Download, file: WantedFile) -> None:
        """What the ledger says of a file under way: what a person now waits for does not stand in line."""
        fresh = set(file.likely) - known.likely
        known.likely |= fresh
        hurry = file.urgent and not known.urgent
        known.urgent = file.urgent
        if (hurry or fresh) and file.blob in self._waiting:
            self._again(known)

    def _begin(self, file: WantedFile) -> None:
        download = Download(file)
        if not 0 <= file.size <= FILE_BYTES_MAX:
            download.trouble = "size"
            self._waiting[file.blob] = download
        else:
            self._start(download)

    def _start(self, download: Download) -> None:
        self._open[download.blob] = download
        if download.urgent:
            self._open.move_to_end(download.blob, last=False)
        if download.count == 1:
            download.opened(frozenset())  # nothing can be there of it
        else:
            self._core.do(OpenFile(download.blob, download.size))

    def progress(self, blob: bytes) -> Progress | None:
        """Of a file under way."""
        download = self._open.get(blob) or self._waiting.get(blob)
        if download is None:
            return None
        is_waiting = blob in self._waiting
        return Progress(
            download.done,
            download.count,
            len(download.givers),
            is_waiting,
            len(download.liars),
            download.trouble,
        )

    # --- the disk answers ----------------------------------------------------------------------
    def file_opened(self, blob: bytes, held: frozenset[int], whole: bool, now: float) -> None:
        """These chunks are there; ``whole``: the file is."""
        download = self._open.get(blob)
        if download is None:
            return
        if whole:
            self._arrived(download, now)
            return
        download.opened(held)
        self._fill_all(now)

    def chunk_put(self, blob: bytes, index: int, whole: bool, now: float) -> None:
        """A chunk is on the disk; ``whole``: the file is, durably."""
        was_full = self._under_way >= CHUNKS_UNDER_WAY_MAX
        self._under_way -= 1
        download = self._open.get(blob) or self._waiting.get(blob)
        if download is not None:
            download.put(index)
            if whole:
                self._arrived(download, now)
        if was_full:  # else whoever had room was asked when a chunk came, not when it is put
            self._fill_all(now)
        elif blob in self._open:
            self._rest(self._open[blob], now)

    def file_failed(self, blob: bytes, why: str, lost: int, now: float) -> None:
        """The disk refused (``full``, ``disk``), or what came was not the file; ``lost`` chunks with it."""
        self._under_way -= lost
        download = self._open.get(blob)
        if download is not None:
            download.trouble = why
            self._put_aside(download, now + FAILED_SECONDS, now)

    def _arrived(self, download: Download, now: float) -> None:
        self._open.pop(download.blob, None)
        self._waiting.pop(download.blob, None)
        self._forget(download.blob)
        for org in download.givers:  # with it: each turn that writes has to wait for the disk
            self._core.ledger.put_holder(download.blob, org, True, int(now))
        self._core.ledger.file_arrived(download.blob)
        self._next(now)

    def _next(self, now: float) -> None:
        """There may be room for others: look, once for all that end in this turn."""
        if (self._more or self._ripe) and len(self._open) <= FILES_OPEN_MAX // 2:
            self._core.agenda.at(("files",), now, self.look)

    def _forget(self, blob: bytes) -> None:
        self._ripe.pop(blob, None)
        self._core.agenda.cancel(("file", blob))

    # --- links come and go ---------------------------------------------------------------------
    def ready(self, session: Session, now: float) -> None:
        """Somebody new is in reach, who may have what nobody had."""
        for blob, download in self._waiting.items():
            concerns = session.listened or download.urgent
            if concerns and not download.trouble and not download.is_refused(session.org):
                self._ripe[blob] = None
        self._next(now)
        self._fill(session, now)

    def forget(self, session: Session) -> None:
        """The link is gone; what it was asked for was handed back by now."""
        self._lanes.pop(session.link, None)

    def _again(self, download: Download) -> None:
        """Try a file that waited."""
        del self._waiting[download.blob]
        self._forget(download.blob)
        download.try_again()
        self._start(download)

    def _put_aside(self, download: Download, until: float, now: float) -> None:
        """Nothing comes of it for now: others go first."""
        blob = download.blob
        self._open.pop(blob, None)
        self._core.do(LeaveFile(blob))
        self._waiting[blob] = download

        def retry(then: float) -> None:
            self._ripe[blob] = None
            self._core.agenda.at(("files",), then, self.look)

        self._core.agenda.at(("file", blob), until, retry)
        self._next(now)

    # --- asking --------------------------------------------------------------------------------
    def _fill_all(self, now: float) -> None:
        is_awaited = any(download.urgent for download in self._open.values())
        for session in list(self._core.ready()):
            if session.listened or is_awaited:
                self._fill(session, now)
        for download in list(self._open.values()):
            self._rest(download, now)

    def _fill(self, session: Session, now: float) -> None:
        lane = self._lanes.setdefault(session.link, Lane())
        for _ in range(lane.room(session.window if session.listened else 1, now)):
            picked = self._pick(session) if self._under_way < CHUNKS_UNDER_WAY_MAX else None
            if picked is None:
                return
            self._ask(session, lane, *picked, now)

    def _pick(self, session: Session) -> tuple[Download, int] | None:
        """The chunk that this link should be asked for."""
        for download in self._open.values():
            may = session.listened or self._is_for_anybody(download)
            if may and download.has_more and download.may_ask(session.org, self._has_better):
                index = download.next_chunk(session.org)
                if index is not None:
                    return download, index
        return None

    def _is_for_anybody(self, download: Download) -> bool:
        """Whether a person waits for it, and none of those listened to is left to ask."""
        return download.urgent and all(
            download.is_refused(other.org) for other in self._core.ready() if other.listened
        )

    def _has_better(self, download: Download) -> bool:
        """Whether somebody in reach is likelier to have it than those nobody named."""
        return any(
            other.listened and other.org in download.likely and not download.is_refused(other.org)
            for other in self._core.ready()
        )

    def _ask(self, session: Session, lane: Lane, download: Download, index: int, now: float) -> None:
        self._under_way += 1
        lane.under_way += 1
        download.asked(index, session.org, now)

        def answered(reply: Reply, then: float) -> None:
            lane.under_way -= 1
            self._answered(session, lane, download, index, reply, then - now, then)

        session.ask(messages.Chunk(0, download.blob, index), answered, now)
        self._watch(now)

    def _answered(
        self,
        session: Session,
        lane: Lane,
        download: Download,
        index: int,
        reply: Reply,
        seconds: float,
        now: float,
    ) -> None:
        org = session.org
        is_new = download.answered(index, org)
        if isinstance(reply, messages.Data):
            lane.learn(seconds)
            if self._take(session, download, index, reply, is_new=is_new, now=now):
                return  # it is under way still, to the disk
        elif isinstance(reply, messages.Err) and reply.code == Code.BUSY:
            self._pause(session, lane, now + max(1, reply.retry_after_s))
        elif isinstance(reply, messages.Err):
            download.refused(org, now)
        else:
            lane.stalled()
        self._under_way -= 1
        self._fill_all(now)

    def _pause(self, session: Session, lane: Lane, until: float) -> None:
        lane.rest(until)
        self._core.agenda.at(("lane", session.link), until, self._fill_all)

    def _take(
        self,
        session: Session,
        download: Download,
        index: int,
        data: messages.Data,
        *,
        is_new: bool,
        now: float,
    ) -> bool:
        """A chunk came; whether it goes to the disk."""
        if download.blob not in self._open or not is_new:
            return False
        try:
            leaf = check_chunk(download.blob, data.size, index, data.chunk, data.path)
        except Invalid:
            download.lied(session.org)
            self._reputation.bad_answer(session, now)
            return False
        if data.size != download.size:
            self._wrong_size(download)
            return False
        download.givers.add(session.org)
        download.came(index)
        self._core.do(PutChunk(download.blob, download.size, index, data.chunk, leaf))
        self._fill(session, now)
        return True

    def _wrong_size(self, download: Download) -> None:
        """The proof holds for another size than the record says: its author wrote nonsense."""
        del self._open[download.blob]
        self._core.do(LeaveFile(download.blob))
        download.trouble = "size"
        self._waiting[download.blob] = download

    # --- silence -------------------------------------------------------------------------------
    def _watch(self, now: float) -> None:
        if not self._core.agenda.has(("chunks",)):
            self._core.agenda.at(("chunks",), now + LOOK_SECONDS, self._look_for_stalls)

    def _look_for_stalls(self, now: float) -> None:
        for download in self._open.values():
            for index in download.late(now - CHUNK_STALL_SECONDS):
                others = [s for s in self._core.ready() if s.listened and download.could_give(s.org, index)]
                if others:
                    download.ask_another(index)
        self._fill_all(now)
        if any(download.is_asked for download in self._open.values()):
            self._watch(now)

    def _rest(self, download: Download, now: float) -> None:
        """Put it aside when nobody in reach may be asked for what lacks."""
        if not download.is_idle:
            return
        asked = (session for session in self._core.ready() if session.listened or download.urgent)
        if all(download.is_refused(session.org) for session in asked):
            wait = min(FILE_ASK_AGAIN_SECONDS * 2.0**download.rounds, FILE_ASK_AGAIN_SECONDS_MAX)
            self._put_aside(download, now + self._core.around(wait), now)
