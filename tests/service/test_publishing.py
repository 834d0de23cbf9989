"""Publishing on purpose: what is shown before is what is signed, and the same act is signed once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mutunode.protocol.ids import rec_text
from mutunode.service.shapes import Preview, Published
from tests.service.offices import Node, refused

RESOURCE = {
    "title": "Accueillir une classe au jardin",
    "title.en": "Welcoming a class in the garden",
    "abstract": "Le déroulé d’une matinée.",
    "license": "CC-BY-4.0",
    "keywords": "jardin, école",
}


def test_what_was_published_is_shown_with_its_place_and_its_proof(jardin: Node) -> None:
    published = jardin.office.publish("resource", RESOURCE)
    shown = jardin.office.show(published.id)
    assert (shown.id, shown.kind, shown.sense, shown.org) == (published.id, "resource", "aval", jardin.org)
    assert shown.body["title"] == {"fr": RESOURCE["title"], "en": RESOURCE["title.en"]}
    assert shown.body["keywords"] == ["jardin", "école"]
    assert (shown.proof.index, shown.proof.size, shown.proof.epoch) == (0, 1, 0)
    assert (shown.state, shown.mine, shown.erased) == ("ok", True, False)
    assert [each.current for each in shown.revisions] == [True]


def test_a_record_is_named_by_its_first_characters(jardin: Node) -> None:
    rec = jardin.publish("Une fiche")
    assert jardin.office.show(rec[: len("rec_") + 8]).id == rec
    with refused("bad_id", 2):
        jardin.office.show(rec[: len("rec_") + 7])
    with refused("bad_id", 2):
        jardin.office.show("n’importe quoi")
    with refused("not_found", 3):
        jardin.office.show(rec_text(bytes(32)))


def test_a_title_without_language_is_in_that_of_the_organisation(jardin: Node) -> None:
    assert jardin.office.show(jardin.publish("Un titre")).body["title"] == {"fr": "Un titre"}


def test_the_preview_is_word_for_word_what_is_signed_and_signs_nothing(jardin: Node) -> None:
    preview = jardin.office.preview("resource", RESOURCE)
    assert jardin.signatures == 0
    assert jardin.size() == 0
    shown = jardin.office.show(jardin.office.publish("resource", RESOURCE).id)
    assert shown.body == preview.body
    assert preview.index == 0
    assert 'title.en = "Welcoming a class in the garden"' in preview.text.splitlines()
    stored = jardin.stored(shown.id)
    assert stored.body is not None
    assert preview.entry_bytes == len(stored.header) + len(stored.salt) + len(stored.body)


def test_every_record_is_one_signature(jardin: Node) -> None:
    for number in range(3):
        jardin.publish(f"Fiche {number}")
    assert jardin.signatures == 3


# --- external_ref --------------------------------------------------------------------------------
def test_the_same_reference_with_the_same_content_signs_nothing(jardin: Node) -> None:
    first = jardin.office.publish("resource", {**RESOURCE, "external_ref": "j-1"})
    again = jardin.office.publish("resource", {**RESOURCE, "external_ref": "j-1"})
    assert (first.created, again.created) == (True, False)
    assert again.id == first.id
    assert (jardin.size(), jardin.signatures) == (1, 1)


def test_the_same_reference_with_new_content_revises(jardin: Node) -> None:
    first = jardin.office.publish("resource", {**RESOURCE, "external_ref": "j-1"})
    second = jardin.office.publish("resource", {**RESOURCE, "external_ref": "j-1", "title": "Autrement"})
    assert second.revises == first.id
    shown = jardin.office.show(first.id)
    assert (shown.state, shown.newest) == ("superseded", second.id)
    assert [each.id for each in shown.revisions] == [second.id, first.id]
    assert jardin.titles() == ["Autrement"]


def test_the_same_reference_given_many_times_at_once_makes_one_record(jardin: Node) -> None:
    def publish(_: int) -> Published:
        return jardin.office.publish("resource", {**RESOURCE, "external_ref": "j-1"})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(publish, range(16)))
    assert len({each.id for each in answers}) == 1
    assert sum(each.created for each in answers) == 1
    assert jardin.size() == 1


def test_a_reference_whose_record_was_withdrawn_is_free_again(jardin: Node) -> None:
    first = jardin.office.publish("resource", {**RESOURCE, "external_ref": "j-1"})
    jardin.office.withdraw(first.id, "error")
    again = jardin.office.publish("resource", {**RESOURCE, "external_ref": "j-1"})
    assert again.created
    assert (again.id != first.id, again.revises) == (True, "")


def test_the_profile_is_one_and_its_last_version_stands(jardin: Node) -> None:
    profile: dict[str, Any] = {
        "name": "Jardin partagé",
        "languages": "fr",
        "posture.shares_aval": "open",
        "posture.wants_usage": "welcome",
        "posture.prior_works": "closed",
    }
    first = jardin.office.publish("profile", profile)
    assert not jardin.office.publish("profile", profile).created
    second = jardin.office.publish("profile", {**profile, "name": "Jardin des Lilas"})
    assert second.revises == first.id
    assert jardin.office.name() == "Jardin des Lilas"
    assert jardin.office.organisation(jardin.org).profile["posture"]["shares_aval"] == "open"


# --- revising, withdrawing -----------------------------------------------------------------------
def test_revising_replaces_the_fields_given_keeps_the_others_and_removes_the_empty_ones(jardin: Node) -> None:
    rec = jardin.office.publish("resource", RESOURCE).id
    revised = jardin.office.revise(rec, {"abstract": "Une autre matinée.", "keywords": ""})
    body = jardin.office.show(revised.id).body
    assert body["title"] == {"fr": RESOURCE["title"], "en": RESOURCE["title.en"]}
    assert body["abstract"] == {"fr": "Une autre matinée."}
    assert "keywords" not in body


def test_one_translation_is_revised_without_losing_the_other(jardin: Node) -> None:
    rec = jardin.office.publish("resource", RESOURCE).id
    revised = jardin.office.revise(rec, {"title.en": "A class in the garden"})
    body = jardin.office.show(revised.id).body
    assert body["title"] == {"fr": RESOURCE["title"], "en": "A class in the garden"}


def test_a_translation_given_empty_is_removed_and_a_whole_map_replaces_all_of_them(jardin: Node) -> None:
    rec = jardin.office.publish("resource", RESOURCE).id
    without = jardin.office.revise(rec, {"title.en": ""})
    assert jardin.office.show(without.id).body["title"] == {"fr": RESOURCE["title"]}
    german = jardin.office.revise(rec, {"title": {"de": "Eine Klasse im Garten"}})
    assert jardin.office.show(german.id).body["title"] == {"de": "Eine Klasse im Garten"}


def test_revising_an_older_version_revises_the_newest(jardin: Node) -> None:
    first = jardin.publish("Un")
    second = jardin.office.revise(first, {"title": "Deux"})
    third = jardin.office.revise(first, {"title": "Trois"})
    assert third.revises == second.id
    assert jardin.titles() == ["Trois"]


def test_a_revision_that_changes_nothing_signs_nothing(jardin: Node) -> None:
    rec = jardin.office.publish("resource", RESOURCE).id
    assert not jardin.office.revise(rec, {"license": "CC-BY-4.0"}).created
    assert jardin.size() == 1


def test_the_preview_of_a_revision_names_what_it_revises_or_says_that_nothing_changes(jardin: Node) -> None:
    rec = jardin.office.publish("resource", RESOURCE).id
    changed = jardin.office.preview_revision(rec, {"title": "Autrement"})
    assert (changed.revises, changed.unchanged) == (rec, "")
    same = jardin.office.preview_revision(rec, {"title": RESOURCE["title"]})
    assert (same.revises, same.unchanged) == ("", rec)
    assert jardin.size() == 1


def test_what_was_withdrawn_stays_readable_with_its_reason_and_is_found_no_more(jardin: Node) -> None:
    rec, better = jardin.publish("Mauvaise fiche"), jardin.publish("Meilleure fiche")
    jardin.office.withdraw(rec, "duplicate", better)
    shown = jardin.office.show(rec)
    assert (shown.state, shown.withdrawn_reason, shown.replaced_by) == ("withdrawn", "duplicate", better)
    assert shown.body["title"] == {"fr": "Mauvaise fiche"}
    assert jardin.titles("fiche") == ["Meilleure fiche"]


def test_what_was_withdrawn_is_neither_revised_nor_withdrawn_again(jardin: Node) -> None:
    rec = jardin.publish("Une fiche")
    jardin.office.withdraw(rec, "error")
    with refused("withdrawn", 4):
        jardin.office.revise(rec, {"title": "Autre"})
    with refused("withdrawn", 4):
        jardin.office.withdraw(rec, "error")


# --- what is refused -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": "x", "titel": "y"}, "titel"),
        ({"title": "x", "type": "poem"}, "type"),
        ({"title": "x", "url": "javascript:alert(1)"}, "url"),
        ({"title": "x", "based_on": [{"relation": "copy", "uri": "https://a.example"}]}, "based_on"),
        ({"title": "x\0y"}, "title"),
        ({"title": [1]}, "title"),
        ({"title": {"fr": "x" * 70_000}}, "title"),
    ],
)
def test_a_field_that_cannot_be_taken_is_named_and_nothing_is_signed(
    jardin: Node, fields: dict[str, Any], field: str
) -> None:
    with refused("invalid", 2) as found:
        jardin.office.publish("resource", fields)
    assert any(trouble.field.startswith(field) for trouble in found.value.troubles), found.value.troubles
    assert all(trouble.fr and trouble.en for trouble in found.value.troubles)
    assert jardin.size() == 0


def test_a_record_too_large_for_a_register_is_refused_before_it_is_signed(jardin: Node) -> None:
    long = {f"abstract.{tag}": "x" * 15_000 for tag in ("fr", "en", "de", "es", "it")}
    with refused("invalid", 2):
        jardin.office.publish("resource", {"title": "Un livre", **long})
    assert jardin.size() == 0


def test_an_unknown_kind_is_refused_with_the_nearest_one(jardin: Node) -> None:
    with refused("unknown_kind", 2) as found:
        jardin.office.publish("resorce", {"title": "x"})
    assert "resource" in found.value.en


def test_a_citation_of_a_record_that_is_not_here_is_refused(jardin: Node) -> None:
    with refused("not_found", 3):
        jardin.office.publish("resource", {"title": "x", "based_on": rec_text(bytes(range(32)))})


WRITES: list[Callable[[Node, str], object]] = [
    lambda node, rec: node.office.revise(rec, {"title": "Le mien"}),
    lambda node, rec: node.office.preview_revision(rec, {"title": "Le mien"}),
    lambda node, rec: node.office.withdraw(rec, "error"),
    lambda node, rec: node.office.publish("withdrawal", {"target": rec, "reason": "error"}),
]


@pytest.mark.parametrize("write", WRITES)
def test_nobody_writes_for_somebody_else(
    two: tuple[Node, Node], arrives: Callable[[Node, str], None], write: Callable[[Node, str], object]
) -> None:
    jardin, atelier = two
    rec = jardin.publish("La fiche du jardin")
    arrives(atelier, rec)
    with refused("not_ours", 4) as found:
        write(atelier, rec)
    assert "Jardin" in found.value.fr
    assert atelier.size() == 0


def test_dry_runs_of_the_verbs_answer_previews_and_sign_nothing(
    two: tuple[Node, Node], arrives: Callable[[Node, str], None]
) -> None:
    jardin, atelier = two
    rec = jardin.publish("La fiche du jardin")
    arrives(atelier, rec)
    calls = [
        atelier.office.call("publish", {"kind": "resource", "fields": RESOURCE, "dry_run": True}, print),
        atelier.office.call("use", {"rec": rec, "as": "used", "dry_run": True}, print),
        jardin.office.call("revise", {"rec": rec, "fields": {"title": "x"}, "dry_run": True}, print),
    ]
    assert all(isinstance(answer, Preview) for answer in calls)
    assert (jardin.size(), atelier.size()) == (1, 0)
    assert (jardin.signatures, atelier.signatures) == (1, 0)
