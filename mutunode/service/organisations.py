"""An organisation's page: who it says it is, what it wants and does not want, what it shares and uses."""

from __future__ import annotations

import msgspec

from mutunode.protocol.ids import key_text, org_text, rec_text
from mutunode.service import disputes, finding, naming, network, rules, usages
from mutunode.service.desk import Desk
from mutunode.service.shapes import OrganisationPage, UsageLine

SHOWN_MAX = 12


def page(desk: Desk, org: bytes, reader_language: str) -> OrganisationPage:
    """Everything the page of an organisation shows."""
    found = desk.reader.organisation(org)
    shared = finding.search(
        desk,
        finding.Asked(
            kinds="resource",
            orgs=org_text(org),
            limit=SHOWN_MAX,
            sort="date",
            reader_language=reader_language,
        ),
    )
    profile = desk.reader.current(org, "profile")
    kind = desk.registry["profile"]
    body = profile.fields() if profile is not None else {}
    uses, titles, ids = _uses(desk, org, reader_language)
    chain = found.chain if found is not None else None
    epochs, rivals = disputes.branches(chain) if chain is not None else ((), ())
    return OrganisationPage(
        organisation=network.organisation(desk, org),
        profile=kind.to_json(body) if body and not kind.check(body) else {},
        profile_id=rec_text(profile.rec) if profile is not None else "",
        resources=shared.hits,
        total_resources=shared.total,
        uses=uses,
        used_titles=titles,
        used_ids=ids,
        epoch=chain.epoch if chain is not None else 0,
        epochs=tuple(msgspec.to_builtins(each) for each in epochs),
        rivals=tuple(msgspec.to_builtins(each) for each in rivals),
        to_decide=chain is not None and disputes.waits(chain),
        key_here=key_text(desk.safe.keys.operating_public) if org == desk.org else "",
    )


def _uses(
    desk: Desk, org: bytes, reader_language: str
) -> tuple[tuple[UsageLine, ...], dict[str, str], dict[str, str]]:
    """What it declared it uses: (lines, usage → title of the resource, usage → its id)."""
    lines, titles, ids = [], {}, {}
    for usage in desk.reader.of_kind("usage", org=org, limit=SHOWN_MAX):
        ref = usage.fields().get("resource")
        resource = rules.cited(desk, ref) if isinstance(ref, list) and len(ref) == 3 else None
        line = usages.line(desk, usage, resource)
        if line is None or resource is None:
            continue
        lines.append(line)
        titles[line.id] = naming.title_of(desk, resource, reader_language)[0]
        ids[line.id] = rec_text(resource.rec)
    return tuple(lines), titles, ids
