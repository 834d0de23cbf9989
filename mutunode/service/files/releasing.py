"""Keeping something no longer: promises are taken back, and what was asked for or promised is let go of.

What something else keeps here stays: our own record, another promise, a rule of the settings.
"""

from __future__ import annotations

import msgspec

from mutunode.protocol.ids import org_text, rec_text
from mutunode.service import lookup, publishing, rules
from mutunode.service.desk import Desk
from mutunode.service.files import having, keeping
from mutunode.store.interface import Reason, Stored


class Released(msgspec.Struct, frozen=True):
    """Answer of ``release``."""

    id: str  # of the record or organisation
    withdrawn: tuple[str, ...]  # promises taken back
    dropped: int  # files that are not kept any more
    kept: int  # that stay, since something else keeps them


def release(desk: Desk, text: str) -> Released:
    """Stop keeping the files of a record, or those promised of an organisation.

    Raises:
        Refusal: 3 no such record or organisation; 5 nothing may be signed now.
    """
    if text.startswith("org_"):
        org = lookup.organisation(desk, text)
        given_up = _kept_for(desk, _cited_by(desk, org), ("promised",))
        withdrawn = _withdraw(
            desk, [each for each in keeping.own_promises(desk) if each.fields().get("org") == org]
        )
        return Released(org_text(org), withdrawn, *_let_go(desk, given_up))
    stored = lookup.record(desk, text)
    versions = rules.versions(desk, stored)
    recs = {version.rec for version in versions}
    promises = [each for each in keeping.own_promises(desk) if _record_of(desk, each) in recs]
    blobs = {blob for version in versions for blob, _ in having.described(version)}
    given_up = _kept_for(desk, blobs, ("asked", "promised"))
    withdrawn = _withdraw(desk, promises)
    return Released(rec_text(stored.rec), withdrawn, *_let_go(desk, given_up))


def _record_of(desk: Desk, promise: Stored) -> bytes | None:
    target = promise.fields().get("record")
    record = rules.cited(desk, target) if isinstance(target, list) and len(target) == 3 else None
    return record.rec if record is not None else None


def _withdraw(desk: Desk, promises: list[Stored]) -> tuple[str, ...]:
    ids = tuple(rec_text(each.rec) for each in promises)
    for each in ids:
        publishing.withdraw(desk, each, "author")
    return ids


def _cited_by(desk: Desk, org: bytes) -> set[bytes]:
    """Files of an organisation's current records."""
    after, found = (b"", b""), set()
    while cites := desk.reader.current_cites(after, keeping.ALL_A_STEP):
        found |= {cite.blob for cite in cites if cite.org == org}
        after = (cites[-1].blob, cites[-1].rec)
    return found


def _kept_for(desk: Desk, blobs: set[bytes], reasons: tuple[Reason, ...]) -> list[bytes]:
    """Those that are here, or wanted, for one of these reasons.

    Before a promise is withdrawn: then the keeper steps down what is not promised any more.
    """
    return [file.blob for file in filter(None, map(desk.reader.file, blobs)) if file.reason in reasons]


def _let_go(desk: Desk, blobs: list[bytes]) -> tuple[int, int]:
    """(files let go of, files that something else keeps)."""
    promised, accepted = keeping.promises(desk), keeping.Accepted(desk)
    gone, kept = [], []
    for file in filter(None, map(desk.reader.file, blobs)):
        cites = [cite for cite in desk.reader.cites(file.blob) if cite.public and cite.current]
        reasons = [keeping.reason_of(desk, cite, promised, accepted) for cite in cites]
        left = [reason for reason in reasons if reason is not None]
        if left:
            kept.append(msgspec.structs.replace(file, reason=max(left, key=keeping.rank)))
        else:
            gone.append(file.blob)
    if kept:
        keeping.put(desk, kept)
    return keeping.let_go(desk, gone), len(kept)
