"""Gossip among sixty (PROTOCOL §8): the goals hold; docs/network.md has the tables of larger networks.

``make soak`` plays the same among a thousand, and whole hours of them.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulator import churn, federated, hostile, report, saving, scale
from tests.simulator.crowd import Crowd
from tests.simulator.invariants import Violation, Watch
from tests.simulator.runs import WARM_UP, Aside, Run
from tests.simulator.swift import remembering
from tests.simulator.table import Table

NODES, SEED = int(os.environ.get("MUTUNODE_TEST_NODES", "60")), 5  # 1,000 in `make soak`
FEW = 12
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


def test_half_are_offline_and_who_comes_back_is_current_soon() -> None:
    found = measured(churn.churn(NODES, SEED, MINUTES))
    assert found["who came back"] > 0
    assert found["current again, p95, seconds"] <= 20
    assert found["t99 of those online all along, p95"] <= 8


@pytest.mark.parametrize("scenario", [hostile.silent, hostile.spam])
def test_one_in_ten_is_hostile_and_records_still_arrive(scenario: object) -> None:
    found = measured(scenario(NODES, SEED, 2))  # type: ignore[operator]
    assert found["t99, p95 of records"] <= 8
    assert found["heads in frames of honest nodes, looked at"] > 500


def test_who_signs_a_record_each_second_is_heard_at_the_pace_that_everybody_has() -> None:
    found = measured(hostile.flood(FEW, SEED, 1.2))
    signed, passed_on = (
        "records that each of them signed",
        "heads of one of them that one node passed on, most",
    )
    assert found[signed] > 70
    assert found[passed_on] <= 62
    assert found["t99, p95 of records"] <= 8


@pytest.mark.parametrize("scenario", [hostile.equivocation, hostile.sizes])
def test_a_register_signed_twice_is_known_everywhere_in_seconds_and_a_new_epoch_heals_it(
    scenario: object,
) -> None:
    table = scenario(NODES, SEED, 0)  # type: ignore[operator]
    assert measured(table)["99 % hold the proof after, seconds"] <= 5
    assert measured(table)["99 % follow its new epoch after, seconds"] <= 60
    rows, everybody = dict(table.rows), f"{NODES - 1} of {NODES - 1}"
    assert rows["nodes that hold it"] == rows["nodes that follow it, not frozen any more"] == everybody


def test_a_public_register_on_another_base_than_its_chain_says_stops_at_once() -> None:
    table = hostile.bases(FEW, SEED, 0)
    rows = dict(table.rows)
    assert rows["nodes that hold it"] == f"{FEW - 1} of {FEW - 1}"
    assert int(rows["heads on another base that it signed"]) > 0
    assert rows["nodes that took one"] == "0"
    assert measured(table)["heads in frames of honest nodes, looked at"] > 0


def test_who_is_known_through_vouches_alone_is_heard_by_all() -> None:
    found = measured(federated.federated(2 * FEW, SEED, 10))
    assert found["all listen to all after, seconds"] <= 60
    assert found["t99, median of records, seconds"] <= 5
    assert found["record bytes received / unique"] <= 1.1


@pytest.mark.parametrize("seed", [1, 2])
def test_two_federations_with_fewer_places_than_members_hear_of_each_other_in_a_minute(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(federated, "HUB_LINKS_MAX", 24)
    with remembering(frames=True):
        crowd = federated.Federated(110, seed)
        crowd.join(60)
    assert max(crowd.links()) <= 24
    assert crowd.listening() == 1.0
    assert crowd.components() == 1


@pytest.mark.parametrize("nodes", [2, 3, 10])
def test_two_halves_of_a_network_of_few_find_each_other_again_within_minutes(nodes: int) -> None:
    found = measured(scale.partition(nodes, SEED, 60))
    assert found["all complete after healing, seconds"] <= 180


def test_a_partition_is_made_good_in_a_minute() -> None:
    found = measured(scale.partition(NODES, SEED, MINUTES))
    assert found["99 % complete after healing, seconds"] <= 60
    assert found["all complete after healing, seconds"] <= 180


# --- a run that is put aside ---------------------------------------------------------------------------
def test_a_run_that_was_put_aside_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    whole = scale.calm(FEW, SEED, 5)
    path = tmp_path / "calm"
    scale.calm(FEW, SEED, 5, Aside(path, ("calm", FEW, SEED, 5), minutes=6))
    aside = Aside.of(path)
    assert aside.run is not None
    passed = aside.run.crowd.world.now - 1_700_000_000
    assert passed < measured(whole)["simulated seconds, joining included"]
    again = scale.calm(*aside.asked[1:], aside)
    paid = ("processor seconds", "memory at most, MB")
    assert [row for row in again.rows if row[0] not in paid] == [
        row for row in whole.rows if row[0] not in paid
    ]


def test_a_run_is_put_aside_also_while_its_nodes_find_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = hostile.spam(FEW, SEED, 1)
    path, save = tmp_path / "spam", saving.save
    monkeypatch.setattr(saving, "save", lambda run, to: None if to.exists() else save(run, to))
    hostile.spam(FEW, SEED, 1, Aside(path, ("spam", FEW, SEED, 1), minutes=0.5))
    aside = Aside.of(path)
    assert aside.run is not None
    assert aside.run.crowd.world.now - 1_700_000_000 < WARM_UP
    again = hostile.spam(*aside.asked[1:], aside)
    assert again.rows[-1] == whole.rows[-1]
    assert [row for row in again.rows if row[0].startswith("t99")] == [
        row for row in whole.rows if row[0].startswith("t99")
    ]


# --- what is written of it ------------------------------------------------------------------------------
def test_a_table_takes_the_place_of_its_own_and_all_others_stand(tmp_path: Path) -> None:
    page = report.DOCS.joinpath("network.md").read_text()
    measured_part = page.split(report.BEGIN)[1].split(report.END)[0]
    before = report.tables(measured_part)
    assert {scenario for scenario, _ in before} == set(report.TITLES)
    assert list(report.merged(measured_part, tmp_path).items()) == list(before.items())
    new = before["spam", 100].replace("(100 nodes", "(1,000 nodes")
    newer = before["calm", 300] + "\n| measured again | 1 |"
    tmp_path.joinpath("one.md").write_text(new)
    tmp_path.joinpath("other.md").write_text(newer)
    after = report.merged(measured_part, tmp_path)
    assert after == before | {("spam", 1_000): new, ("calm", 300): newer}
    assert list(after).index(("spam", 1_000)) == list(after).index(("spam", 100)) + 1


def test_a_run_does_not_go_on_with_other_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "calm"
    saving.save({"some": "run"}, path)
    assert saving.load(path) == {"some": "run"}
    monkeypatch.setattr(saving, "ROOT", Path(__file__).parents[1] / "docs")
    with pytest.raises(saving.OtherSources, match="other sources"):
        saving.load(path)


# --- the watch, where stores change in place ------------------------------------------------------------
def test_the_watch_sees_a_crowds_register_that_went_back() -> None:
    crowd = Crowd(5, SEED)
    watch = Watch(crowd.world)
    crowd.join(10)
    writer, reader = crowd.actors[:2]
    for _ in range(2):
        crowd.publish(writer)
        crowd.world.run(20)
    assert watch.checks["heads only grow"] > 0
    held = reader.store.state.logs[writer.log]
    assert held.head is not None
    older = replace(held, head=writer.author.head(size=1), leaves=held.leaves[:1], committed=1)
    reader.store.state.logs[writer.log] = older
    with pytest.raises(Violation, match="back to"):
        crowd.world.run(600)


def test_above_a_hundred_nodes_one_turn_in_five_hundred_is_looked_at_and_below_each() -> None:
    few, many = Run("few", 12, SEED), Run("many", 101, SEED)
    assert few.watch.checks["queues are bounded"] == few.watch.turns
    assert 0 < many.watch.checks["queues are bounded"] == many.watch.turns // 500
