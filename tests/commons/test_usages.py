"""Who uses a resource, and what its author answered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutunode.commons.states import Act, Counts, UsageState, usage_state
from tests.commons.registers import NOW, Register, together


@pytest.fixture
def relais() -> Register:
    return Register("relais")


@pytest.fixture
def grain() -> Register:
    return Register("grain")


def _counts(state: UsageState) -> Counts:
    assert state.counts is not None
    return state.counts


def test_a_use_is_declared_until_the_author_answers(relais: Register, grain: Register) -> None:
    sheet = relais.share("Adapter un poste")
    grain.use(sheet, "adapted", can_help=True)
    state = usage_state(together(relais, grain), NOW, sheet)
    assert [said.state for said in state.acknowledgements] == ["declared"]
    assert _counts(state) == Counts(
        declared=1, confirmed=0, contested=0, can_help=1, organisations=1, by_type={"adapted": 1}
    )


@pytest.mark.parametrize("word", ["thanks", "noted"])
def test_thanks_and_taking_note_confirm(relais: Register, grain: Register, word: str) -> None:
    sheet = relais.share("Adapter un poste")
    relais.answer(grain.use(sheet), word)
    state = usage_state(together(relais, grain), NOW, sheet)
    assert (_counts(state).declared, _counts(state).confirmed) == (1, 1)
    assert (state.acknowledgements[0].state, state.acknowledgements[0].answer) == ("confirmed", word)


def test_a_contested_use_stays_visible_and_leaves_the_counts(relais: Register, grain: Register) -> None:
    sheet = relais.share("Adapter un poste")
    relais.answer(grain.use(sheet, can_help=True), "contest")
    state = usage_state(together(relais, grain), NOW, sheet)
    assert _counts(state) == Counts(contested=1)
    assert state.acknowledgements[0].reason == {"fr": "Ce n’est pas cette fiche."}


def test_an_author_may_answer_anew(relais: Register, grain: Register) -> None:
    sheet = relais.share("Adapter un poste")
    use = grain.use(sheet)
    first = relais.answer(use, "contest")
    relais.answer(use, "thanks", supersedes=first)
    assert _counts(usage_state(together(relais, grain), NOW, sheet)).confirmed == 1


def test_a_withdrawn_answer_says_nothing_any_more(relais: Register, grain: Register) -> None:
    sheet = relais.share("Adapter un poste")
    relais.withdraw(relais.answer(grain.use(sheet), "contest"))
    assert usage_state(together(relais, grain), NOW, sheet).acknowledgements[0].state == "declared"


def test_only_the_author_answers(relais: Register, grain: Register) -> None:
    stranger = Register("stranger")
    sheet = relais.share("Adapter un poste")
    stranger.answer(grain.use(sheet), "contest")
    state = usage_state(together(relais, grain, stranger), NOW, sheet)
    assert state.acknowledgements[0].state == "declared"


def test_nobody_confirms_a_use_of_their_own_work_alone(relais: Register) -> None:
    sheet = relais.share("Adapter un poste")
    relais.answer(relais.use(sheet), "thanks")
    assert _counts(usage_state(together(relais), NOW, sheet)).confirmed == 0


def test_a_revised_use_is_declared_anew(relais: Register, grain: Register) -> None:
    sheet = relais.share("Adapter un poste")
    use = grain.use(sheet, "used")
    relais.answer(use, "thanks")
    grain.use(sheet, "taught", supersedes=use)
    state = usage_state(together(relais, grain), NOW, sheet)
    assert [(said.type, said.state) for said in state.acknowledgements] == [("taught", "declared")]


def test_a_withdrawn_use_is_gone(relais: Register, grain: Register) -> None:
    sheet = relais.share("Adapter un poste")
    grain.withdraw(grain.use(sheet))
    assert usage_state(together(relais, grain), NOW, sheet) == UsageState(Counts(), ())


def test_uses_of_every_version_are_those_of_the_resource(relais: Register, grain: Register) -> None:
    first = relais.share("Adapter un poste")
    grain.use(first)
    second = relais.share("Adapter un poste, deuxième édition", supersedes=first)
    grain.use(second, "taught")
    for version in (first, second):
        state = usage_state(together(relais, grain), NOW, version)
        assert (_counts(state).declared, _counts(state).organisations) == (2, 1)


def test_one_acknowledgement_for_each_organisation_version_and_type(
    relais: Register, grain: Register
) -> None:
    sheet = relais.share("Adapter un poste")
    for period in ("2025", "2026"):
        grain.use(sheet, "used", period=period)
    state = usage_state(together(relais, grain), NOW, sheet)
    assert [said.period for said in state.acknowledgements] == ["2026"]
    assert _counts(state).declared == 1


def test_what_was_told_to_the_author_alone_is_in_no_public_figure(relais: Register, grain: Register) -> None:
    sheet = relais.share("Adapter un poste")
    grain.use(sheet, visibility="author_only")
    state = usage_state(together(relais, grain), NOW, sheet)
    assert _counts(state) == Counts()
    assert state.acknowledgements[0].author_only


def test_a_use_that_cannot_be_read_counts_for_nothing(relais: Register, grain: Register) -> None:
    sheet = relais.share("Adapter un poste")
    grain.use(sheet, "sold")
    assert usage_state(together(relais, grain), NOW, sheet).acknowledgements == ()


def test_a_reference_to_another_leaf_resolves_to_nothing(relais: Register, grain: Register) -> None:
    sheet = relais.share("Adapter un poste")
    grain.use([sheet[0], sheet[1], bytes(32)])
    assert usage_state(together(relais, grain), NOW, sheet).acknowledgements == ()


def test_a_use_of_tomorrow_s_tomorrow_waits_for_its_time(relais: Register, grain: Register) -> None:
    sheet = relais.share("Adapter un poste")
    grain.use(sheet, time=NOW + 90_000)
    acts = together(relais, grain)
    assert _counts(usage_state(acts, NOW, sheet)).declared == 0
    assert _counts(usage_state(acts, NOW + 3_600, sheet)).declared == 1


def test_without_the_resource_there_is_no_figure(relais: Register, grain: Register) -> None:
    sheet = relais.share("Adapter un poste")
    relais.answer(grain.use(sheet), "thanks")
    state = usage_state([*relais.without(sheet), *grain.acts], NOW, sheet)
    assert state.pending
    assert [said.state for said in state.acknowledgements] == ["declared"]


def test_a_newer_version_not_held_makes_the_figure_pending(relais: Register, grain: Register) -> None:
    sheet = relais.share("Adapter un poste")
    grain.use(sheet)
    newer = relais.share("Deuxième édition", supersedes=sheet)
    assert usage_state([*relais.without(newer), *grain.acts], NOW, sheet).pending


def test_a_use_whose_text_is_missing_makes_the_figure_pending(relais: Register, grain: Register) -> None:
    sheet = relais.share("Adapter un poste")
    grain.mark(grain.use(sheet), state="missing", body=None)
    assert usage_state(together(relais, grain), NOW, sheet).pending


def _busy_network() -> tuple[list[Act], list[Any]]:
    relais, users = Register("relais"), [Register(name) for name in "abcd"]
    sheet = relais.share("Adapter un poste")
    uses = [user.use(sheet, how) for user in users for how in ("used", "taught", "used")]
    for position, use in enumerate(uses):
        relais.answer(use, ("thanks", "noted", "contest")[position % 3])
    users[0].withdraw(uses[0])
    newest = relais.share("Deuxième édition", supersedes=sheet)
    users[1].use(newest, "recommended", can_help=True)
    return together(relais, *users), sheet


@given(st.permutations(_busy_network()[0]))
def test_the_order_of_arrival_changes_nothing(acts: list[Act]) -> None:
    known, sheet = _busy_network()
    assert usage_state(acts, NOW, sheet) == usage_state(known, NOW, sheet)
