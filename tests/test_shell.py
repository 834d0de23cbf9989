"""Between the writer's thread and the loop: everything decided is done, in order, with one waking for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, cast

import pytest
import structlog
from structlog.testing import capture_logs

from mutunode.net.peers import PeerNet
from mutunode.protocol.effects import Close, Send
from mutunode.shell import Shell
from mutunode.turns import Turns


class Net:
    """Notes what it is to do; one thing it cannot."""

    def __init__(self) -> None:
        self.done: list[object] = []

    def perform(self, effect: object) -> None:
        if isinstance(effect, Close):
            raise RuntimeError("a bug")
        self.done.append(effect)


class Loop:
    """Notes how often it was woken."""

    def __init__(self) -> None:
        self.wakings: list[Callable[[], None]] = []

    def call_soon_threadsafe(self, job: Callable[[], None]) -> None:
        self.wakings.append(job)


def shell_of(loop: object, net: Net) -> Shell:
    shell = Shell()
    shell.attach(cast(asyncio.AbstractEventLoop, loop), cast(Turns, None), cast(PeerNet, net))
    return shell


def test_what_many_turns_decided_wakes_the_loop_once_and_keeps_its_order() -> None:
    loop, net = Loop(), Net()
    shell = shell_of(loop, net)
    for number in range(100):
        shell.perform([Send(1, bytes([number]))])
    assert len(loop.wakings) == 1
    loop.wakings.pop()()
    assert net.done == [Send(1, bytes([number])) for number in range(100)]
    shell.perform([Send(1, b"later")])
    assert len(loop.wakings) == 1, "what comes after it looked wakes it again"


@pytest.fixture
def said() -> Iterator[list[MutableMapping[str, Any]]]:
    """What is said to the log, whoever silenced it before."""
    before = structlog.get_config()
    structlog.reset_defaults()
    with capture_logs() as said:
        yield said
    structlog.configure(**before)


def test_one_thing_that_cannot_be_done_keeps_nothing_else_from_being_done(
    said: list[MutableMapping[str, Any]],
) -> None:
    loop, net = Loop(), Net()
    shell = shell_of(loop, net)
    shell.perform([Close(1, 1000, "")])
    shell.perform([Send(2, b"still")])
    loop.wakings.pop()()
    assert net.done == [Send(2, b"still")]
    assert [(each["log_level"], each["exc_info"]) for each in said] == [("error", True)]
