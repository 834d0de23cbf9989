"""The write side of everything else: identities, decisions, whom we listen to, what we know of peers."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.identity import Chain
from mutunode.protocol.ledger import Address, Row, Stance, Vouch
from mutunode.store import chains, sql
from mutunode.store.interface import Draft
from mutunode.store.meaning import PROFILE, VOUCH, endpoints_of, fields_of, is_body_of, read
from mutunode.store.places import index_of, place_of
from mutunode.store.turn import Turn


class People:
    """The part of the ledger that is about organisations and peers."""

    _turn: Turn

    # --- organisations -------------------------------------------------------------------------
    def chain(self, org: bytes) -> Chain | None:
        """The identity chain held, or None."""

        def read() -> Chain | None:
            raw = sql.value(self._turn.db, "SELECT chain FROM org WHERE org = ?", (org,))
            return chains.unpack_if_intact(raw, org)

        return self._turn.lasting(("chain", org), read)  # type: ignore[no-any-return]

    def put_chain(self, chain: Chain) -> None:
        """Keep a verified chain with its rivals."""
        db, org_no = self._turn.db, self._turn.org_no(chain.org)
        if sql.value(db, "SELECT chain IS NOT NULL FROM org WHERE org_no = ?", (org_no,)):
            db.execute("DELETE FROM root_key WHERE org_no = ?", (org_no,))  # which walks through all of them
        kept = (chains.pack(chain), bool(chain.rivals), org_no)
        db.execute("UPDATE org SET chain = ?, rivalled = ? WHERE org_no = ?", kept)
        self._turn.changed(("chain", chain.org))
        db.executemany("INSERT INTO root_key VALUES (?, ?)", [(root, org_no) for root in chain.roots])

    def org_of_root(self, root_key: bytes) -> bytes | None:
        """The organisation heard of first whose current roots hold this key."""
        asked = "SELECT org FROM root_key JOIN org USING (org_no) WHERE key = ? ORDER BY org_no"
        row = sql.first(self._turn.db, asked, (root_key,))
        return row[0] if row else None

    def rivalled(self, limit: int) -> list[bytes]:
        """Organisations whose chain has rivals, those heard of last first."""
        asked = "SELECT org FROM org WHERE rivalled ORDER BY org_no DESC LIMIT ?"
        return [org for (org,) in sql.each(self._turn.db, asked, (limit,))]

    # --- decisions -----------------------------------------------------------------------------
    def put_own(self, org: bytes) -> None:
        """This organisation is ours."""
        self._turn.db.execute("UPDATE store SET own = ?", (org,))
        self._turn.interested()

    def interest_stamp(self) -> int:
        """Changes whenever stances, vouches or profiles do."""
        return self._turn.stamp

    def stance(self, org: bytes) -> Stance:
        """What a person decided."""
        row = sql.first(self._turn.db, "SELECT accepted, blocked FROM org WHERE org = ?", (org,))
        return Stance(bool(row[0]), bool(row[1])) if row else Stance()

    def put_stance(self, org: bytes, stance: Stance) -> None:
        """Keep what a person decided."""
        self._turn.db.execute(
            "UPDATE org SET accepted = ?, blocked = ?, decided_at = ? WHERE org_no = ?",
            (stance.accepted, stance.blocked, int(self._turn.clock()), self._turn.org_no(org)),
        )
        self._turn.interested()

    def accepted(self) -> list[bytes]:
        """Organisations a person accepted, ours not included, by id."""
        rows = sql.each(
            self._turn.db,
            "SELECT org FROM org WHERE accepted AND org IS NOT (SELECT own FROM store) ORDER BY org",
        )
        return [org for (org,) in rows]

    # --- whom we listen to ---------------------------------------------------------------------
    def vouches(self, voucher: bytes, limit: int) -> list[Vouch]:
        """Current vouches, oldest first; of two for one organisation the newer."""
        newest: dict[bytes, Vouch] = {}
        for _, (_, _, body) in self._current(voucher, VOUCH):
            said, fields = read(VOUCH, body), fields_of(body)
            if said and fields and said.vouches_for and said.vouches_for not in newest:
                newest[said.vouches_for] = Vouch(
                    voucher, said.vouches_for, endpoints_of(fields), fields.get("listed") is True
                )
        return list(newest.values())[::-1][:limit]

    def endpoints(self, org: bytes) -> tuple[str, ...]:
        """``endpoints`` of the current profile."""
        profile = self.profile_entry(org)
        return endpoints_of(fields_of(profile[1][2]) or {}) if profile else ()

    def profile_entry(self, org: bytes) -> tuple[int, Row] | None:
        """The current profile."""
        return next(self._current(org, PROFILE), None)

    def _current(self, org: bytes, kind: str) -> Iterator[tuple[int, Row]]:
        """Current records of a kind in the public log that can be read, newest first."""
        log_no = self._turn.log_no(log_id(org, PUBLIC)) or 0
        rows = sql.each(
            self._turn.db,
            "SELECT place, header, salt, body FROM record JOIN entry USING (place)"
            " WHERE shelf_no = (SELECT shelf_no FROM shelf WHERE kind = ? AND space = ?)"
            " AND gone = 0 AND place >= ? AND place < ? AND state = 0 ORDER BY place DESC",
            (kind, PUBLIC, place_of(log_no, 0), place_of(log_no + 1, 0)),
        )
        for place, header, salt, body in rows:
            if is_body_of(header, salt, body):
                yield index_of(place), (header, salt, body)

    # --- peers ---------------------------------------------------------------------------------
    def cursor(self, peer: bytes) -> tuple[bytes, int] | None:
        """How far a peer's changes were followed."""
        row = sql.first(self._turn.db, "SELECT store, cursor FROM peer_cursor WHERE peer = ?", (peer,))
        return (row[0], row[1]) if row else None

    def put_cursor(self, peer: bytes, store: bytes, cursor: int) -> None:
        """Remember how far a peer's changes were followed."""
        self._turn.db.execute("INSERT OR REPLACE INTO peer_cursor VALUES (?, ?, ?)", (peer, store, cursor))

    def forget_cursors(self) -> None:
        """Everybody must be asked from the beginning again."""
        self._turn.db.execute("DELETE FROM peer_cursor")

    def forget_peers(self, but: Collection[bytes], now: int) -> None:
        """Drop cursors and scores of all others, but of those who are away."""
        db = self._turn.db
        known = [row[0] for row in db.execute("SELECT peer FROM peer_cursor")]
        db.executemany("DELETE FROM peer_cursor WHERE peer = ?", [(org,) for org in known if org not in but])
        back = [row[0] for row in db.execute("SELECT peer FROM peer_score WHERE away_until <= ?", (now,))]
        db.executemany("DELETE FROM peer_score WHERE peer = ?", [(org,) for org in back if org not in but])

    def addresses(self) -> Iterator[Address]:
        """The address book, by address."""
        rows = sql.rows(
            self._turn.db, "SELECT address, org, source, last_met, failures FROM address ORDER BY address"
        )
        return (Address(*row) for row in rows)

    def put_address(self, address: Address) -> None:
        """Add or replace by ``address``."""
        self._turn.db.execute(
            "INSERT OR REPLACE INTO address VALUES (?, ?, ?, ?, ?)", msgspec.structs.astuple(address)
        )

    def score(self, peer: bytes) -> tuple[float, int]:
        """(local score, Unix seconds until which the peer is not dialled)."""
        row = sql.first(self._turn.db, "SELECT score, away_until FROM peer_score WHERE peer = ?", (peer,))
        return (row[0], row[1]) if row else (0.0, 0)

    def put_score(self, peer: bytes, score: float, away_until: int) -> None:
        """Keep a peer's local score."""
        self._turn.db.execute("INSERT OR REPLACE INTO peer_score VALUES (?, ?, ?)", (peer, score, away_until))

    # --- drafts --------------------------------------------------------------------------------
    def put_draft(self, draft: Draft) -> None:
        """Add or replace a draft."""
        text = msgspec.json.encode(draft.input).decode()
        self._turn.db.execute(
            "INSERT OR REPLACE INTO draft VALUES (?, ?, ?, ?)", (draft.id, draft.kind, text, draft.updated)
        )

    def drop_draft(self, id: str) -> None:
        """Forget a draft."""
        self._turn.db.execute("DELETE FROM draft WHERE id = ?", (id,))
