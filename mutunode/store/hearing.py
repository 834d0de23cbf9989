"""Taking back what a record said: where its body is dropped, nothing that was read in it may stay."""

from __future__ import annotations

import apsw

from mutunode.store.meaning import Said, header_of, read
from mutunode.store.numbering import log_no_for
from mutunode.store.places import INDEX_MAX, key64, log_no_of, place_of


def unhear(db: apsw.Connection, place: int, header: bytes, body: bytes, arrival: int) -> Said | None:
    """Forget whom a record cites, its author's own key, whom it vouches for; what it had said."""
    parsed = header_of(header)
    said = read(parsed.kind, body) if parsed and body else None
    if parsed is None or said is None:
        return None
    for cited, index, leaf in said.refs:
        if index <= INDEX_MAX:
            cited_no = log_no_for(db, cited)
            db.execute(
                "DELETE FROM mention WHERE target = ? AND leaf = ? AND source = ?",
                (place_of(cited_no, index), leaf, place),
            )
            db.execute("DELETE FROM inbox WHERE log_no = ? AND arrival = ?", (cited_no, arrival))
    if said.external_ref is not None:
        db.execute(
            "DELETE FROM external_ref WHERE log_no = ? AND key64 = ? AND place = ?",
            (log_no_of(place), key64(parsed.kind, said.external_ref), place),
        )
    if said.vouches_for is not None:
        db.execute("DELETE FROM vouch WHERE org = ? AND place = ?", (said.vouches_for, place))
    return said
