"""The daemon's own work beside the doors it opens."""

from __future__ import annotations

import threading
import time
from typing import cast

import pytest

from mutunode import daemon
from mutunode.turns import Turns
from mutunode.web import render

WAIT_SECONDS = 10.0


class Taking:
    """A writer to whom somebody brings much, or nobody."""

    is_busy = True


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(render, "warm", names.append)
    monkeypatch.setattr(daemon, "WARM_AFTER_SECONDS", 0.001)
    monkeypatch.setattr(daemon, "WARM_LOOK_SECONDS", 0.001)
    return names


def warming(taking: Taking, stopping: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=daemon._warm, args=(cast(Turns, taking), stopping))
    thread.start()
    return thread


def test_no_template_is_compiled_while_somebody_brings_much(compiled: list[str]) -> None:
    taking = Taking()
    thread = warming(taking, threading.Event())
    time.sleep(0.1)
    assert compiled == []
    taking.is_busy = False
    thread.join(WAIT_SECONDS)
    assert compiled == list(render.WARM)


def test_a_node_that_is_never_at_rest_compiles_them_all_the_same(
    compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "WARM_WAITS_SECONDS_MAX", 0.0)
    warming(Taking(), threading.Event()).join(WAIT_SECONDS)
    assert compiled == list(render.WARM)


def test_a_stop_does_not_wait_for_them(compiled: list[str]) -> None:
    stopping = threading.Event()
    thread = warming(Taking(), stopping)
    stopping.set()
    thread.join(WAIT_SECONDS)
    assert not thread.is_alive()
    assert compiled == []
