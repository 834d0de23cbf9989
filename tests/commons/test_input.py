"""What people and scripts type becomes a body, or a sentence that says which field to mend."""

from __future__ import annotations

import datetime as dt
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutunode.commons.kind import Kind, Problem
from mutunode.commons.registry import load
from mutunode.protocol.entry import rec_id
from mutunode.protocol.ids import blob_text, org_text, rec_text

REGISTRY = load()
RESOURCE, PROFILE, USAGE = REGISTRY["resource"], REGISTRY["profile"], REGISTRY["usage"]
REF = [bytes(range(32)), 7, bytes(32)]
REC = rec_text(rec_id(bytes(range(32)), bytes(32)))


def _read(kind: Kind, **given: Any) -> dict[str, Any]:
    body, problems = kind.from_input(given, today="2026-11-24", resolve=lambda text: REF)
    assert problems == []
    return body


def _problems(kind: Kind, given: dict[str, Any]) -> dict[str, Problem]:
    _, problems = kind.from_input(given, today="2026-11-24")
    return {problem.field: problem for problem in problems}


# --- what is understood ----------------------------------------------------------------------------


def test_a_title_is_all_a_resource_needs() -> None:
    assert _read(RESOURCE, title="Adapter un poste") == {
        "title": {"fr": "Adapter un poste"},
        "ack": {"policy": "welcome", "detail": "organisation"},
    }


def test_text_without_a_language_is_in_the_organisation_s() -> None:
    body, _ = RESOURCE.from_input({"title": "Sorting", "title.fr": "Trier"}, language="en")
    assert body["title"] == {"en": "Sorting", "fr": "Trier"}


def test_text_stays_exactly_as_it_was_given() -> None:
    text = "  «\u202fÉtape\u00a01\u202f»\r\n\u0007 <b>gras</b> e\u0301  "
    assert _read(RESOURCE, title=text)["title"]["fr"] == text


def test_repeated_values_and_separated_ones_make_lists() -> None:
    assert _read(RESOURCE, title="X", keywords=["tri", "déchets, verts"])["keywords"] == [
        "tri",
        "déchets, verts",
    ]
    assert _read(RESOURCE, title="X", keywords="tri, bacs;compost")["keywords"] == ["tri", "bacs", "compost"]
    assert _read(RESOURCE, title="X", creators="Dupont, Marie\nAtelier")["creators"] == [
        "Dupont, Marie",
        "Atelier",
    ]


def test_open_form_fields_are_absent_keys() -> None:
    body = _read(
        RESOURCE, title="X", abstract=" ", url="", keywords=["", ""], type=None, files=[], based_on={}
    )
    assert set(body) == {"title", "ack"}


def test_dotted_names_reach_inside() -> None:
    flat = {
        "title": "X",
        "ack.policy": "indifferent",
        "based_on.0.ref": REC,
        "based_on.0.changes.fr": "Des bacs",
        "based_on.1.uri": "https://a.example/",
    }
    body, problems = RESOURCE.from_input(flat, resolve=lambda text: REF)
    assert problems == []
    assert body["ack"]["policy"] == "indifferent"
    assert body["based_on"] == [
        {"ref": REF, "relation": "adaptation", "changes": {"fr": "Des bacs"}},
        {"uri": "https://a.example/", "relation": "adaptation"},
    ]


def test_short_forms_are_understood() -> None:
    body = _read(
        RESOURCE, title="X", ack="licence_duty", based_on=f"{REC}\nhttps://a.example/", type="Pratique"
    )
    assert body["ack"] == {"policy": "licence_duty", "detail": "organisation"}
    assert [sorted(item) for item in body["based_on"]] == [["ref", "relation"], ["relation", "uri"]]
    assert body["type"] == "practice"


def test_members_beside_a_short_form_belong_to_it() -> None:
    given = {"title": "X", "based_on": REC, "based_on.relation": "translation"}
    body, problems = RESOURCE.from_input(given, resolve=lambda text: REF)
    assert (body["based_on"], problems) == ([{"ref": REF, "relation": "translation"}], [])


def test_a_source_left_open_in_a_form_is_no_source() -> None:
    assert "based_on" not in _read(
        RESOURCE, title="X", **{"based_on.0.ref": "", "based_on.0.relation": "remix"}
    )


def test_languages_are_understood_and_kept_as_written() -> None:
    given = ["zh_CN", "iw", "ca@valencia", "français", "pt-BR"]
    body = _read(RESOURCE, title="X", languages=given)
    assert body["languages"] == ["zh_CN", "iw", "ca@valencia", "fr", "pt-BR"]
    assert RESOURCE.facets(body)["language"] == ["zh-CN", "he", "ca-valencia", "fr", "pt-BR"]


