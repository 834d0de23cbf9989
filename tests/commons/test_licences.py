"""Licences as permissions, over the strings of a real catalogue; and what a derived work may bear."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutunode.commons import licences
from mutunode.commons.licences import Permission, compare, explain, normalise, permission, short

SILL = Path(__file__).parents[2] / "examples" / "sill" / "sill-2022.jsonl"
SILL_LICENCES = sorted({json.loads(line).get("l") or "" for line in SILL.read_text().splitlines()})

CREDIT = {
    *(
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSD-3.0",
        "CECILL-B",
        "MIT",
        "OLDAP-2.8",
        "PostgreSQL",
        "X11",
    ),
}
# A name that is none ("CPA"), one that does not exist (CeCILL 2.2), a list that may or may not be a choice.
UNKNOWN = {"CPA", "MPL-2.0, GPL-2.0, LGPL-2.0, CeCILL-2.2", "MIT, LGPL-3, AGPL-3"}


@pytest.mark.parametrize("text", SILL_LICENCES)
def test_every_licence_of_the_catalogue_is_told_as_a_permission(text: str) -> None:
    expected = (
        Permission.NOT_STATED
        if text == "N/A"
        else Permission.CREDIT
        if text in CREDIT
        else Permission.UNKNOWN
        if text in UNKNOWN
        else Permission.SHARE_ALIKE
    )
    assert permission(text) == expected
    assert explain(text).fr
    assert explain(text).en
    assert normalise(text) == text


def test_the_catalogue_is_the_real_one() -> None:
    assert len(SILL_LICENCES) == 52


@pytest.mark.parametrize("text", SILL_LICENCES)
def test_a_doubt_is_never_an_ok(text: str) -> None:
    same = compare(text, text, "adaptation")
    doubtful = (
        permission(text) in (Permission.UNKNOWN, Permission.NOT_STATED) or "," in text or " " in text.strip()
    )
    assert same.verdict == ("warn" if doubtful and text != "GPL V2.0" else "ok")
    assert compare("Some licence of ours", text, "adaptation").verdict == "warn"


@pytest.mark.parametrize(
    ("given", "proper"),
    [
        ("mit", "MIT"),
        ("cc-by-sa-4.0", "CC-BY-SA-4.0"),
        ("gpl-2.0-or-later with classpath-exception-2.0", "GPL-2.0-or-later WITH Classpath-exception-2.0"),
        ("( mit or apache-2.0 )", "(MIT OR Apache-2.0)"),
        ("GPL-2.0", "GPL-2.0"),  # deprecated, and not ours to replace
        ("LicenseRef-Maison", "LicenseRef-Maison"),
        ("  Licence maison ", "  Licence maison "),
        ("MIT OR", "MIT OR"),
        ("", ""),
    ],
)
def test_an_expression_gets_its_spelling_and_the_rest_stays_verbatim(given: str, proper: str) -> None:
    assert normalise(given) == proper


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Permission.NOT_STATED),
        ("  ", Permission.NOT_STATED),
        ("CC0-1.0", Permission.FREE),
        ("domaine public", Permission.FREE),
        ("CC BY 4.0", Permission.CREDIT),
        ("Licence Ouverte 2.0", Permission.CREDIT),
        ("etalab-2.0", Permission.CREDIT),
        ("CC BY-SA", Permission.SHARE_ALIKE),
        ("EUPL-1.2", Permission.SHARE_ALIKE),
        ("ODbL", Permission.SHARE_ALIKE),
        ("CC-BY-NC-4.0", Permission.NON_COMMERCIAL),
        ("CC-BY-NC-SA-4.0", Permission.NON_COMMERCIAL),
        ("CC-BY-ND-4.0", Permission.NO_DERIVATIVES),
        ("https://creativecommons.org/licenses/by-nc-nd/4.0/deed.fr", Permission.NO_DERIVATIVES),
        ("https://creativecommons.org/publicdomain/zero/1.0/", Permission.FREE),
        ("http://opensource.org/licenses/MPL-2.0", Permission.SHARE_ALIKE),
        ("MIT OR GPL-3.0-only", Permission.CREDIT),
        ("MIT AND GPL-3.0-only", Permission.SHARE_ALIKE),
        ("MIT AND LicenseRef-Maison", Permission.UNKNOWN),
        ("MIT OR LicenseRef-Maison", Permission.CREDIT),
        ("MIT, Apache-2.0", Permission.CREDIT),
        ("Tous droits réservés", Permission.UNKNOWN),
        ("((((", Permission.UNKNOWN),
    ],
)
def test_what_a_licence_allows(text: str, expected: Permission) -> None:
    assert permission(text) == expected


def test_permissions_are_said_in_words_and_the_code_after() -> None:
    assert explain("Apache-2.0").fr == "Adapter, en citant"
    assert explain("CC-BY-SA-4.0").en == "Adapt with credit, and share alike"
    assert (
        explain("CC-BY-NC-SA-4.0").fr
        == "Adapter en citant, sans usage commercial, et repartager à l’identique"
    )
    assert explain("CC-BY-NC-ND-4.0").en == "Share with credit, unchanged, not commercially"
    assert explain("").fr == "Licence non précisée"
    assert [
        short(text) for text in ("CC-BY-SA-4.0", "etalab-2.0", "gpl-2.0-or-later", "MIT OR Apache-2.0")
    ] == [
        "CC BY-SA 4.0",
        "Licence Ouverte 2.0",
        "GPL 2.0+",
        "MIT OR Apache 2.0",
    ]
    assert short("Licence maison") == "Licence maison"


OK = [
    ("CC0-1.0", "", "adaptation"),
    ("MIT", "MIT", "port"),
    ("MIT", "GPL-3.0-only", "port"),
    ("Apache-2.0", "CC-BY-SA-4.0", "adaptation"),
    ("Apache-2.0", "GPL-3.0-or-later", "port"),
    ("etalab-2.0", "CC-BY-4.0", "adaptation"),
    ("CC-BY-4.0", "CC-BY-ND-4.0", "translation"),
    ("CC-BY-SA-4.0", "CC-BY-SA-4.0", "translation"),
    ("CC-BY-SA-3.0", "CC-BY-SA-4.0", "adaptation"),
    ("CC-BY-SA-4.0", "GPL-3.0-only", "adaptation"),
    ("CC-BY-SA-4.0", "LAL-1.3", "adaptation"),
    ("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "adaptation"),
    ("CC-BY-NC-SA-4.0", "CC-BY-NC-SA-4.0", "adaptation"),
    ("CC-BY-ND-4.0", "CC-BY-ND-4.0", "extract"),
    ("GPL-2.0", "GPL-2.0-only", "port"),
    ("GPL-2.0+", "GPL-3.0", "port"),
    ("GPL-2.0-or-later", "GPL-3.0-or-later", "port"),
    ("LGPL-2.1-only", "GPL-2.0-only", "port"),
    ("LGPL-2.1-only", "GPL-3.0-or-later", "port"),
    ("LGPL-3.0-or-later", "GPL-3.0-or-later", "port"),
    ("LGPL-2.1-or-later", "LGPL-3.0-only", "port"),
    ("EPL-1.0", "EPL-2.0", "port"),
    ("EUPL-1.1", "EUPL-1.2", "port"),
    ("MIT OR GPL-3.0-only", "Apache-2.0", "port"),
    ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only", "port"),
]
WARN = [
    ("", "MIT", "adaptation"),
    ("N/A", "MIT", "adaptation"),
    ("Licence maison", "MIT", "adaptation"),
    ("LicenseRef-Maison", "LicenseRef-Maison", "adaptation"),
    ("MIT", "", "adaptation"),
    ("MIT", "Licence maison", "adaptation"),
    ("CC-BY-4.0", "CC0-1.0", "adaptation"),
    ("CC-BY-SA-4.0", "Licence maison", "adaptation"),
    ("CC-BY-ND-4.0", "CC-BY-4.0", "extract"),
    ("CC-BY-NC-4.0", "", "adaptation"),
    ("GPL-3.0-only", "AGPL-3.0-only", "port"),
    ("MPL-2.0", "GPL-3.0-only", "remix"),
    ("EUPL-1.2", "AGPL-3.0-only", "remix"),
    ("CECILL-2.1", "GPL-3.0-or-later", "remix"),
    ("EPL-2.0", "MIT", "remix"),
    ("GPL-3.0-only", "GPL-3.0-only AND MIT", "remix"),
    ("MIT, GPL-3.0", "MIT", "port"),
    ("MIT", "MIT, GPL-3.0", "port"),
]
CONFLICT = [
    ("CC-BY-SA-4.0", "CC-BY-4.0", "adaptation"),
    ("CC-BY-SA-4.0", "", "translation"),
    ("CC-BY-SA-4.0", "CC-BY-SA-3.0", "adaptation"),
    ("CC-BY-SA-4.0", "GPL-2.0-only", "adaptation"),
    ("CC-BY-ND-4.0", "CC-BY-ND-4.0", "translation"),
    ("CC-BY-ND-4.0", "", "adaptation"),
    ("CC-BY-NC-4.0", "CC-BY-4.0", "adaptation"),
    ("CC-BY-NC-SA-4.0", "CC-BY-SA-4.0", "adaptation"),
    ("GPL-2.0-only", "GPL-3.0-only", "port"),
    ("GPL-2.0-only", "GPL-2.0-or-later", "port"),
    ("GPL-3.0-or-later", "GPL-2.0-only", "port"),
    ("GPL-3.0-only", "LGPL-3.0-only", "port"),
    ("LGPL-3.0-only", "GPL-3.0-or-later", "port"),
    ("AGPL-3.0-only", "MIT", "remix"),
    ("EPL-2.0", "MIT", "port"),
    ("Apache-2.0", "GPL-2.0-only", "port"),
    ("BSD-4-Clause", "GPL-3.0-only", "port"),
    ("GPL-3.0-only", "MIT OR GPL-3.0-only", "port"),
    ("MIT AND GPL-3.0-only", "MIT", "port"),
    ("ODbL-1.0", "CC-BY-4.0", "extract"),
]
CASES = [
    (*case, verdict)
    for verdict, cases in (("ok", OK), ("warn", WARN), ("conflict", CONFLICT))
    for case in cases
]


@pytest.mark.parametrize(("source", "derived", "relation", "verdict"), CASES)
def test_what_a_derived_work_may_bear(source: str, derived: str, relation: str, verdict: str) -> None:
    found = compare(source, derived, relation)
    assert found.verdict == verdict
    assert found.reason.fr
    assert found.reason.en


def test_the_spdx_list_is_known() -> None:
    for known in (
        "MIT",
        "Apache-2.0",
        "EPL-2.0",
        "EUPL-1.2",
        "etalab-2.0",
        "CECILL-2.1",
        "AGPL-3.0-or-later",
    ):
        assert licences.understand(known).alternatives[0][0].known


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=60), st.text("MITGPL-2.0 ()ORANDWITH,/", max_size=60))
def test_no_licence_text_breaks_reading_it(one: str, other: str) -> None:
    for text in (one, other):
        assert permission(text) in Permission
        assert normalise(normalise(text)) == normalise(text)
        assert explain(text).fr
    assert compare(one, other, "adaptation").verdict in ("ok", "warn", "conflict")


@pytest.mark.parametrize(
    "text", ["(" * 1_000, "MIT OR " * 140 + "MIT", "(MIT OR X11) AND " * 50 + "MIT", "x" * 5_000]
)
def test_hostile_licences_are_bounded(text: str) -> None:
    assert permission(text) in (Permission.UNKNOWN, Permission.CREDIT)
