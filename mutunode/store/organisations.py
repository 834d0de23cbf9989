"""Reading what is known of organisations, each with its public log."""

from __future__ import annotations

from collections.abc import Iterator

import apsw

from mutunode.protocol.head import PUBLIC, log_id
from mutunode.store import chains, sql
from mutunode.store.interface import Organisation
from mutunode.store.places import log_no_of
from mutunode.store.sqlite_logs import frozen_epoch, unpack_head

_KNOWN = (
    "SELECT org, chain, accepted, blocked, coalesce(decided_at, 0), head, coalesce(size, 0),"
    " coalesce(records, 0), coalesce(received_at, 0), broken_at, forked_in"
    " FROM org LEFT JOIN log ON log.org_no = org.org_no AND log.space = ?"
    " WHERE (chain IS NOT NULL OR decided_at IS NOT NULL)"
)


def read_organisations(db: apsw.Connection, org: bytes | None = None) -> Iterator[Organisation]:
    """Organisations whose chain is held or about which a person decided; one, or all by id."""
    if org is None:
        rows = sql.each(db, f"{_KNOWN} ORDER BY org", (PUBLIC,))
    else:
        rows = sql.each(db, f"{_KNOWN} AND org = ?", (PUBLIC, org))
    vouchers = _vouchers(db, org)
    for row in rows:
        of, raw_chain, accepted, blocked, decided, raw_head, size, records, received, broken, forked_in = row
        chain = chains.unpack_if_intact(raw_chain, of)
        head = unpack_head(raw_head)
        yield Organisation(
            org=of,
            name=chain.name if chain else "",
            chain=chain,
            accepted=bool(accepted),
            blocked=bool(blocked),
            stance_time=decided,
            log=log_id(of, PUBLIC),
            head=head,
            size=size,
            records=records,
            received_at=received,
            vouched_by=tuple(vouchers.get(of, ())),
            evidence=forked_in is not None,
            frozen=frozen_epoch(forked_in, head) is not None,
            broken_at=broken,
        )


def _vouchers(db: apsw.Connection, org: bytes | None) -> dict[bytes, dict[bytes, None]]:
    """Who has a current public vouch for whom, in order of arrival."""
    found: dict[bytes, dict[bytes, None]] = {}
    names: dict[int, bytes | None] = {}
    rows = sql.each(
        db,
        "SELECT vouch.org, place FROM vouch JOIN record USING (place)"
        " WHERE gone = 0 AND (?1 IS NULL OR vouch.org = ?1) ORDER BY arrival",
        (org,),
    )
    for vouched, place in rows:
        log_no = log_no_of(place)
        if log_no not in names:
            names[log_no] = sql.value(
                db,
                "SELECT org FROM log JOIN org USING (org_no) WHERE log_no = ? AND space = ? AND NOT blocked",
                (log_no, PUBLIC),
            )
        voucher = names[log_no]
        if voucher is not None:
            found.setdefault(vouched, {})[voucher] = None
    return found
