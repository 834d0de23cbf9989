"""Resources through their versions, works based on others, and what waits for an answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutunode.commons.states import Act, ack_policy, asks, derivations, family, inbox, resource_state
from tests.commons.registers import NOW, Register, together


@pytest.fixture
def relais() -> Register:
    return Register("relais")


@pytest.fixture
def canal() -> Register:
    return Register("canal")


# --- versions --------------------------------------------------------------------------------------


def test_a_resource_is_published_then_revised_then_withdrawn(relais: Register) -> None:
    first = relais.share("Fiche")
    assert resource_state(relais.acts, NOW, first).status == "published"
    second = relais.share("Fiche, revue", supersedes=first)
    state = resource_state(relais.acts, NOW, first)
    assert (state.status, state.current and state.current.index) == ("revised", second[1])
    assert [act.index for act in state.versions] == [first[1], second[1]]
    relais.withdraw(second, reason="duplicate", replaced_by=first)
    state = resource_state(relais.acts, NOW, first)
    assert (state.status, state.reason, state.replaced_by) == ("withdrawn", "duplicate", tuple(first))


def test_withdrawing_the_newest_version_does_not_bring_an_older_one_back(relais: Register) -> None:
    first = relais.share("Fiche")
    relais.withdraw(relais.share("Fiche, revue", supersedes=first))
    assert resource_state(relais.acts, NOW, first).status == "withdrawn"


def test_two_revisions_of_one_version_are_shown_side_by_side(relais: Register) -> None:
    first = relais.share("Fiche")
    one = relais.share("Fiche, revue ici", supersedes=first)
    other = relais.share("Fiche, revue là", supersedes=first)
    state = resource_state(relais.acts, NOW, first)
    assert state.current is not None
    assert (state.current.index, [act.index for act in state.rivals]) == (other[1], [one[1]])


def test_a_newer_version_not_held_is_pending(relais: Register) -> None:
    first = relais.share("Fiche")
    second = relais.share("Fiche, revue", supersedes=first)
    state = resource_state(relais.without(second), NOW, first)
    assert state.pending
    assert state.current is None


@pytest.mark.parametrize(
    ("state", "status"), [("missing", "pending"), ("erased", "erased"), ("opaque", "opaque")]
)
def test_a_body_that_is_not_there_is_told_apart(relais: Register, state: str, status: str) -> None:
    first = relais.share("Fiche")
    relais.mark(first, state=state, body=None)
    assert resource_state(relais.acts, NOW, first).status == status


def test_a_draft_is_a_draft(relais: Register) -> None:
    first = relais.share("Fiche")
    relais.mark(first, state="draft")
    assert resource_state(relais.acts, NOW, first).status == "draft"


def test_nothing_held_is_pending(relais: Register) -> None:
    first = relais.share("Fiche")
    assert resource_state([], NOW, first).pending


def test_a_supersedes_of_another_register_counts_for_nothing(relais: Register, canal: Register) -> None:
    sheet = relais.share("Fiche")
    canal.say("resource", {"title": {"fr": "Prise"}, "supersedes": [relais.log, 0, sheet[2]]})
    state = resource_state(together(relais, canal), NOW, sheet)
    assert (state.status, [act.org for act in state.versions]) == ("published", [relais.org])


def test_silence_about_being_told_is_indifference() -> None:
    assert ack_policy({}) == "indifferent"
    assert not asks({"ack": {"policy": "indifferent"}})
    assert asks({"ack": {"policy": "welcome"}})


# --- derivations -----------------------------------------------------------------------------------


def _adapt(register: Register, source: list[Any], title: str = "Adaptation", **more: Any) -> list[Any]:
    return register.share(title, based_on=[{"ref": source, "relation": "adaptation"}], **more)


def test_a_work_based_on_another_is_declared_then_recognised(relais: Register, canal: Register) -> None:
    sheet = relais.share("Fiche", license="CC-BY-SA-4.0")
    work = _adapt(canal, sheet, license="CC-BY-SA-4.0")
    (link,) = derivations(together(relais, canal), NOW)
    assert (link.state, link.verdict and link.verdict.verdict) == ("declared", "ok")
    relais.answer(work, "thanks")
    assert derivations(together(relais, canal), NOW)[0].state == "recognised"


def test_the_author_of_the_source_may_contest(relais: Register, canal: Register) -> None:
    work = _adapt(canal, relais.share("Fiche"))
    relais.answer(work, "contest")
    (link,) = derivations(together(relais, canal), NOW)
    assert (link.state, link.reason) == ("contested", {"fr": "Ce n’est pas cette fiche."})


def test_a_conflict_of_licences_is_told(relais: Register, canal: Register) -> None:
    _adapt(canal, relais.share("Fiche", license="CC-BY-ND-4.0"), license="CC-BY-4.0")
    (link,) = derivations(together(relais, canal), NOW)
    assert link.verdict is not None
    assert link.verdict.verdict == "conflict"


def test_a_source_not_held_is_pending_and_gets_no_verdict(relais: Register, canal: Register) -> None:
    _adapt(canal, relais.share("Fiche"))
    (link,) = derivations(together(canal), NOW)
    assert (link.state, link.source, link.verdict) == ("pending", None, None)


def test_a_source_outside_the_network_is_declared(canal: Register) -> None:
    canal.share("Fiche", based_on=[{"uri": "https://ressources.example/", "relation": "translation"}])
    (link,) = derivations(together(canal), NOW)
    assert (link.state, link.uri, link.relation) == ("declared", "https://ressources.example/", "translation")


def test_circles_are_drawn_once(relais: Register, canal: Register) -> None:
    first = relais.share("Un")
    second = _adapt(canal, first, "Deux")
    _adapt(relais, second, "Un, bis", supersedes=first)
    branches = family(together(relais, canal), NOW, first)
    assert [(branch.depth, branch.again) for branch in branches] == [(1, False), (2, True)]


def test_a_family_is_drawn_depth_first(relais: Register, canal: Register) -> None:
    third = Register("tilleuls")
    origin = relais.share("Origine")
    one = _adapt(canal, origin, "Une")
    _adapt(third, one, "Une de une")
    _adapt(third, origin, "Autre")
    titles = [
        (branch.link.derived.body or {})["title"]["fr"]
        for branch in family(together(relais, canal, third), NOW, origin)
    ]
    assert sorted(titles) == ["Autre", "Une", "Une de une"]
    assert titles.index("Une de une") == titles.index("Une") + 1


# --- what waits ------------------------------------------------------------------------------------


def test_a_declared_use_waits_until_it_is_answered(relais: Register, canal: Register) -> None:
    use = canal.use(relais.share("Fiche"))
    assert [each.kind for each in inbox(together(relais, canal), NOW, relais.org)] == ["usage"]
    assert inbox(together(relais, canal), NOW, canal.org) == ()
    relais.answer(use, "noted")
    assert inbox(together(relais, canal), NOW, relais.org) == ()


def test_an_indifferent_author_is_never_bothered(relais: Register, canal: Register) -> None:
    sheet = relais.share("Fiche", policy="indifferent")
    canal.use(sheet)
    _adapt(canal, sheet)
    assert inbox(together(relais, canal), NOW, relais.org) == ()


def test_the_present_version_decides_whether_the_author_is_asked(relais: Register, canal: Register) -> None:
    sheet = relais.share("Fiche", policy="requested")
    canal.use(sheet)
    relais.share("Fiche", policy="indifferent", supersedes=sheet)
    assert inbox(together(relais, canal), NOW, relais.org) == ()


def test_works_and_flags_wait_too(relais: Register, canal: Register) -> None:
    sheet = relais.share("Fiche")
    _adapt(canal, sheet)
    canal.say("flag", {"target": sheet, "reason": "inaccurate"})
    waiting = inbox(together(relais, canal), NOW, relais.org)
    assert sorted(each.kind for each in waiting) == ["derivation", "flag"]
    assert {each.target.place for each in waiting} == {(relais.log, sheet[1])}


def test_a_flag_waits_no_longer_once_the_record_was_mended(relais: Register, canal: Register) -> None:
    sheet = relais.share("Fiche")
    canal.say("flag", {"target": sheet, "reason": "inaccurate"})
    relais.share("Fiche, corrigée", supersedes=sheet)
    assert inbox(together(relais, canal), NOW, relais.org) == ()


def _entangled() -> tuple[list[Act], bytes, list[Any]]:
    one, two, three = (Register(name) for name in "abc")
    origin = one.share("Origine", license="MIT")
    branch = _adapt(two, origin, "Branche", license="GPL-2.0")
    leaf = _adapt(three, branch, "Feuille", license="Apache-2.0")
    one.answer(branch, "thanks")
    two.answer(leaf, "contest")
    _adapt(one, leaf, "Retour", supersedes=origin)
    three.use(branch)
    two.say("flag", {"target": leaf, "reason": "licence"})
    return together(one, two, three), two.org, origin


@given(st.permutations(_entangled()[0]))
def test_the_order_of_arrival_changes_nothing(acts: list[Act]) -> None:
    known, org, origin = _entangled()
    assert derivations(acts, NOW) == derivations(known, NOW)
    assert family(acts, NOW, origin) == family(known, NOW, origin)
    assert inbox(acts, NOW, org) == inbox(known, NOW, org)
    assert resource_state(acts, NOW, origin) == resource_state(known, NOW, origin)
