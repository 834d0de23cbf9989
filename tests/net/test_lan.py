"""Who is near: seen, bounded, never believed, and gone when they say goodbye."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from zeroconf import ServiceStateChange
from zeroconf.asyncio import AsyncServiceInfo

from mutunode.net import lan as lans
from mutunode.net.lan import SERVICE, Lan, label
from mutunode.protocol.ids import org_text
from mutunode.protocol.limits import NEARBY_MAX

ORG = b"\x07" * 32
SEEN_SECONDS_MAX = 60.0


class Sight:
    """Whom a node sees."""

    def __init__(self, org: bytes = ORG, host: str = "127.0.0.1") -> None:
        self.near: dict[bytes, str] = {}
        self.lan = Lan(org, 7447, self.near.__setitem__, self._gone, host=host)

    def _gone(self, org: bytes) -> None:
        del self.near[org]


# --- over real multicast ------------------------------------------------------------------------
@pytest.fixture
def places() -> Iterator[list[tuple[list[str], str]]]:
    """Two machines on one network, as namespaces; where those cannot be made, this machine twice."""
    names = [f"mn-{os.getpid()}-{side}" for side in "ab"]
    made = False
    try:
        made = _make_network(names)
        yield ([(["ip", "netns", "exec", name], "::") for name in names] if made else [([], "127.0.0.1")] * 2)
    finally:
        if made:
            for name in names:
                subprocess.run(["ip", "netns", "del", name], check=False)


def _make_network(names: list[str]) -> bool:
    one, other = names
    commands = [
        f"ip netns add {one}",
        f"ip netns add {other}",
        f"ip link add va netns {one} type veth peer name vb netns {other}",
    ]
    for name, device, number in ((one, "va", 1), (other, "vb", 2)):
        commands += [
            f"ip -n {name} link set lo up",
            f"ip -n {name} addr add 192.0.2.{number}/24 dev {device}",
            f"ip -n {name} link set {device} up",
            f"ip -n {name} route add 224.0.0.0/4 dev {device}",
        ]
    try:
        for command in commands:
            subprocess.run(command.split(), check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        for name in names:
            with contextlib.suppress(OSError):
                subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        return False
    return True


@contextlib.asynccontextmanager
async def peer(
    place: tuple[list[str], str], number: int, port: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A node's announcements, in a process of its own."""
    prefix, host = place
    process = await asyncio.create_subprocess_exec(
        *prefix,
        sys.executable,
        "-m",
        "tests.net.lan_peer",
        str(number),
        str(port),
        host,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError, OSError):
            assert process.stdin is not None
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()


async def said(process: asyncio.subprocess.Process, start: str) -> str:
    """The next line that begins so."""
    assert process.stdout is not None
    async with asyncio.timeout(SEEN_SECONDS_MAX):
        while line := (await process.stdout.readline()).decode():
            if line.startswith(start):
                return line.strip()
    raise AssertionError(f"it ended without saying {start!r}")


async def test_two_nodes_on_one_network_see_each_other_and_their_goodbye(
    places: list[tuple[list[str], str]],
) -> None:
    async with peer(places[0], 1, 7001) as one:
        await said(one, "started")
        async with peer(places[1], 2, 7002) as two:
            seen = await said(two, "nearby 1")
            assert seen.endswith(":7001")
            assert (await said(one, "nearby 2")).endswith(":7002")
        assert await said(one, "gone 2") == "gone 2"


async def test_a_machine_without_multicast_has_nobody_near(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: object, **more: object) -> None:
        raise OSError(19, "No such device")

    monkeypatch.setattr(lans, "AsyncZeroconf", fails)
    sight = Sight()
    await sight.lan.start()
    await asyncio.sleep(0.05)
    assert sight.lan._zeroconf is None
    await sight.lan.stop()


async def test_a_node_that_listens_on_one_family_only_is_not_announced_on_the_other() -> None:
    sight = Sight(host="::1")
    await sight.lan.start()
    await asyncio.sleep(0.05)
    assert sight.lan._zeroconf is None
    await sight.lan.stop()


# --- what an announcement may say ---------------------------------------------------------------
def announcement(
    org: str = org_text(b"\x09" * 32), version: str = "1", port: int = 7447, *addresses: bytes
) -> AsyncServiceInfo:
    """An announcement as it arrives."""
    return AsyncServiceInfo(
        SERVICE,
        f"x.{SERVICE}",
        port=port,
        addresses=list(addresses) or [bytes([127, 0, 0, 1])],
        properties={"v": version, "org": org.removeprefix("org_")},
    )


@pytest.fixture
async def sight() -> AsyncIterator[Sight]:
    """A node that hears only what a test tells it."""
    seen = Sight()
    seen.lan._on = ("127.0.0.1",)
    yield seen
    await seen.lan.stop()


async def test_an_announcement_names_an_organisation_and_an_address(sight: Sight) -> None:
    assert sight.lan._read(announcement()) == (b"\x09" * 32, "127.0.0.1:7447")


