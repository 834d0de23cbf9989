"""Two ops for one epoch: the earlier root wins, equal ones ask a person, late ones are evidence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutunode.protocol import crypto, rivals
from mutunode.protocol.errors import Invalid
from mutunode.protocol.identity import Base, Chain, Op, Standing, make_op, parse_genesis, parse_op
from mutunode.protocol.phrase import root_seed
from mutunode.protocol.rivals import learn
from tests.vectors import mutunode

VECTORS = mutunode("identity")
GENESIS = parse_genesis(bytes.fromhex(VECTORS["genesis"]))
START = Chain(GENESIS)
OP, SIGNATURE = parse_op(bytes.fromhex(VECTORS["op"])), bytes.fromhex(VECTORS["op_signature"])
LOWER, EQUAL = [
    (parse_op(bytes.fromhex(each["op"])), bytes.fromhex(each["signature"])) for each in VECTORS["rivals"]
]
ROOT = root_seed(bytes.fromhex(mutunode("phrase")["entropy"]))
DAY = 86_400
Signed = tuple[Op, bytes]


def _next(chain: Chain, reason: str, seed: bytes = ROOT) -> Signed:
    op = make_op(
        chain,
        operating=chain.operating,
        roots=chain.roots,
        sealing=chain.sealing,
        base=Base(),
        reason=reason,
    )
    return op, crypto.sign(seed, op.signed)


def _held(now: int = 0) -> Chain:
    return learn(START, OP, SIGNATURE, now)


def test_a_rival_of_a_lower_root_loses_and_is_shown() -> None:
    chain = learn(_held(), *LOWER, 1)
    assert chain.ops == _held().ops
    assert [(rival.epoch, rival.standing) for rival in chain.rivals] == [(1, Standing.LOST)]
    assert chain.rivals[0].ops[0].place == 1
    assert not chain.disputed


def test_a_rival_of_an_earlier_root_replaces_the_op_and_all_that_followed() -> None:
    chain = learn(START, *LOWER, 0)
    chain = learn(chain, *_next(chain, "followed"), 0)
    assert chain.epoch == 2
    replaced = learn(chain, OP, SIGNATURE, DAY)
    assert (replaced.epoch, replaced.op(1).op, replaced.op(1).held_since) == (1, OP, DAY)
    assert [rival.standing for rival in replaced.rivals] == [Standing.LOST]
    assert [each.op for each in replaced.rivals[0].ops] == [each.op for each in chain.ops]
    assert learn(replaced, *LOWER, DAY) == replaced


def test_a_rival_of_an_equal_root_makes_the_organisation_disputed() -> None:
    chain = learn(_held(), *EQUAL, 1)
    assert chain.ops == _held().ops
    assert chain.disputed
    assert chain.rivals[0].standing is Standing.TIED


def test_who_recovers_goes_on_from_what_two_new_starts_dispute() -> None:
    ours, theirs = _held(), learn(START, *EQUAL, 0)
    for told in (learn(ours, *EQUAL, 1), rivals.settled(ours, [ours, theirs])):
        chain = rivals.settled(told, [])
        assert (chain.ops, chain.disputed) == (ours.ops, False)
        again = learn(chain, *EQUAL, 2, told_with_chain=True)
        assert not again.disputed, "who shows it once more stops nothing"
        assert learn(again, *_next(again, "recovered"), 3).epoch == 2


@pytest.mark.parametrize(("days", "standing"), [(29, None), (30, Standing.LATE), (400, Standing.LATE)])
def test_a_rival_of_an_op_held_for_thirty_days_is_evidence_and_never_applied(
    days: int, standing: Standing | None
) -> None:
    chain = learn(learn(START, *LOWER, 0), OP, SIGNATURE, days * DAY)
    if standing is None:
        assert chain.op(1).op == OP
    else:
        assert chain.op(1).op == LOWER[0]
        assert chain.rivals[0].standing is standing
    assert not chain.disputed


def test_a_newcomer_that_is_told_of_an_earlier_root_asks_a_person() -> None:
    chain = learn(learn(START, *LOWER, 0), OP, SIGNATURE, 0, told_with_chain=True)
    assert chain.op(1).op == LOWER[0]
    assert chain.rivals[0].standing is Standing.ASKED
    taken = rivals.decide(chain, 1, take_rival=True)
    assert taken.op(1).op == OP
    assert taken.rivals[0].standing is Standing.DECIDED
    assert learn(taken, *LOWER, 1) == taken


def test_a_person_who_keeps_the_chain_is_not_asked_again() -> None:
    chain = rivals.decide(learn(_held(), *EQUAL, 1), 1, take_rival=False)
    assert not chain.disputed
    assert learn(chain, *EQUAL, 2) == chain


def test_what_follows_a_rival_is_kept_with_it_up_to_sixteen() -> None:
    branch = learn(START, *EQUAL, 0)
    chain = learn(_held(), *EQUAL, 0)
    for number in range(18):
        signed = _next(branch, f"follower {number}")
        branch, chain = learn(branch, *signed, 0), learn(chain, *signed, 0) if number < 16 else chain
    assert len(chain.rivals[0].ops) == 17
    assert chain.epoch == 1
    assert learn(chain, branch.ops[3].op, branch.ops[3].signature, 0) == chain
    seventeenth = branch.ops[17]
    assert learn(chain, seventeenth.op, seventeenth.signature, 0) == chain


def test_a_follower_needs_a_root_of_the_branch_it_follows() -> None:
    chain = learn(_held(), *EQUAL, 0)
    branch = learn(START, *EQUAL, 0)
    op, _ = _next(branch, "stolen")
    with pytest.raises(Invalid, match="no root key"):
        learn(chain, op, crypto.sign(b"\x09" * 32, op.signed), 0)


def test_of_several_rivals_the_one_of_the_earliest_root_is_kept() -> None:
    chain = learn(learn(_held(), *LOWER, 0), *EQUAL, 0)
    assert [rival.standing for rival in chain.rivals] == [Standing.TIED]
    assert learn(chain, *LOWER, 0) == chain


def test_the_same_op_under_an_earlier_root_counts_as_signed_by_it() -> None:
    low = bytes.fromhex(VECTORS["low_root_seed"])
    chain = learn(START, OP, crypto.sign(low, OP.signed), 5)
    assert chain.op(1).place == 1
    chain = learn(chain, OP, SIGNATURE, 9)
    assert (chain.op(1).place, chain.op(1).held_since, chain.rivals) == (0, 5, ())
    assert learn(chain, OP, crypto.sign(low, OP.signed), 10) == chain


def test_an_op_that_continues_nothing_is_refused() -> None:
    chain = learn(_held(), *_next(_held(), "second"), 0)
    op, signature = _next(chain, "third")
    with pytest.raises(Invalid, match="continues nothing"):
        learn(START, op, signature, 0)


@given(st.permutations([0, 1, 2, 3]))
def test_within_thirty_days_the_order_of_arrival_does_not_matter_between_unequal_roots(
    order: list[int],
) -> None:
    winner = learn(START, OP, SIGNATURE, 0)
    loser = learn(START, *LOWER, 0)
    ops = [(OP, SIGNATURE), _next(winner, "after the winner"), LOWER, _next(loser, "after the loser")]
    chain, waiting = START, [ops[number] for number in order]
    for _ in range(len(ops)):  # what continues nothing yet is tried again, as a peer would send it again
        for signed in list(waiting):
            try:
                chain = learn(chain, *signed, 0)
                waiting.remove(signed)
            except Invalid:
                continue
    assert [each.op for each in chain.ops] == [ops[0][0], ops[1][0]]
    assert chain.rivals[0].ops[0].op == LOWER[0]