def test_dates_keep_what_was_given() -> None:
    dates = ["26 novembre 2025", "automne 2026", dt.date(2025, 11, 4), 2024]
    assert _read(RESOURCE, title="X", dates=dates)["dates"] == [
        {"given": "26 novembre 2025", "parsed": "2025-11-26"},
        {"given": "automne 2026"},
        {"given": "2025-11-04", "parsed": "2025-11-04"},
        {"given": "2024", "parsed": "2024"},
    ]


def test_a_licence_is_an_expression_or_free_text() -> None:
    assert _read(RESOURCE, title="X", license="mit or cc-by-4.0")["license"] == "MIT OR CC-BY-4.0"
    assert _read(RESOURCE, title="X", license="GPL V2.0")["license"] == "GPL V2.0"


def test_numbers_of_a_catalogue_may_be_references() -> None:
    assert _read(RESOURCE, title="X", external_ref=42)["external_ref"] == "42"


def test_a_use_needs_a_resource_and_a_way() -> None:
    assert _read(USAGE, resource=REC, type="adapted", can_help="on") == {
        "resource": REF,
        "type": "adapted",
        "period": "2026-11-24",
        "can_help": True,
        "visibility": "public",
    }


def test_refs_may_come_resolved() -> None:
    assert _read(USAGE, resource=tuple(REF), type="used")["resource"] == REF


def test_what_will_have_to_be_resolved_is_known_before() -> None:
    short = f"{REC[:14]}"
    given = {"title": "X", "based_on.0.ref": short, "supersedes": REC, "based_on.1.uri": "https://a.example/"}
    assert RESOURCE.refs_to_resolve(given) == [("based_on.0.ref", short), ("supersedes", REC)]


def test_a_profile_says_at_least_one_thing_about_what_it_wants() -> None:
    body = _read(PROFILE, name="Atelier", **{"posture.joins_risk": "non"})
    assert body["posture"] == {"joins_risk": False}
    assert body["languages"] == ["fr"]
    assert set(_problems(PROFILE, {"name": "Atelier"})) == {"posture"}


def test_identifiers_come_as_people_write_them() -> None:
    given = "SIREN 123 456 789\nROR:https://ror.org/000000000"
    assert _read(PROFILE, name="A", posture={"shares_aval": "no"}, identifiers=given)["identifiers"] == [
        {"scheme": "SIREN", "value": "123 456 789"},
        {"scheme": "ROR", "value": "https://ror.org/000000000"},
    ]


# --- what is refused, and in which words -----------------------------------------------------------


def test_every_problem_names_its_field_in_both_languages() -> None:
    problems = _problems(
        RESOURCE, {"type": "poem", "titre": "X", "license": "\udcff", "languages": "fr, klingonish"}
    )
    assert set(problems) == {"title", "type", "titre", "license", "languages.1"}
    assert problems["title"].fr == "Titre\u00a0: ce champ est obligatoire."
    assert problems["title"].en == "Title: this field is required."
    assert problems["languages.1"].fr.startswith("Langues, n°\u00a02\u00a0: « klingonish »")
    assert "practice" in problems["type"].en
    assert "title" in problems["titre"].en


@pytest.mark.parametrize(
    ("field", "value", "where", "code"),
    [
        ("title", "a\0b", "title.fr", "nul"),
        ("title", "é" * 600, "title.fr", "too_long"),
        ("title", ["a", "b"], "title.fr", "type"),
        ("title", {"xx-yy": "X"}, "title.xx-yy", "language"),
        ("abstract", True, "abstract.fr", "type"),
        ("url", "www.example.org", "url", "uri"),
        ("url", "javascript:alert(1)", "url", "uri"),
        ("url", "https://a b.example/", "url", "uri"),
        ("keywords", ["k"] * 257, "keywords", "too_many"),
        ("keywords", ["k", "k" * 300], "keywords.1", "too_long"),
        ("based_on", "rec_notbase32!", "based_on.0.ref", "type"),
        ("based_on", REC, "based_on.0.ref", "not_found"),
        ("based_on", [{"relation": "remix", "changes": "Tout"}], "based_on.0", "one_of"),
        ("files", [{"blob": blob_text(bytes(32)), "size": -1}], "files.0.size", "type"),
        ("files", [{"blob": blob_text(bytes(32)), "size": 1, "name": "../x"}], "files.0.name", "pattern"),
        ("ack", {"policy": "whenever"}, "ack.policy", "choice"),
        ("dates", [["x"]], "dates.0", "type"),
        ("supersedes", 7, "supersedes", "type"),
    ],
)
def test_what_cannot_be_signed_is_told(field: str, value: Any, where: str, code: str) -> None:
    problem = _problems(RESOURCE, {"title": "X", field: value})[where]
    assert (problem.code, bool(problem.fr), bool(problem.en)) == (code, True, True)


