"""The write side of everything else in the reference store."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.identity import Chain
from mutunode.protocol.ledger import Address, Row, Stance, Vouch
from mutunode.store.interface import Draft
from mutunode.store.meaning import PROFILE, VOUCH, endpoints_of
from mutunode.store.memory_contents import Record
from mutunode.store.memory_turn import MemoryTurn


class MemoryPeople:
    """The part of the ledger that is about organisations and peers."""

    _turn: MemoryTurn

    # --- organisations -------------------------------------------------------------------------
    def chain(self, org: bytes) -> Chain | None:
        """The identity chain held, or None."""
        return self._turn.state.chains.get(org)

    def put_chain(self, chain: Chain) -> None:
        """Keep a verified chain."""
        self._turn.state.chains[chain.org] = chain
        if chain.rivals:
            self._turn.state.rivalled.setdefault(chain.org)
        else:
            self._turn.state.rivalled.pop(chain.org, None)

    def org_of_root(self, root_key: bytes) -> bytes | None:
        """The organisation held first whose current roots hold this key."""
        for org, chain in self._turn.state.chains.items():
            if root_key in chain.roots:
                return org
        return None

    def rivalled(self, limit: int) -> list[bytes]:
        """Organisations whose chain has rivals, those heard of last first."""
        return list(reversed(self._turn.state.rivalled))[:limit]

    # --- people's decisions --------------------------------------------------------------------
    def put_own(self, org: bytes) -> None:
        """This organisation is ours."""
        self._turn.state.own = org
        self._turn.stamp += 1

    def interest_stamp(self) -> int:
        """Changes whenever stances, vouches or profiles do."""
        return self._turn.stamp

    def stance(self, org: bytes) -> Stance:
        """What a person decided."""
        return self._turn.state.stances.get(org, (Stance(), 0))[0]

    def put_stance(self, org: bytes, stance: Stance) -> None:
        """Keep what a person decided."""
        self._turn.state.stances[org] = (stance, int(self._turn.clock()))
        self._turn.stamp += 1

    def accepted(self) -> list[bytes]:
        """Organisations a person accepted, ours not included, by id."""
        state = self._turn.state
        return sorted(
            org for org, (stance, _) in state.stances.items() if stance.accepted and org != state.own
        )

    def vouches(self, voucher: bytes, limit: int) -> list[Vouch]:
        """Current vouches, oldest first; of two for one organisation the newer."""
        last: dict[bytes, Vouch] = {}
        for record in self._current(voucher, VOUCH):
            if record.row.said and record.row.said.vouches_for:
                fields, org = record.fields(), record.row.said.vouches_for
                last.pop(org, None)
                last[org] = Vouch(voucher, org, endpoints_of(fields), fields.get("listed") is True)
        return list(last.values())[:limit]

    def endpoints(self, org: bytes) -> tuple[str, ...]:
        """``endpoints`` of the current profile."""
        profiles = self._current(org, PROFILE)
        return endpoints_of(profiles[-1].fields()) if profiles else ()

    def profile_entry(self, org: bytes) -> tuple[int, Row] | None:
        """The current profile."""
        profiles = self._current(org, PROFILE)
        if not profiles:
            return None
        row = profiles[-1].row
        return profiles[-1].index, (row.header, row.salt, row.body)

    def _current(self, org: bytes, kind: str) -> list[Record]:
        """Current records of a kind in the public log that can be read, oldest first."""
        held = self._turn.state.logs.get(log_id(org, PUBLIC))
        records = held.records.values() if held else ()
        return [r for r in records if r.header.kind == kind and r.current and r.state == "ok"]

    # --- peers ---------------------------------------------------------------------------------
    def cursor(self, peer: bytes) -> tuple[bytes, int] | None:
        """How far a peer's changes were followed."""
        return self._turn.state.peer_cursors.get(peer)

    def put_cursor(self, peer: bytes, store: bytes, cursor: int) -> None:
        """Remember how far a peer's changes were followed."""
        self._turn.state.peer_cursors[peer] = (store, cursor)

    def forget_cursors(self) -> None:
        """Everybody must be asked from the beginning again."""
        self._turn.state.peer_cursors.clear()

    def forget_peers(self, but: Collection[bytes], now: int) -> None:
        """Drop cursors and scores of all others, but of those who are away."""
        state = self._turn.state
        state.peer_cursors = {peer: at for peer, at in state.peer_cursors.items() if peer in but}
        state.scores = {peer: held for peer, held in state.scores.items() if peer in but or held[1] > now}

    def addresses(self) -> Iterator[Address]:
        """The address book, by address."""
        return iter([address for _, address in sorted(self._turn.state.addresses.items())])

    def put_address(self, address: Address) -> None:
        """Add or replace by ``address``."""
        self._turn.state.addresses[address.address] = address

    def score(self, peer: bytes) -> tuple[float, int]:
        """(local score, Unix seconds until which the peer is not dialled)."""
        return self._turn.state.scores.get(peer, (0.0, 0))

    def put_score(self, peer: bytes, score: float, away_until: int) -> None:
        """Keep a peer's local score."""
        self._turn.state.scores[peer] = (score, away_until)

    # --- drafts --------------------------------------------------------------------------------
    def put_draft(self, draft: Draft) -> None:
        """Add or replace a draft."""
        self._turn.state.drafts[draft.id] = draft

    def drop_draft(self, id: str) -> None:
        """Forget a draft."""
        self._turn.state.drafts.pop(id, None)