@pytest.mark.parametrize(
    "wrong",
    [
        announcement(version="2"),
        announcement(port=0),
        announcement(org=""),
        announcement(org="org_" + "a" * 51),
        announcement(org="org_" + "é" * 20),
        announcement(org_text(b"\x09" * 32), "1", 7447, bytes([1, 1, 1, 1])),
        announcement(org_text(b"\x09" * 32), "1", 7447, bytes([224, 0, 0, 251])),
    ],
)
async def test_announcements_that_cannot_be_used_are_passed_over(
    sight: Sight, wrong: AsyncServiceInfo
) -> None:
    assert sight.lan._read(wrong) is None


async def test_nobody_on_a_network_can_point_us_at_our_own_services(sight: Sight) -> None:
    sight.lan._on = ("192.0.2.1",)
    assert sight.lan._read(announcement()) is None


def answering(monkeypatch: pytest.MonkeyPatch, info: AsyncServiceInfo | None) -> None:
    """Whatever is asked for, this is the answer."""

    async def request(self: AsyncServiceInfo, *given: Any) -> bool:
        if info is not None:
            self.port, self.addresses = info.port, info.addresses
            self._set_properties({b"v": info.properties[b"v"], b"org": info.properties[b"org"]})
        return info is not None

    monkeypatch.setattr(AsyncServiceInfo, "async_request", request)


def tell(sight: Sight, name: str, change: ServiceStateChange) -> None:
    """A change of one announcement, as zeroconf tells it."""
    sight.lan._on_change(None, SERVICE, f"{name}.{SERVICE}", change)  # type: ignore[arg-type]


async def settled(sight: Sight) -> None:
    """All that was asked for has been answered."""
    while sight.lan._tasks:
        await asyncio.gather(*sight.lan._tasks)


async def test_an_organisation_under_two_names_is_gone_with_the_last(
    sight: Sight, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, announcement())
    for name in ("one", "two"):
        tell(sight, name, ServiceStateChange.Added)
    await settled(sight)
    assert sight.near == {b"\x09" * 32: "127.0.0.1:7447"}
    tell(sight, "one", ServiceStateChange.Removed)
    assert sight.near
    tell(sight, "two", ServiceStateChange.Removed)
    assert not sight.near


async def test_our_own_announcement_is_nobody_near(sight: Sight, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, announcement(org=org_text(ORG)))
    tell(sight, "us", ServiceStateChange.Added)
    await settled(sight)
    assert sight.near == {}


async def test_a_flood_of_announcements_is_bounded(sight: Sight, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, announcement())
    for number in range(10_000):
        tell(sight, f"fake {number}", ServiceStateChange.Added)
    assert len(sight.lan._names) == len(sight.lan._tasks) == NEARBY_MAX
    await settled(sight)


async def test_one_machine_that_announces_hundreds_leaves_room_for_others(
    sight: Sight, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def request(self: AsyncServiceInfo, *given: Any) -> bool:
        number = int(self.name.split(".")[0])
        info = announcement(org_text(number.to_bytes(32, "big")))
        self.port, self.addresses = info.port, [bytes([127, 0, 0, 1 if number <= NEARBY_MAX else 2])]
        self._set_properties({b"v": info.properties[b"v"], b"org": info.properties[b"org"]})
        return True

    monkeypatch.setattr(AsyncServiceInfo, "async_request", request)
    for number in range(1, NEARBY_MAX + 1):
        tell(sight, str(number), ServiceStateChange.Added)
    await settled(sight)
    assert len(sight.near) == lans.NEARBY_AN_ADDRESS_MAX
    tell(sight, str(NEARBY_MAX + 1), ServiceStateChange.Added)
    await settled(sight)
    assert sight.near[(NEARBY_MAX + 1).to_bytes(32, "big")] == "127.0.0.2:7447"
    for name in [name.removesuffix(f".{SERVICE}") for name in sight.lan._names]:
        tell(sight, name, ServiceStateChange.Removed)
    assert sight.near == {}


async def test_announcements_that_lead_nowhere_leave_room_for_others(
    sight: Sight, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, None)
    for number in range(NEARBY_MAX):
        tell(sight, f"fake {number}", ServiceStateChange.Added)
    await settled(sight)
    assert sight.lan._names == {}


async def test_a_name_that_is_none_is_passed_over(sight: Sight) -> None:
    sight.lan._on_change(None, SERVICE, "nonsense", ServiceStateChange.Added)  # type: ignore[arg-type]
    await settled(sight)
    assert sight.lan._names == {}


@pytest.mark.parametrize("name", ["mutunode", "Épicerie " * 20, "a.b.c", "☃" * 40, ""])
def test_a_label_is_cut_by_bytes_between_characters(name: str) -> None:
    made = label(name, ORG)
    assert len(made.encode("utf-8")) <= 63
    assert "." not in made
    assert made.endswith(org_text(ORG)[4:12])