def test_an_address_without_a_scheme_gets_a_suggestion() -> None:
    assert (
        "https://www.example.org" in _problems(RESOURCE, {"title": "X", "url": "www.example.org"})["url"].fr
    )


def test_a_body_too_long_to_be_signed_says_what_to_do() -> None:
    given = {"title": "X", "abstract.fr": "é" * 20_000, "abstract.en": "e" * 30_000}
    assert _problems(RESOURCE, given)[""].code == "too_large"


def test_a_contest_says_why() -> None:
    answer = REGISTRY["usage_answer"]
    assert set(_problems(answer, {"usage": REF, "answer": "contest"})) == {"reason"}
    assert _problems(answer, {"usage": REF, "answer": "contest", "reason": "Une autre fiche"}) == {}


def test_an_organisation_may_be_named_by_the_start_of_its_id() -> None:
    vouch, org = REGISTRY["vouch"], bytes(range(32))
    assert vouch.from_input({"org": org_text(org)}) == ({"org": org}, [])
    short = org_text(org)[:14]
    assert vouch.from_input({"org": short}, resolve={short: org}.get) == ({"org": org}, [])
    assert set(_problems(vouch, {"org": short})) == {"org"}


def test_what_was_understood_is_given_back_beside_the_problems() -> None:
    body, problems = RESOURCE.from_input({"title": "X", "type": "poem"})
    assert body["title"] == {"fr": "X"}
    assert [problem.field for problem in problems] == ["type"]


# --- anything at all -------------------------------------------------------------------------------

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=33)
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


def _given_to(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
    names = [declared.name for declared in kind.all_fields]
    dotted = [
        f"{name}.{inner}" for name in names for inner in ("fr", "0", "0.ref", "policy", "a.b.c.d.e.f.g.h.i.j")
    ]
    return st.dictionaries(st.sampled_from(names + dotted) | _TEXT, _JSON, max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(list(REGISTRY.values())))
def test_no_input_breaks_reading_and_what_has_no_problem_can_be_signed(
    data: st.DataObject, kind: Kind
) -> None:
    body, problems = kind.from_input(data.draw(_given_to(kind)), resolve=lambda text: None)
    assert problems or kind.check(body) == []
    assert all(problem.fr and problem.en for problem in problems)


_WORDS = st.text(string.ascii_letters + "éàçœ ’-", min_size=1, max_size=30).filter(lambda text: text.strip())
_RESOURCES = st.fixed_dictionaries(
    {"title": st.dictionaries(st.sampled_from(("fr", "en", "ar", "zh_CN", "iw")), _WORDS, min_size=1)},
    optional={
        "abstract": _WORDS,
        "type": st.sampled_from(("practice", "tool", "logiciel", "Autre chose")),
        "url": st.just("https://a.example/x?y=1#z"),
        "license": st.sampled_from(("mit", "GPL-2.0+", "cc-by-4.0 or MIT", "libre", "CC BY 4.0")),
        "keywords": st.lists(_WORDS, max_size=5),
        "languages": st.lists(st.sampled_from(("fr", "pt_BR.UTF-8", "anglais")), max_size=3),
        "dates": st.lists(st.sampled_from(("2025", "4 mai 2024", "04/11/2025", "un jour")), max_size=3),
        "ack": st.sampled_from(("indifferent", "welcome", "requested", "licence_duty")),
        "based_on": st.lists(st.sampled_from((REC, "https://b.example/")), max_size=2),
        "files": st.just([{"blob": blob_text(bytes(32)), "size": 12, "name": "a.pdf", "alt": "Une fiche"}]),
        "external_ref": st.integers(0, 10**9),
    },
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(_RESOURCES)
def test_what_was_published_comes_back_from_its_json(given_: dict[str, Any]) -> None:
    body, problems = RESOURCE.from_input(given_, resolve=lambda text: REF)
    assert problems == []
    assert RESOURCE.from_input(RESOURCE.to_json(body), resolve=lambda text: REF) == (body, [])
