"""Files in the reference store: who cites them, what is held of them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from mutunode.protocol.ledger import WantedFile
from mutunode.store.interface import REASONS, Cite, File, promise
from mutunode.store.memory_turn import MemoryTurn


class MemoryFiles:
    """The part of the ledger that is about files."""

    _turn: MemoryTurn

    def put_cites(self, recs: Sequence[bytes], cites: Sequence[Cite], change: int | None = None) -> None:
        """What these records cite, in place of what they did."""
        state = self._turn.state
        promise(change is None or change >= state.cited_until, "the feed runs forwards")
        promise({cite.rec for cite in cites} <= set(recs), "a cite of another record")
        for rec in recs:
            state.cites.pop(rec, None)
        for rec in recs:
            if said := tuple({cite.blob: cite for cite in cites if cite.rec == rec}.values()):
                state.cites[rec] = said
        if change is not None:
            state.cited_until = change

    def put_file(self, file: File) -> None:
        """Add or replace."""
        promise(file.reason in REASONS, "a reason there is")
        self._turn.state.files[file.blob] = file

    def drop_file(self, blob: bytes) -> None:
        """Nothing is held or wanted of it."""
        self._turn.state.files.pop(blob, None)

    # --- what the core asks --------------------------------------------------------------------
    def file_to_serve(self, blob: bytes) -> int | None:
        """The size of a file that is held whole and cited in public."""
        state = self._turn.state
        file = state.files.get(blob)
        served = file is not None and file.held and any(cite.public for cite in state.cites_of(blob))
        return file.size if file and served else None

    def files_wanted(self, limit: int) -> list[WantedFile]:
        """Files to fetch, the most wanted first."""
        state = self._turn.state
        wanted = [file for file in state.files.values() if not file.held]
        wanted.sort(key=lambda file: (-REASONS.index(file.reason), file.since, file.blob))
        return [
            WantedFile(file.blob, file.size, self._likely(file.blob), file.reason == "asked")
            for file in wanted[:limit]
        ]

    def _likely(self, blob: bytes) -> tuple[bytes, ...]:
        state = self._turn.state
        authors = {cite.org for cite in state.cites_of(blob)}
        return tuple(sorted(authors | {org for of, org in state.file_holders if of == blob}))

    def file_arrived(self, blob: bytes) -> None:
        """It is held whole."""
        self._mark(blob, held=True)

    def file_lost(self, blob: bytes) -> None:
        """It is damaged."""
        self._mark(blob, held=False)

    def _mark(self, blob: bytes, *, held: bool) -> None:
        files = self._turn.state.files
        if blob in files:
            files[blob] = replace(files[blob], held=held)

    def put_holder(self, blob: bytes, org: bytes, holds: bool, now: int) -> None:
        """An organisation said whether it holds a file."""
        if holds:
            self._turn.state.file_holders[blob, org] = now
        else:
            self._turn.state.file_holders.pop((blob, org), None)
