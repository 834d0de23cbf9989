"""A strict stand-in for the office: the same answers in memory, from real kinds and real rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.web import catalogue
from tests.web.fake_files import FakeFiles
from tests.web.fake_people import FakePeople
from tests.web.fake_shelf import DAY, NOW, Entry
from tests.web.fake_writing import FakeWriting


class FakeOffice(FakePeople, FakeFiles, FakeWriting):
    """An office of six organisations."""

    @property
    def inside(self) -> FakeOffice:
        """What sessions read besides."""
        return replace(self, is_inside=True)


def furnished(**settings: Any) -> FakeOffice:
    """An office with everything a page can show."""
    office = FakeOffice(**settings)
    for age, row in enumerate(catalogue.SOFTWARE):
        office.add(catalogue.POLE, "resource", row, NOW - (30 - age) * DAY)
    office.add(catalogue.PASSERELLE, "profile", catalogue.PROFILE, NOW - 300 * DAY)
    for row in catalogue.SHEETS:
        office.add(catalogue.RELAIS, "resource", row, NOW - 16 * DAY)
    office.add(catalogue.PASSERELLE, "resource", catalogue.TERM, NOW - 12 * DAY)
    sheet = next(
        entry for entry in office.entries if entry.body.get("title", {}).get("fr", "").startswith("L’adap")
    )
    version = office.add(
        catalogue.FABRIQUE,
        "resource",
        {
            **catalogue.VERSION,
            "based_on": [{"ref": sheet.id, "changes": "Exemples de bacs et de hauteurs de table"}],
        },
        NOW - 9 * DAY,
    )
    _furnish_usages(office, sheet, version)
    return office


def _furnish_usages(office: FakeOffice, sheet: Entry, version: Entry) -> None:
    def use(author: str, entry: Entry, type: str, period: str, **more: Any) -> Entry:
        return office.add(
            author, "usage", {"resource": entry.id, "type": type, "period": period, **more}, NOW - 3 * DAY
        )

    def answer(author: str, usage: Entry, answer: str, **more: Any) -> None:
        office.add(author, "usage_answer", {"usage": usage.id, "answer": answer, **more}, NOW - 2 * DAY)

    first = use(
        catalogue.TILLEULS, sheet, "adapted", "mars 2026", can_help=True,
        experience="Trois postes revus à l’atelier vélo. Nous pouvons montrer comment.",
    )  # fmt: skip
    answer(catalogue.RELAIS, first, "thanks")
    use(catalogue.RADIO, sheet, "used", "automne 2026", purpose="Pour préparer une visite de pré-reprise.")
    use(catalogue.PASSERELLE, sheet, "translated", "2026")
    contested = use(catalogue.POLE, sheet, "recommended", "2026")
    answer(catalogue.RELAIS, contested, "contest", reason="Ce n’est pas cette fiche.")
    use(
        catalogue.TILLEULS, version, "used", "novembre 2026", can_help=True,
        experience="Nous avons gardé les hauteurs de table et retiré la partie sur les bacs.",
    )  # fmt: skip
    office.add(
        catalogue.RADIO,
        "flag",
        {"target": version.id, "reason": "inaccurate", "note": "Une mesure manque."},
        NOW - DAY,
    )


def in_state(entry: Entry, state: str) -> Entry:
    """The same record in another state."""
    return replace(entry, state=state)
