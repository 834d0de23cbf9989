"""Gossip among sixty (PROTOCOL §8): the goals hold; docs/network.md has the tables of larger networks."""

from __future__ import annotations

import os

import pytest

from tests.simulator import scale
from tests.simulator.table import Table

NODES, SEED = 60, 5
MINUTES = 60 if "MUTUNODE_TEST_SEEDS" in os.environ else 10  # `make soak`


def measured(table: Table) -> dict[str, float]:
    """What was measured, by the beginning of its name."""
    found = {}
    for name, value in table.rows:
        try:
            found[name.partition(" (")[0]] = float(value.replace(",", ""))
        except ValueError:
            continue
    return found


def test_in_calm_a_record_is_everywhere_in_seconds_once_and_nobody_carries_much_more_than_others() -> None:
    found = measured(scale.calm(NODES, SEED, 6))
    assert found["t50, median of records, seconds"] <= 2
    assert found["t99, median of records, seconds"] <= 5
    assert found["the last node, p95 of records, seconds"] <= 15
    assert found["record bytes received / unique"] <= 1.1
    assert found["bytes a record and node, all frames"] <= 4_000
    assert found["worst sender / mean"] <= 2.5


def test_to_be_there_costs_little() -> None:
    assert measured(scale.quiet(NODES, SEED, 10))["bytes a node and hour, frames only"] <= 30_000


def test_half_crash_and_the_rest_is_one_network() -> None:
    found = measured(scale.crash(NODES, SEED, 0))
    assert found["one component again after, seconds"] <= 60


@pytest.mark.parametrize("scenario", [scale.silent, scale.spam])
def test_one_in_ten_is_hostile_and_records_still_arrive(scenario: object) -> None:
    found = measured(scenario(NODES, SEED, 2))  # type: ignore[operator]
    assert found["t99, median of records, seconds"] <= 8
    assert found["frames of honest nodes looked into"] > 500


def test_a_register_signed_twice_is_known_everywhere_in_seconds() -> None:
    table = scale.equivocation(NODES, SEED, 0)
    assert measured(table)["99 % hold the proof after, seconds"] <= 5
    assert dict(table.rows)["nodes that hold it"] == "59 of 59"


def test_a_partition_is_made_good_in_a_minute() -> None:
    found = measured(scale.partition(NODES, SEED, MINUTES))
    assert found["99 % complete after healing, seconds"] <= 60
    assert found["all complete after healing, seconds"] <= 180
