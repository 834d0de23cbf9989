"""Who uses what, between two organisations: declared by one, confirmed or contested by the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mutunode.service import disputes, means
from mutunode.service.desk import Desk
from mutunode.service.lendshapes import Bookings
from mutunode.service.shapes import Todo, TodoList, UsageAnswer
from tests.service.offices import Node, refused, until

Arrives = Callable[[Node, str], None]
Two = tuple[Node, Node]


def shared(two: Two, arrives: Arrives, **fields: Any) -> str:
    """A resource of the first, arrived at the second."""
    rec = two[0].publish("Semis sous abri", **fields)
    arrives(two[1], rec)
    return rec


def declared(two: Two, arrives: Arrives, rec: str, as_: str = "adapted", **more: Any) -> str:
    """A usage declared by the second, arrived at the first."""
    usage = two[1].office.use(rec, as_, **more).id
    arrives(two[0], usage)
    return usage


def figures(answer: UsageAnswer) -> tuple[int, int, int]:
    """Declared, confirmed, contested."""
    return answer.declared, answer.confirmed, answer.contested


def test_a_usage_is_declared_shown_to_its_author_answered_and_confirmed_on_both_sides(
    two: Two, arrives: Arrives
) -> None:
    jardin, atelier = two
    rec = shared(two, arrives)
    usage = declared(two, arrives, rec, purpose="Deux classes de CM1", can_help=True)
    assert figures(jardin.office.usage(rec)) == (1, 0, 0)

    [todo] = jardin.office.todo().waiting
    assert (todo.id, todo.kind, todo.type, todo.can_help) == (usage, "usage_answer", "adapted", True)
    assert (todo.org, todo.org_name, todo.title, todo.target) == (
        atelier.org,
        "Atelier",
        "Semis sous abri",
        rec,
    )
    assert todo.text == {"fr": "Deux classes de CM1"}
    [asked] = atelier.office.todo().asked
    assert (asked.id, asked.org) == (usage, jardin.org)

    answer = jardin.office.answer(usage, "thanks").id
    assert figures(jardin.office.usage(rec)) == (1, 1, 0)
    assert jardin.office.todo().waiting == ()
    assert [done.id for done in jardin.office.todo().done] == [usage]
    arrives(atelier, answer)
    assert figures(atelier.office.usage(rec)) == (1, 1, 0)
    assert atelier.office.todo().asked == ()
    [line] = atelier.office.usage(rec).organisations
    assert (line.state, line.answer, line.mine, line.org_name) == ("confirmed", "thanks", True, "Atelier")


def test_figures_stand_on_the_card_the_record_and_the_page_of_the_user(two: Two, arrives: Arrives) -> None:
    jardin, atelier = two
    rec = shared(two, arrives)
    usage = declared(two, arrives, rec, can_help=True)
    jardin.office.answer(usage, "noted")
    jardin.until_indexed()
    [hit] = jardin.office.search("semis").hits
    assert (hit.usage.declared, hit.usage.confirmed, hit.usage.can_help) == (1, 1, 1)
    assert jardin.office.show(rec).usage == hit.usage
    page = jardin.office.organisation(atelier.org)
    assert [line.id for line in page.uses] == [usage]
    assert page.used_titles == {usage: "Semis sous abri"}


def test_a_contested_usage_stays_visible_with_the_reason_and_leaves_the_counts(
    two: Two, arrives: Arrives
) -> None:
    jardin, _ = two
    rec = shared(two, arrives)
    usage = declared(two, arrives, rec)
    jardin.office.answer(usage, "contest", "Ce n’est pas notre fiche.")
    answer = jardin.office.usage(rec)
    assert figures(answer) == (0, 0, 1)
    [line] = answer.organisations
    assert (line.state, line.reason) == ("contested", {"fr": "Ce n’est pas notre fiche."})


def test_contesting_without_a_reason_is_refused(two: Two, arrives: Arrives) -> None:
    usage = declared(two, arrives, shared(two, arrives))
    with refused("invalid", 2) as found:
        two[0].office.answer(usage, "contest")
    assert found.value.troubles[0].field == "reason"


def test_the_same_usage_again_signs_nothing_and_with_other_words_revises(two: Two, arrives: Arrives) -> None:
    _, atelier = two
    rec = shared(two, arrives)
    first = atelier.office.use(rec, "used", purpose="Essai", period="2026-03")
    assert not atelier.office.use(rec, "used", purpose="Essai", period="2026-03").created
    second = atelier.office.use(rec, "used", purpose="Toute l’année", period="2026-03")
    assert second.revises == first.id
    other = atelier.office.use(rec, "taught", period="2026-03")
    assert other.revises == ""
    assert figures(atelier.office.usage(rec)) == (2, 0, 0)


def test_a_usage_that_changed_after_its_answer_is_declared_anew(two: Two, arrives: Arrives) -> None:
    jardin, _ = two
    rec = shared(two, arrives)
    jardin.office.answer(declared(two, arrives, rec, purpose="Essai"), "thanks")
    changed = declared(two, arrives, rec, purpose="Toute l’année")
    assert figures(jardin.office.usage(rec)) == (1, 0, 0)
    assert [todo.id for todo in jardin.office.todo().waiting] == [changed]


def test_a_new_version_of_the_resource_keeps_its_usages(two: Two, arrives: Arrives) -> None:
    jardin, _ = two
    rec = shared(two, arrives)
    usage = declared(two, arrives, rec)
    newer = jardin.office.revise(rec, {"abstract": "Mieux expliqué"}).id
    assert figures(jardin.office.usage(newer)) == (1, 0, 0)
    assert [todo.id for todo in jardin.office.todo().waiting] == [usage]


def test_a_usage_that_was_withdrawn_counts_no_more(two: Two, arrives: Arrives) -> None:
    jardin, atelier = two
    rec = shared(two, arrives)
    usage = declared(two, arrives, rec)
    arrives(jardin, atelier.office.withdraw(usage, "error").id)
    assert figures(jardin.office.usage(rec)) == (0, 0, 0)
    assert jardin.office.todo().waiting == ()


# --- the author's policy ---------------------------------------------------------------------------
def test_an_indifferent_author_is_never_bothered_and_the_usage_counts_all_the_same(
    two: Two, arrives: Arrives
) -> None:
    jardin, atelier = two
    rec = shared(two, arrives, ack="indifferent")
    declared(two, arrives, rec)
    assert jardin.office.todo() == TodoList(())
    assert atelier.office.todo().asked == ()
    assert not atelier.office.show(rec).asks_usage
    assert atelier.office.show(rec).can_declare
    assert figures(jardin.office.usage(rec)) == (1, 0, 0)


@pytest.mark.parametrize("policy", ["welcome", "requested", "licence_duty"])
def test_every_other_author_is_told(two: Two, arrives: Arrives, policy: str) -> None:
    rec = shared(two, arrives, ack=policy)
    assert two[1].office.show(rec).asks_usage
    declared(two, arrives, rec)
    assert len(two[0].office.todo().waiting) == 1


# --- rules -----------------------------------------------------------------------------------------
def test_nobody_declares_a_usage_of_their_own_resource(jardin: Node) -> None:
    rec = jardin.publish("Une fiche")
    with refused("own_resource", 4):
        jardin.office.use(rec, "used")
    assert not jardin.office.show(rec).can_declare


def test_a_usage_of_what_was_withdrawn_is_refused(two: Two, arrives: Arrives) -> None:
    jardin, atelier = two
    rec = shared(two, arrives)
    arrives(atelier, jardin.office.withdraw(rec, "error").id)
    with refused("withdrawn", 4):
        atelier.office.use(rec, "used")


def test_a_usage_is_one_of_a_resource(two: Two, arrives: Arrives) -> None:
    usage = declared(two, arrives, shared(two, arrives))
    with refused("bad_target", 4) as found:
        two[0].office.use(usage, "used")
    assert found.value.troubles[0].field == "resource"


def test_a_way_of_using_that_nobody_knows_is_refused_by_its_field(two: Two, arrives: Arrives) -> None:
    rec = shared(two, arrives)
    with refused("invalid", 2) as found:
        two[1].office.use(rec, "stolen")
    assert found.value.troubles[0].field == "type"


def test_only_the_author_of_the_resource_answers(make: Callable[[str], Node], arrives: Arrives) -> None:
    jardin, atelier, cantine = make("Jardin"), make("Atelier"), make("Cantine")
    jardin.meets(atelier)
    jardin.meets(cantine)
    cantine.meets(atelier)
    rec = shared((jardin, atelier), arrives)
    usage = declared((jardin, atelier), arrives, rec)
    arrives(cantine, usage)
    for node in (atelier, cantine):
        with refused("not_asked", 4):
            node.office.answer(usage, "thanks")


def test_the_author_recognises_a_version_made_from_the_record(two: Two, arrives: Arrives) -> None:
    jardin, atelier = two
    rec = shared(two, arrives, license="CC-BY-4.0")
    derived = atelier.office.publish(
        "resource", {"title": "Semis en serre", "license": "CC-BY-4.0", "based_on": rec}
    ).id
    arrives(jardin, derived)
    assert [todo.id for todo in jardin.office.todo().waiting] == [derived]
    jardin.office.answer(derived, "noted")
    assert jardin.office.todo().waiting == ()
    [child] = jardin.office.show(rec).derived
    assert (child.id, child.state) == (derived, "recognised")


# --- flags -----------------------------------------------------------------------------------------
def test_a_flag_is_shown_on_the_record_and_to_its_author_until_the_record_is_mended(
    two: Two, arrives: Arrives
) -> None:
    jardin, atelier = two
    rec = shared(two, arrives)
    flag = atelier.office.flag(rec, "inaccurate", "La date est fausse.").id
    assert not atelier.office.flag(rec, "inaccurate", "La date est fausse.").created
    arrives(jardin, flag)
    [shown] = jardin.office.show(rec).flags
    assert (shown.id, shown.reason, shown.org_name) == (flag, "inaccurate", "Atelier")
    [todo] = jardin.office.todo().waiting
    assert (todo.kind, todo.id, todo.type) == ("flag", flag, "inaccurate")
    jardin.office.revise(rec, {"abstract": "Avec la bonne date."})
    assert jardin.office.todo().waiting == ()


def test_a_flag_that_its_author_answered_waits_no_longer_and_bears_the_answer(
    two: Two, arrives: Arrives
) -> None:
    jardin, atelier = two
    rec = shared(two, arrives)
    flag = atelier.office.flag(rec, "inaccurate", "La date est fausse.").id
    arrives(jardin, flag)
    answer = jardin.office.answer(flag, "contest", "Elle est juste.").id
    todo = jardin.office.todo()
    assert todo.waiting == ()
    assert [(each.id, each.type, each.target) for each in todo.done] == [(flag, "contest", rec)]
    arrives(atelier, answer)
    [shown] = atelier.office.show(rec).flags
    assert (shown.answer, shown.answer_reason) == ("contest", {"fr": "Elle est juste."})
    with refused("not_asked", 4):
        atelier.office.answer(flag, "thanks")


def test_a_version_of_ours_is_told_from_a_usage_while_it_waits_and_once_answered(
    two: Two, arrives: Arrives
) -> None:
    jardin, atelier = two
    rec = shared(two, arrives)
    version = atelier.publish("Version", based_on=rec, type="tool")
    arrives(jardin, version)
    [todo] = jardin.office.todo().waiting
    assert (todo.about, todo.id, todo.target, todo.type) == ("derivation", version, rec, "")
    jardin.office.answer(version, "thanks")
    assert [(each.id, each.target) for each in jardin.office.todo().done] == [(version, rec)]


# --- licences --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("source", "own", "relation", "verdict"),
    [
        ("CC-BY-4.0", "CC-BY-4.0", "adaptation", "ok"),
        ("CC-BY-SA-4.0", "CC-BY-4.0", "adaptation", "conflict"),
        ("CC-BY-ND-4.0", "CC-BY-4.0", "translation", "conflict"),
        ("", "CC-BY-4.0", "adaptation", "warn"),
    ],
)
def test_the_licence_check_stands_in_the_preview_and_on_both_records(
    two: Two, arrives: Arrives, source: str, own: str, relation: str, verdict: str
) -> None:
    jardin, atelier = two
    rec = shared(two, arrives, license=source)
    fields = {
        "title": "Semis en serre",
        "license": own,
        "based_on": [{"ref": rec, "relation": relation, "changes": "Chauffage"}],
    }
    [check] = atelier.office.preview("resource", fields).checks
    assert (check.id, check.verdict, check.relation) == (rec, verdict, relation)
    assert check.reason.keys() == {"fr", "en"}
    derived = atelier.office.publish("resource", fields).id
    [parent] = atelier.office.show(derived).based_on
    assert (parent.verdict, parent.title, parent.org_name) == (verdict, "Semis sous abri", "Jardin")
    arrives(jardin, derived)
    [child] = jardin.office.show(rec).derived
    assert (child.id, child.verdict, child.state) == (derived, verdict, "declared")


def test_a_family_of_versions_is_drawn_to_the_last_descendant(two: Two, arrives: Arrives) -> None:
    jardin, atelier = two
    first = shared(two, arrives)
    second = atelier.publish("Deuxième", based_on=first)
    arrives(jardin, second)
    third = jardin.publish("Troisième", based_on=second)
    assert [(each.id, each.depth) for each in jardin.office.show(first).derived] == [(second, 1), (third, 2)]


# --- pending data ----------------------------------------------------------------------------------
def test_figures_are_pending_while_the_author_of_what_is_used_has_not_been_heard(
    make: Callable[[str], Node], arrives: Arrives
) -> None:
    jardin, atelier, cantine = make("Jardin"), make("Atelier"), make("Cantine")
    jardin.meets(atelier)
    rec = shared((jardin, atelier), arrives)
    usage = declared((jardin, atelier), arrives, rec)
    cantine.office.accept(atelier.org, atelier.address)
    arrives(cantine, usage)
    shown = cantine.office.show(usage)
    assert (shown.kind, shown.target) == ("usage", "")
    with refused("not_found", 3):
        cantine.office.usage(rec)
    cantine.office.accept(jardin.org, jardin.address)
    arrives(cantine, rec)
    until(lambda: figures(cantine.office.usage(rec)) == (1, 0, 0))
    assert cantine.office.show(usage).target == rec


def test_what_comes_while_what_waits_is_listed_is_all_in_it_or_not_at_all(
    two: Two, arrives: Arrives, monkeypatch: pytest.MonkeyPatch
) -> None:
    jardin, _ = two
    seen, bookings, disputed = list[int](), means.bookings, disputes.to_decide

    def meanwhile(desk: Desk, reader_language: str) -> Bookings:
        seen.append(desk.reader.newest_change())
        jardin.publish("Venue entre deux questions")
        return bookings(desk, reader_language)

    def after(desk: Desk) -> list[Todo]:
        seen.append(desk.reader.newest_change())
        return disputed(desk)

    monkeypatch.setattr(means, "bookings", meanwhile)
    monkeypatch.setattr(disputes, "to_decide", after)
    jardin.office.todo()
    assert len(seen) == 2
    assert seen[0] == seen[1] < jardin.engine.reader.newest_change()
