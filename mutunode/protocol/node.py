"""The sync core of one node: what comes in goes to the machine whose affair it is, effects come out.

It has no clock, no chance and no files of its own: time and randomness are arguments, the ledger is the
store's, and every call returns effects which the shell performs after the turn's commit. It never raises
for anything a peer sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from mutunode.protocol import links
from mutunode.protocol.basis import Basis
from mutunode.protocol.chains import Chains
from mutunode.protocol.core import Core, Me, NodeSettings, Random, Shortage
from mutunode.protocol.delivery import Deliveries
from mutunode.protocol.dialling import Dialler, check_address
from mutunode.protocol.downloads import Downloads, Progress
from mutunode.protocol.effects import Effect, WakeAt
from mutunode.protocol.fetch import Fetches
from mutunode.protocol.file_holders import FileHolders
from mutunode.protocol.following import Cursors
from mutunode.protocol.forks import Forks
from mutunode.protocol.gossip import Gossip
from mutunode.protocol.handshake import Handshake
from mutunode.protocol.head import PUBLIC, Head, log_id
from mutunode.protocol.holders import Holders, Order
from mutunode.protocol.identity import Chain
from mutunode.protocol.interest import Interest
from mutunode.protocol.ledger import Address, Ledger
from mutunode.protocol.links import LinkInfo
from mutunode.protocol.mending import Given, Mending
from mutunode.protocol.outbox import Outbox
from mutunode.protocol.parting import Parting
from mutunode.protocol.passing import Passing
from mutunode.protocol.reaching import Reaching
from mutunode.protocol.reception import Reception
from mutunode.protocol.reconcile import Reconciliations
from mutunode.protocol.recovering import Recovering, Sought
from mutunode.protocol.relaying import Relaying
from mutunode.protocol.repair import Repair
from mutunode.protocol.reputation import Reputation
from mutunode.protocol.serve import Server
from mutunode.protocol.session import CLOSE_AUTHENTICATION, Session
from mutunode.protocol.signing import Mark, Signatory, Signing
from mutunode.protocol.subnets import subnet_of
from mutunode.protocol.witnessing import Told, Witnessing

__all__ = ["LinkInfo", "Node"]

INTEREST_SECONDS = 1.0  # vouches that come in a row are looked at together…
INTEREST_ORGS_A_SECOND = 500  # … and less often where looking takes longer: 500 × 100 µs = 5 % of the time


class Node:
    """One node's sync core."""

    def __init__(
        self, me: Me, ledger: Ledger, settings: NodeSettings, random: Random, marks: Sequence[Mark] = ()
    ) -> None:
        core = self._core = Core(me, ledger, settings, random)
        self._woken: float | None = None
        self._interest = Interest(core)
        self._reputation = Reputation(core)
        self._holders = Holders(core)
        self._gossip = Gossip(core, self._interest, self._holders)
        self._chains = Chains(
            core,
            self._interest,
            self._reputation,
            on_explained=self._offer,
            on_given_up=self._given_up,
            on_disowned=self._disowned,
            on_undisputed=self._compare_again,
        )
        self._parting = Parting(core)
        self._forks = Forks(
            core, self._chains, self._interest, self._reputation, self._told_of_fork, self._proven
        )
        self._signatory = Signatory(core, marks, self._chains)
        self._fetches = Fetches(
            core,
            self._chains,
            self._interest,
            self._forks,
            self._reputation,
            on_committed=self._committed,
            on_refused=self._refused,
        )
        self._basis = Basis(core, self._signatory, self._fetches.offer)
        self._reconciliations = Reconciliations(core, self._interest, self._offer)
        self._cursors = Cursors(core, self._offer, self._reconciliations.begin)
        self._dialler = Dialler(core, self._interest, self._reputation)
        self._repair = Repair(core, self._interest, self._cursors, self._dialler, self._reputation)
        self._deliveries = Deliveries(
            core, self._chains, self._interest, self._offer, on_followed=self._follow_interest
        )
        self._outbox = Outbox(core, self._dialler, self._holders)
        self._passing = Passing(core, self._interest)
        self._server = Server(core, self._interest, self._forks, self._gossip, self._deliveries)
        self._downloads = Downloads(core, self._reputation)
        self._file_holders = FileHolders(core)
        self._recovering = Recovering(core, self._chains)
        self._mending = Mending(core)
        self._witnessing = Witnessing(core, self._reputation, self._offer)
        self._handshake = Handshake(
            core,
            self._chains,
            self._interest,
            self._reputation,
            on_ready=self._ready,
            on_disputed=self._disputed,
            on_ourselves=lambda session: self._dialler.met_ourselves(session.address),
            on_second_machine=self._signatory.saw_second_machine,
        )
        self._relaying = Relaying(core, self._interest)
        self._reaching = Reaching(core, self._interest)
        self._reception = Reception(
            core, self._handshake, self._server, self._cursors, self._forks, self._relaying, self._chains
        )
        self._remembering = (
            self._handshake, self._chains, self._gossip, self._forks, self._cursors, self._repair,
            self._relaying, self._reaching,
        )  # fmt: skip

    @property
    def me(self) -> Me:
        """Our organisation."""
        return self._core.me

    # --- what happens outside ------------------------------------------------------------------
    def start(self, now: float) -> list[Effect]:
        """The node starts; call it once, before anything else."""
        self._interest.refresh()
        self._dialler.read_endpoints()
        self._dialler.start(now)
        self._signatory.start(peers_known=self._dialler.peers_known(), now=now)
        self._repair.start(now)
        self._downloads.look(now)
        self._outbox.start(now)
        return self._effects(now)

    def opened(
        self,
        link: int,
        outgoing: bool,
        address: str,
        channel: bytes,
        lan: bool,
        pinned: bytes | None,
        now: float,
        *,
        via: int | None = None,
        ip: str = "",
    ) -> list[Effect]:
        """A link is open; ``address`` is the one dialled, or ``host:port`` of whoever dialled us.

        ``via``: the link whose other side relays it; then ``outgoing`` says who is client of the TLS inside.
        ``ip``: the number at the other end, where it is known.
        """
        session = Session(self._core, link, outgoing, address, channel, lan=lan, now=now)
        session.pinned = pinned
        session.subnet = "" if lan else subnet_of(ip)
        session.trusted = outgoing and self._dialler.is_trusted(address)
        if via is not None:
            relay = self._core.sessions.get(via)
            session.via = relay.org if relay is not None else bytes(1)  # gone: this one ends soon
        self._core.sessions[link] = session
        if outgoing and via is None:
            self._dialler.opened(address)
        self._handshake.begin(session, now)
        return self._effects(now)

    def received(self, link: int, frame: bytes, now: float) -> list[Effect]:
        """A frame arrived (a text frame is passed on as ``b""``: it is not CM either)."""
        session = self._core.sessions.get(link)
        if session is not None and not session.is_closed:
            self._reception.frame(session, frame, now)
            self._core.agenda.run(now)  # what the frame left to do at once needs no turn of its own
        return self._effects(now)

    def drained(self, link: int, buffered_bytes: int, now: float) -> list[Effect]:
        """So much of what was sent on a link is still on its way."""
        session = self._core.sessions.get(link)
        if session is not None and not session.is_closed:
            session.drained(buffered_bytes, now)
            self._server.go_on(session, now)
        return self._effects(now)

    def closed(self, link: int, why: str, now: float) -> list[Effect]:
        """A link is gone, whoever ended it."""
        session = self._core.sessions.get(link)
        if session is not None:
            session.lost(now)
        return self._effects(now)

    def dial_failed(self, address: str, why: str, now: float) -> list[Effect]:
        """Nobody answered there, or not as expected."""
        self._dialler.unreachable(address, now)
        return self._effects(now)

    def all_shown(self, now: float) -> list[Effect]:
        """What was committed some time ago can be looked up by now: whom it concerns, and what it cites."""
        self._passing.more(now)
        return self._effects(now)

    def timer(self, now: float) -> list[Effect]:
        """The time of ``WakeAt`` has come."""
        self._woken = None  # the shell keeps the earliest, which may not be the last: tell it again
        self._core.agenda.run(now)
        return self._effects(now)

    def relay(self, link: int, org: bytes, payload: bytes, now: float) -> list[Effect]:
        """Bytes of a TLS stream for somebody, by the relay at ``link``."""
        self._relaying.send(link, org, payload, now)
        return self._effects(now)

    def nearby(self, org: bytes, address: str, now: float) -> list[Effect]:
        """The LAN says that an organisation is there."""
        if not self._interest.blocked(org):
            self._dialler.nearby(org, address, now)
        return self._effects(now)

    def no_longer_nearby(self, org: bytes, now: float) -> list[Effect]:
        """The LAN says that it went."""
        self._dialler.no_longer_nearby(org)
        return self._effects(now)

    # --- what people and the shell do ----------------------------------------------------------
    def published(self, heads: Sequence[Head], now: float) -> list[Effect]:
        """Heads of our own were just committed: peers are told, at our pace."""
        for head in heads:
            self._gossip.changed(head, now)
        return self._effects(now)

    def interest_changed(self, now: float) -> list[Effect]:
        """Somebody was accepted, blocked or vouched for."""
        self._follow_interest(now)
        return self._effects(now)

    def add_address(self, address: str, org: bytes | None, now: float) -> list[Effect]:
        """A person says where somebody may be reached; ``Malformed`` when it is no address."""
        self._dialler.add(Address(check_address(address), org, "person"), now)
        return self._effects(now)

    def allow_signing(self, now: float) -> list[Effect]:
        """A person says that this is the only machine, and that nothing newer than its store exists."""
        self._signatory.allow()
        return self._effects(now)

    def outgoing_changed(self, now: float) -> list[Effect]:
        """Something was written that is to be brought to somebody."""
        self._outbox.changed(now)
        return self._effects(now)

    # --- files -----------------------------------------------------------------------------------
    def files_wanted(self, now: float) -> list[Effect]:
        """The ledger wants files that it did not want before, or more."""
        self._downloads.look(now)
        return self._effects(now)

    def file_unwanted(self, blob: bytes, now: float) -> list[Effect]:
        """It does not want this one any more."""
        self._downloads.drop(blob, now)
        return self._effects(now)

    def file_opened(self, blob: bytes, held: frozenset[int], whole: bool, now: float) -> list[Effect]:
        """``OpenFile`` was done: these chunks are on the disk, or the file is whole."""
        self._downloads.file_opened(blob, held, whole, now)
        return self._effects(now)

    def chunk_put(self, blob: bytes, index: int, whole: bool, now: float) -> list[Effect]:
        """``PutChunk`` was done; ``whole``: with it the file is, durably."""
        self._downloads.chunk_put(blob, index, whole, now)
        return self._effects(now)

    def file_failed(self, blob: bytes, why: str, lost: int, now: float) -> list[Effect]:
        """The disk refused: ``full`` or ``disk``; ``lost`` chunks were not put."""
        self._downloads.file_failed(blob, why, lost, now)
        return self._effects(now)

    def chunk_read(self, link: int, id: int, frame: bytes | None, now: float) -> list[Effect]:
        """``ReadChunk`` was done; None: the disk does not have what it should."""
        session = self._core.sessions.get(link)
        if session is not None and not session.is_closed:
            self._server.chunk_read(session, id, frame, now)
        return self._effects(now)

    def file_lost(self, blob: bytes, now: float) -> list[Effect]:
        """A file that was held is damaged: fetch it again."""
        self._core.ledger.file_lost(blob)
        self._downloads.look(now)
        return self._effects(now)

    def download(self, blob: bytes) -> Progress | None:
        """How far a file under way is."""
        return self._downloads.progress(blob)

    def ask_holders(self, blobs: Sequence[bytes], now: float) -> list[Effect]:
        """Ask peers whether they hold these files; the ledger learns what they say."""
        self._file_holders.ask(blobs, now)
        return self._effects(now)

    def identity_changed(self, before: Chain, now: float) -> list[Effect]:
        """A person here signed an op for another organisation; ``before`` is the chain without it."""
        self._chains.changed(before, now)
        self._fetches.abandon(log_id(before.org, PUBLIC), now)
        return self._effects(now)

    def show_identity(self, now: float) -> list[Effect]:
        """Our newest epoch is open, and another core goes on from here: tell whoever is linked."""
        self._chains.show_own(now)
        return self._effects(now)

    def decide(self, org: bytes, epoch: int, take_rival: bool, now: float) -> list[Effect]:
        """A person says which of two branches of an organisation is followed here."""
        self._chains.decide(org, epoch, take_rival=take_rival, now=now)
        self._fetches.abandon(log_id(org, PUBLIC), now)
        return self._effects(now)

    def repair(self, now: float) -> list[Effect]:
        """Compare with every peer now (``sync``)."""
        self._repair.with_all(now)
        return self._effects(now)

    def ask_witnesses(self, head: Head, told: Told, now: float) -> tuple[int, list[Effect]]:
        """Ask peers to cosign a head; how many were asked, of whom ``told`` hears once each."""
        asked = self._witnessing.ask(head, told, now)
        return asked, self._effects(now)

    def ask_headers(
        self, log: bytes, epoch: int, start: int, end: int, given: Given, now: float
    ) -> tuple[int, list[Effect]]:
        """Ask peers for headers that the disk has changed; how many, of whom ``given`` hears once each."""
        asked = self._mending.ask(log, epoch, start, end, given, now)
        return asked, self._effects(now)

    # --- what may be asked ---------------------------------------------------------------------
    def signing(self, now: float) -> Signing:
        """May this node sign now, and why not."""
        return self._signatory.signing(now)

    def parted(self, log: bytes) -> int | None:
        """The first index at which a peer was seen to hold another register of ours than we do."""
        return self._parting.first(log)

    def sought(self) -> Sought:
        """What whoever was met answered about the organisation that is to be recovered."""
        return self._recovering.sought

    def links(self) -> list[LinkInfo]:
        """All links."""
        return [links.info(self._core, session) for session in self._core.sessions.values()]

    def dialled_at(self) -> float:
        """When somebody dialled us last, 0: nobody did since the start."""
        return self._reaching.dialled_at

    def full(self) -> dict[bytes, Shortage]:
        """Organisations of which nothing more is taken, and why."""
        return dict(self._core.full)

    def nearby_addresses(self) -> dict[bytes, str]:
        """Organisations that the LAN shows, and where: hints."""
        return self._dialler.nearby_addresses()

    def holders(self, log: bytes) -> dict[bytes, Order]:
        """Of a log of ours: the ``Head.order`` that each linked peer said it holds."""
        return self._holders.of(log)

    def distance(self, org: bytes) -> int | None:
        """0: accepted here, 1 and more: through vouches, None: not listened to."""
        return self._interest.distance(org)

    # --- what happens inside -------------------------------------------------------------------
    def _ready(self, session: Session, now: float) -> None:
        """A handshake is complete; who was accepted while it lasted is no stranger."""
        session.treat_as(listened=self._interest.listens(session.org), now=now)
        self._dialler.met(session, now)
        if not links.keep_one(self._core, session, now):
            return
        if self._dialler.knows_many() and not links.keep_spread(self._core, session, now):
            return
        if not links.make_room(self._core, self._interest, session, now):
            return
        self._reaching.met(session, now)
        self._gossip.welcome(session)
        self._signatory.ask(session, self._offer, now)
        self._repair.with_peer(session, now)
        self._forks.ready(session, now)
        self._chains.ready(session, now)
        self._parting.ready(session, now)
        self._holders.met(session, now)
        self._recovering.ready(session, now)
        self._basis.ready(session, now)
        self._reception.ready(session, now)
        self._downloads.ready(session, now)
        self._outbox.ready(session, now)
        self._passing.ready(session, now)

    def _disputed(self, session: Session, now: float) -> None:
        """Somebody claims a key that another one claims too: identities only, until a person decides."""
        self._chains.ready(session, now)
        self._reception.disputed(session, now)

    def _offer(self, head: Head, session: Session, now: float) -> bool:
        """A peer announced a head; whether there is nothing in it to wait for."""
        self._gossip.showed(session, head)
        if head.org == self._core.me.org:
            self._signatory.saw(head)
        return self._fetches.offer(head, session, now)

    def _committed(self, head: Head, session: Session, now: float) -> None:
        """A head that a peer announced is part of what we hold."""
        if head.org == self._core.me.org:
            self._signatory.committed(head)
        self._cursors.settled(head, now)
        self._gossip.changed(head, now)
        self._repair.stored(session, now)
        self._passing.more(now)

    def _given_up(self, head: Head, session: Session, now: float) -> None:
        """A head that nobody signed: it settles nothing of what others show."""
        self._cursors.settled(head, now, by=session)

    def _refused(self, head: Head, now: float) -> None:
        """Nothing will come of a head."""
        self._cursors.settled(head, now)

    def _disowned(self, log: bytes, now: float) -> None:
        """Another branch of its author is followed: nothing that was shown or is under way is of this one."""
        self._gossip.forget_log(log)
        self._fetches.abandon(log, now)

    def _proven(self, head: Head, now: float) -> None:
        """Somebody signed two registers; if that was us, what they have in common is to be found out."""
        if head.org == self._core.me.org:
            self._parting.with_all(now)

    def _told_of_fork(self, head: Head, now: float) -> None:
        """Evidence came: what was under way of that log ends."""
        self._fetches.abandon(head.log, now)

    def _watch_interest(self, now: float) -> None:
        """Vouches and profiles come as records: see once a second what they change."""
        key = ("interest",)
        if self._interest.is_stale() and not self._core.agenda.has(key):
            pause = INTEREST_SECONDS + len(self._interest) / INTEREST_ORGS_A_SECOND
            self._core.agenda.at(key, now + pause, self._follow_interest)

    def _follow_interest(self, now: float) -> None:
        grew = self._interest.refresh()
        self._dialler.read_endpoints()
        for session in list(self._core.sessions.values()):
            if session.org and self._interest.blocked(session.org):
                session.end(CLOSE_AUTHENTICATION, "refused", now)
            elif session.is_ready:
                session.treat_as(listened=self._interest.listens(session.org), now=now)
                self._chains.accept_introduction(session)
                if grew:
                    self._downloads.ready(session, now)
        if grew:
            self._compare_again(now)
        self._dialler.look(now)

    def _compare_again(self, now: float) -> None:
        """What we take grew: nobody's changes were followed with that in mind."""
        self._cursors.start_again()
        self._repair.with_all(now)

    def _bury(self, now: float) -> None:
        """Links that ended are forgotten everywhere, after everything else of this call was done."""
        while self._core.ended:
            gone, self._core.ended = self._core.ended, []
            for session in gone:
                del self._core.sessions[session.link]
                for machine in self._remembering:
                    machine.forget(session)
                for other in (self._reception, self._deliveries, self._outbox, self._passing):
                    other.forget(session)
                self._fetches.forget(session, now)
                self._downloads.forget(session)
                self._file_holders.forget(session)
                self._dialler.lost(session, now)
                self._reaching.lost(session, now)

    def _effects(self, now: float) -> list[Effect]:
        self._watch_interest(now)
        if self._core.ended:
            self._bury(now)
        effects = self._core.take_effects()
        when = self._core.agenda.next_time()
        if when is not None and when != self._woken:
            self._woken = when
            effects.append(WakeAt(when))
        return effects
