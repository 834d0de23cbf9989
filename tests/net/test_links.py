"""Two nodes over real sockets: frames both ways, the channel, limits, and ends."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mutunode.net import link as links
from mutunode.net import tls
from mutunode.net.peers import PeerNet
from mutunode.net.websocket import End
from mutunode.protocol.effects import Close, Dial, Send
from mutunode.protocol.limits import FRAME_BYTES_MAX
from tests.net.recorder import Recorder, connect, listening

Side = tuple[PeerNet, Recorder]


@pytest.fixture
async def alice(tmp_path: Path) -> AsyncIterator[Side]:
    async with listening(tmp_path / "alice") as side:
        yield side


@pytest.fixture
async def bob(tmp_path: Path) -> AsyncIterator[Side]:
    async with listening(tmp_path / "bob") as side:
        yield side


async def test_frames_travel_both_ways_in_order_on_one_channel(alice: Side, bob: Side) -> None:
    ours, theirs = await connect(alice, bob)
    sent = [bytes([n]) * (n * 999 + 1) for n in range(40)]
    for frame in sent:
        alice[0].perform(Send(ours, frame))
        bob[0].perform(Send(theirs, frame))
    await alice[1].until(lambda: len(alice[1].frames) == 40)
    await bob[1].until(lambda: len(bob[1].frames) == 40)
    assert [frame for _, frame in alice[1].frames] == [frame for _, frame in bob[1].frames] == sent
    assert alice[1].links[0].channel == bob[1].links[0].channel
    assert (alice[1].links[0].outgoing, bob[1].links[0].outgoing) == (True, False)
    assert alice[1].links[0].lan
    assert bob[1].links[0].lan


async def test_who_was_expected_is_handed_on(alice: Side, bob: Side) -> None:
    alice[0].perform(Dial(f"127.0.0.1:{bob[0].port}", b"o" * 32, True))
    await alice[1].until(lambda: bool(alice[1].links))
    assert alice[1].links[0].pinned == b"o" * 32
    assert alice[1].links[0].address == f"127.0.0.1:{bob[0].port}"


async def test_each_listener_has_its_own_channel(alice: Side, bob: Side) -> None:
    await connect(alice, bob)
    await connect(bob, alice)
    assert alice[1].links[0].channel != alice[1].links[1].channel


async def test_the_largest_frame_passes_and_one_byte_more_ends_the_link(alice: Side, bob: Side) -> None:
    ours, _ = await connect(alice, bob)
    alice[0].perform(Send(ours, bytes(FRAME_BYTES_MAX)))
    await bob[1].until(lambda: len(bob[1].frames) == 1)
    assert len(bob[1].frames[0][1]) == FRAME_BYTES_MAX
    alice[0].perform(Send(ours, bytes(FRAME_BYTES_MAX + 1)))
    await bob[1].until(lambda: bool(bob[1].ends))
    await alice[1].until(lambda: bool(alice[1].ends))
    assert "1009" in alice[1].ends[0][1]
    assert len(bob[1].frames) == 1


async def test_a_close_comes_after_what_was_sent_before_with_its_code(alice: Side, bob: Side) -> None:
    ours, _ = await connect(alice, bob)
    alice[0].perform(Send(ours, b"last words"))
    alice[0].perform(Close(ours, 4003, "é" * 100))
    alice[0].perform(Send(ours, b"too late"))
    await bob[1].until(lambda: bool(bob[1].ends))
    await alice[1].until(lambda: bool(alice[1].ends))
    assert [frame for _, frame in bob[1].frames] == [b"last words"]
    assert "4003" in bob[1].ends[0][1]
    assert alice[1].ends == [(ours, "é" * 100)]


async def test_a_frame_that_comes_as_the_link_ends_leaves_its_code(alice: Side, bob: Side) -> None:
    ours, theirs = await connect(alice, bob)
    bob[0].perform(Send(theirs, b"now both wait"))
    await alice[1].until(lambda: bool(alice[1].frames))
    await asyncio.sleep(0)
    socket: Any = alice[0]._links[ours]._socket
    assert socket._fresh is not None
    alice[0].perform(Close(ours, 4003, "somebody else"))
    socket.feed_data(b"\x82\x04late")  # in the same turn of the loop
    await bob[1].until(lambda: bool(bob[1].ends))
    assert "4003" in bob[1].ends[0][1]


async def test_the_listening_side_closes_with_its_code_too(alice: Side, bob: Side) -> None:
    _, theirs = await connect(alice, bob)
    bob[0].perform(Close(theirs, 4029, "quota"))
    await alice[1].until(lambda: bool(alice[1].ends))
    assert "4029" in alice[1].ends[0][1]


async def test_effects_for_a_link_that_is_gone_are_no_matter(alice: Side, bob: Side) -> None:
    ours, _ = await connect(alice, bob)
    alice[0].perform(Close(ours, 1000, "bye"))
    await alice[1].until(lambda: bool(alice[1].ends))
    alice[0].perform(Send(ours, b"x"))
    alice[0].perform(Close(ours, 1000, "again"))
    assert len(alice[1].ends) == 1


async def test_a_node_that_stops_says_so_and_ends_every_link(alice: Side, bob: Side) -> None:
    await connect(alice, bob)
    await connect(bob, alice)
    started = asyncio.get_running_loop().time()
    await bob[0].stop()
    assert asyncio.get_running_loop().time() - started < 4.0
    await alice[1].until(lambda: len(alice[1].ends) == 2)
    assert len(bob[1].ends) == 2
    assert "1001" in alice[1].ends[0][1]


async def test_closing_all_links_leaves_the_door_open(alice: Side, bob: Side) -> None:
    await connect(alice, bob)
    bob[0].close_all()
    await alice[1].until(lambda: bool(alice[1].ends))
    await bob[1].until(lambda: bool(bob[1].ends))
    await connect(alice, bob)


async def test_nobody_there_is_told_with_the_reason(alice: Side) -> None:
    for address, trusted, why in (
        ("127.0.0.1:1", True, "127.0.0.1"),
        ("127.0.0.1:1", False, "private range"),
        ("not an address", True, "not an address"),
        ("nothing.invalid:7447", True, "does not resolve"),
    ):
        alice[1].failures.clear()
        alice[0].perform(Dial(address, None, trusted))
        await alice[1].until(lambda: bool(alice[1].failures))
        assert alice[1].failures[0][0] == address
        assert why in alice[1].failures[0][1]


async def test_both_families_are_listened_to(tmp_path: Path, alice: Side) -> None:
    async with listening(tmp_path / "carol", host="::") as carol:
        await connect(alice, carol, "127.0.0.1")
        await connect(alice, carol, "[::1]")
        assert [link.address.rpartition(":")[0] for link in carol[1].links] == ["127.0.0.1", "[::1]"]


async def test_a_taken_port_is_an_error_at_the_start(tmp_path: Path, bob: Side) -> None:
    from mutunode.net.peers import NetSettings

    second = PeerNet(Recorder(), NetSettings("127.0.0.1", bob[0].port, tmp_path))
    with pytest.raises(OSError, match="in use"):
        await second.start()


# --- flow ---------------------------------------------------------------------------------------
async def test_the_core_is_told_how_much_still_waits_and_when_nothing_does(alice: Side, bob: Side) -> None:
    ours, _ = await connect(alice, bob)
    for _ in range(8):
        alice[0].perform(Send(ours, bytes(300_000)))
    await alice[1].until(lambda: (ours, 0) in alice[1].buffered)
    assert max(buffered for _, buffered in alice[1].buffered) > 300_000


async def test_many_small_frames_are_not_told_one_by_one(alice: Side, bob: Side) -> None:
    ours, _ = await connect(alice, bob)
    for _ in range(200):
        alice[0].perform(Send(ours, b"small"))
    await bob[1].until(lambda: len(bob[1].frames) == 200)
    await alice[1].until(lambda: bool(alice[1].buffered))
    assert len(alice[1].buffered) < 20


async def test_who_sends_faster_than_the_node_takes_is_not_read_any_further(alice: Side, bob: Side) -> None:
    bob[1].busy = True
    ours, _ = await connect(alice, bob)
    alice[0].perform(Send(ours, b"\x93\x02"))
    for _ in range(4):
        alice[0].perform(Send(ours, bytes(FRAME_BYTES_MAX)))
    await bob[1].until(lambda: len(bob[1].frames) >= 3)
    await asyncio.sleep(0.2)
    assert sum(len(frame) for _, frame in bob[1].frames) <= links.READ_AHEAD_BYTES_MAX + FRAME_BYTES_MAX
    bob[1].busy = False
    for future in bob[1].not_taken:
        future.set_result(None)
    await bob[1].until(lambda: len(bob[1].frames) == 5)


async def test_who_does_not_read_is_dropped(alice: Side, bob: Side) -> None:
    bob[1].busy = True
    ours, _ = await connect(alice, bob)
    alice[0].perform(Send(ours, b"\x93\x02"))
    for _ in range(160):  # 40 MiB: what the system buffers for a loopback connection, and 5 MiB
        alice[0].perform(Send(ours, b"\x93\x02" + bytes(256 * 1024)))
        await asyncio.sleep(0.002)
    await alice[1].until(lambda: bool(alice[1].ends))
    assert alice[1].ends == [(ours, "it does not read what it is sent")]


@pytest.mark.parametrize(("first", "frames_max"), [(b"\x93\x00", 6), (b"\x93\x02", 21)])
async def test_less_waits_for_a_stranger_than_for_somebody_known(
    alice: Side, bob: Side, first: bytes, frames_max: int
) -> None:
    ours, _ = await connect(alice, bob)
    link = alice[0]._links[ours]
    for _ in range(40):  # at once: the writer has no time to write the second
        alice[0].perform(Send(ours, first + bytes(256 * 1024 - 2)))
        link._writing_bytes = 1
    assert len(link._waiting) == 0  # given up, and nothing more is kept for it
    await alice[1].until(lambda: bool(alice[1].ends))
    assert len(bob[1].frames) <= frames_max


# --- the certificate ----------------------------------------------------------------------------
def test_the_certificate_is_kept_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first, again = tls.server_tls(tmp_path), tls.server_tls(tmp_path)
    assert first.channel == again.channel
    assert stat.S_IMODE((tmp_path / tls.FILE_NAME).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [tls.FILE_NAME]


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_damaged_certificate_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    before = tls.server_tls(tmp_path).channel
    (tmp_path / tls.FILE_NAME).write_bytes(damage)
    assert tls.server_tls(tmp_path).channel != before


def test_a_certificate_is_renewed_long_before_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tls.server_tls(tmp_path).channel

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(days=tls.RENEW_DAYS + 1)

    monkeypatch.setattr(tls, "datetime", Later)
    assert tls.server_tls(tmp_path).channel != before


def test_the_certificate_says_nothing_of_the_organisation(tmp_path: Path) -> None:
    from cryptography import x509

    tls.server_tls(tmp_path)
    certificate = x509.load_pem_x509_certificate((tmp_path / tls.FILE_NAME).read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=mutunode"
    assert not list(certificate.extensions)


async def test_a_frame_that_does_not_leave_in_time_ends_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = asyncio.Event()

    class Stuck:
        """A WebSocket whose other side takes the first frame and nothing more."""

        sent = 0

        async def send(self, frames: Sequence[bytes]) -> None:
            self.sent += len(frames)
            if self.sent > 1:
                await gone.wait()

        async def receive(self) -> End:
            await gone.wait()
            return End(0, "cut")

    monkeypatch.setattr(links, "SEND_SECONDS_MAX", 0.2)
    stuck = links.Link(1, Stuck(), gone.set, Recorder())  # type: ignore[arg-type]
    running = asyncio.create_task(stuck.run())
    stuck.send(bytes(10))
    await asyncio.sleep(0.15)
    stuck.send(bytes(10))  # it has a time of its own
    began = asyncio.get_running_loop().time()
    assert await running == "cut"
    assert asyncio.get_running_loop().time() - began > 0.19
