"""In any world: the same records say the same, fewer say the same or that data is awaited, nothing flips."""

from __future__ import annotations

import os
import random

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mutunode.commons.states import Act
from mutunode.commons.states.homes import Key, key_of
from tests.commons.booking_worlds import MOVES, RARE, Step, World

WORLDS = int(os.environ.get("MUTUNODE_TEST_WORLDS", "300"))
EVERY_WORLD = settings(max_examples=WORLDS, deadline=None)
HALF_OF_THEM = settings(max_examples=max(50, WORLDS // 2), deadline=None)

# What may follow an acceptance that went over nothing.
KEPT = {"accepted", "checked_out", "returned", "closed", "withdrawn", "released", "pending"}
OVER = {"withdrawn", "released", "closed"}
STEP = st.tuples(st.sampled_from((*MOVES, *RARE)), st.integers(0, 30), st.integers(0, 30))
CALM = st.tuples(st.sampled_from(MOVES), st.integers(0, 30), st.integers(0, 30))


def _world(units: int, steps: list[Step]) -> World:
    world = World(units)
    for step in steps:
        world.do(step)
    return world


@EVERY_WORLD
@given(st.integers(1, 3), st.lists(STEP, max_size=30), st.randoms(use_true_random=False))
@example(1, [("revise", 1, 0), ("grant", 0, 1), ("restart", 1, 0), ("restart", 0, 0)], random.Random(0))
def test_the_same_records_show_the_same_and_what_a_second_reckoning_finds(
    units: int, steps: list[Step], chance: random.Random
) -> None:
    world = _world(units, steps)
    acts = world.everything()
    shown = world.shown(acts)
    chance.shuffle(acts)
    assert world.shown(acts) == shown
    reckoned = world.reckon()
    for booking in shown.bookings:
        if booking.key in reckoned and not _implied(world, booking.key, world.everything()):
            assert booking.state == reckoned[booking.key]


@EVERY_WORLD
@given(
    st.integers(1, 3),
    st.lists(CALM, max_size=30),
    st.lists(st.integers(0, 40), min_size=4, max_size=4),
    st.sets(st.integers(0, 60), max_size=3),
)
def test_whoever_holds_less_shows_an_earlier_state_or_that_data_is_awaited(
    units: int, steps: list[Step], cuts: list[int], missing: set[int]
) -> None:
    world = _world(units, steps)
    cut = max(1, min(cuts[0], world.owner.size))
    held = world.owner.standing[:cut]
    for lender, size in zip(world.askers, cuts[1:], strict=True):
        held += lender.standing[:size]
    held = [
        msgspec.structs.replace(act, state="missing", body=None) if place in missing else act
        for place, act in enumerate(held)
    ]
    # What is missing in the owner's register, or beyond the cut, makes a reckoning of what stands before it.
    reckoned = world.reckon(upto=cut)
    for key, state in world.states(held).items():
        if state != "pending" and key in reckoned:
            assert state == reckoned[key]


@HALF_OF_THEM
@given(st.integers(1, 3), st.lists(STEP, max_size=25))
def test_what_was_accepted_with_room_and_noted_never_flips(units: int, steps: list[Step]) -> None:
    world = World(units)
    firm, once_over = set[Key](), set[Key]()
    for step in steps:
        world.do(step)
        states = world.states()
        # Where both sides' registers dropped it, nobody is left who says so.
        noted = {each.booking for each in world.events if each.name == "accept" and each.noted}
        firm &= noted
        world.reckon()
        for key in firm & states.keys():
            assert states[key] in (KEPT | {"erased"} if key in world.lost else KEPT)
        once_over |= {key for key, state in states.items() if state == "overbooked"}
        firm = {key for key in firm if states.get(key) not in OVER}
        firm |= {key for key in noted - once_over if states.get(key or (b"", b"")) == "accepted" and key}


@HALF_OF_THEM
@given(st.integers(1, 3), st.lists(STEP, max_size=30))
def test_no_act_counts_that_its_author_may_not_say(units: int, steps: list[Step]) -> None:
    world = _world(units, steps)
    forged = {key_of(ref) for ref in world.forged}
    honest = [act for act in world.everything() if (act.log, act.leaf) not in forged]
    states, without = world.states(), world.states(honest)
    for key in states.keys() & without.keys():  # what the owner noted of them is awaited where they are not
        assert without[key] in (states[key], "pending")
    for booking in world.shown().bookings:
        for name, act in booking.halves.items():
            own = name in ("withdraw", "pickup", "give_back")
            assert act.log == (booking.key[0] if own else world.owner.log)


@HALF_OF_THEM
@given(st.integers(1, 3), st.lists(CALM, max_size=25), st.integers(1, 20))
def test_on_each_branch_of_a_fork_the_branch_counts_and_what_was_noted_of_the_other_is_awaited(
    units: int, steps: list[Step], kept: int
) -> None:
    world = _world(units, steps)
    noted = [(key, ref) for _, _, key, ref in world.noted_by_requester]
    branch = [act for act in world.owner.standing if act.index < kept]
    askers = [act for asker in world.askers for act in asker.standing]
    for place, last in enumerate(world.owner.standing[kept:]):  # the other branch says something else
        branch.append(
            msgspec.structs.replace(
                last, kind="flag", body={"note": {"fr": "x"}}, leaf=bytes(31) + bytes([place])
            )
        )
    held_here = {(act.log, act.leaf) for act in branch}
    states = world.states([*branch, *askers])
    reckoned = world.reckon(upto=kept)
    for key, state in states.items():
        elsewhere = [ref for booking, ref in noted if booking == key and key_of(ref) not in held_here]
        if elsewhere:
            assert state == "pending"
        elif state != "pending" and key in reckoned:
            assert state == reckoned[key]


def _implied(world: World, key: Key, acts: list[Act]) -> bool:
    """Whether the requester says that it picked up what, here, nobody has granted: more is awaited."""
    said = {
        (act.body or {})["act"]
        for act in acts
        if act.kind == "booking_act" and act.log == key[0] and act.body and key_of(act.body["booking"]) == key
    }
    return world.reckon().get(key) in ("requested", "expired") and bool(said & {"pickup", "give_back"})
