"""kill -9, at every named point and at random ones: nothing acknowledged is lost, nothing is forked.

``MUTUNODE_TEST_KILLS`` sets how many random kills there are, ``MUTUNODE_TEST_SEED`` repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mutunode_cli.client import NoDaemon, Vanished
from tests.e2e import dying
from tests.e2e.nodes import PATIENCE_SECONDS, Node, until

READY_SECONDS_MAX = 15.0  # 2 are promised, on a machine that does not run other tests
RANDOM_KILLS = 30
KILL_WITHIN_SECONDS = 0.35


class Publisher:
    """Publishes one record after the other, and keeps what it was told is done."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.acknowledged: dict[str, str] = {}  # id → title
        self.asked = 0
        self._checked = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread()

    def publish(self) -> None:
        """One record; every fifth time a batch of rows."""
        self.asked += 1
        title = f"Fiche {self.asked}"
        if self.asked % 5:
            self.acknowledged[self.node.publish(title)] = title
            return
        titles = [f"{title}, ligne {row}" for row in range(20)]
        answer = self.node.ask("import", lines="\n".join(json.dumps({"title": t}) for t in titles))
        self.acknowledged.update(zip(answer["ids"], titles, strict=True))

    def until_dead(self) -> None:
        """Publish until nobody answers any more."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            try:
                self.publish()
            except (NoDaemon, Vanished):
                return
            time.sleep(0.02)  # the index follows at its own pace
        pytest.fail(f"still alive after {self.asked} records: {self.node.log.read_text()}")

    def begin(self) -> None:
        """Publish in a thread of its own, until told to end or until nobody answers."""

        def run() -> None:
            try:
                while not self._stopping.is_set():
                    self.publish()
            except (NoDaemon, Vanished):
                return

        self._stopping.clear()
        self._thread = threading.Thread(target=run)
        self._thread.start()

    def end(self) -> None:
        """No more."""
        self._stopping.set()
        self._thread.join()

    def check(self) -> None:
        """Everything acknowledged since the last look is there, and the node may sign."""
        for rec, title in list(self.acknowledged.items())[self._checked :]:
            assert self.node.ask("show", rec=rec)["title"] == title
        self._checked = len(self.acknowledged)
        assert not self.node.ask("status")["read_only"]

    def check_all(self) -> None:
        """Everything that was ever acknowledged is there."""
        self._checked = 0
        self.check()


def wait_dead(node: Node) -> None:
    """The node killed itself."""
    until(node.has_died, f"{node.name} reached its point\n{node.log.read_text()}")
    node.kill()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Publisher, Node]]:
    """A publisher and one that follows it, through all the kills of this page."""
    folder: Path = tmp_path_factory.mktemp("kills")
    jardin, atelier = Node("Jardin", folder).init().start(), Node("Atelier", folder).init().start()
    jardin.follows(atelier)
    atelier.follows(jardin)
    publisher = Publisher(jardin)
    publisher.publish()
    atelier.catches_up_with(jardin)
    yield publisher, atelier
    for node in (jardin, atelier):
        node.kill()


def is_well(publisher: Publisher, follower: Node) -> None:
    """After a kill and a new start: complete, one register, held and found by the one who follows."""
    publisher.check_all()
    follower.catches_up_with(publisher.node)
    assert follower.forked() == []
    assert publisher.node.forked() == []
    size, _ = publisher.node.register()
    for node in (publisher.node, follower):
        node.ask("log_verify")
        until(lambda node=node: node.ask("search", limit=0)["total"] == size, f"{node.name} finds all {size}")  # type: ignore[misc]
        assert node.ready_seconds < READY_SECONDS_MAX


@pytest.mark.parametrize("point", dying.PUBLISHING)
def test_killed_while_publishing(two: tuple[Publisher, Node], point: str) -> None:
    publisher, follower = two
    publisher.node.stop()
    publisher.node.start(program=("-m", "tests.e2e.dying", "publishing", point, "3"))
    publisher.until_dead()
    wait_dead(publisher.node)
    seen = follower.holds_of(publisher.node)
    publisher.node.start()
    assert publisher.node.register()[0] >= seen[0], "what a peer has seen is never taken back"
    publisher.publish()
    is_well(publisher, follower)


@pytest.mark.parametrize("point", dying.RECEIVING)
def test_killed_while_receiving(two: tuple[Publisher, Node], point: str) -> None:
    publisher, follower = two
    follower.stop()
    # more than one frame of it: entries wait in the store for their head
    rows = [{"title": f"Longue fiche {n}", "abstract": f"{n} {point} " * 400} for n in range(250)]
    answer = publisher.node.ask("import", lines="\n".join(json.dumps(row) for row in rows))
    publisher.acknowledged[answer["ids"][0]] = "Longue fiche 0"
    follower.launch(program=("-m", "tests.e2e.dying", "receiving", point, "1"))
    wait_dead(follower)
    follower.start()
    is_well(publisher, follower)


def test_killed_at_random_points(two: tuple[Publisher, Node], capsys: pytest.CaptureFixture[str]) -> None:
    publisher, follower = two
    kills = int(os.environ.get("MUTUNODE_TEST_KILLS", RANDOM_KILLS))
    seed = os.environ.get("MUTUNODE_TEST_SEED") or str(time.time_ns())
    chance = random.Random(seed)
    print(f"seed {seed}")
    ready: list[float] = []
    for _ in range(kills // 2):
        publisher.begin()
        began = time.monotonic()
        fates = [(chance.uniform(0, KILL_WITHIN_SECONDS), node) for node in (publisher.node, follower)]
        for seconds, node in sorted(fates, key=lambda fate: fate[0]):
            time.sleep(max(began + seconds - time.monotonic(), 0.0))
            node.kill()
        publisher.end()
        for _, node in fates:
            node.launch()
        for _, node in fates:
            node.wait_ready()
            ready.append(node.ready_seconds)
        publisher.check()
    is_well(publisher, follower)
    with capsys.disabled():
        acknowledged = len(publisher.acknowledged)
        print(
            f"\n{len(ready)} random kills (seed {seed}): {acknowledged} records acknowledged, none lost; "
            f"ready after {statistics.median(ready):.2f} s (median), {max(ready):.2f} s (worst)"
        )
