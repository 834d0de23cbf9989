"""Nobody is served before it proved who it is, on this very connection."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectorError, ClientResponseError, ServerDisconnectedError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.outside.author import Author
from tests.outside.conftest import newcomer, org_text
from tests.outside.house import House
from tests.outside.link import AUTH, ERR, GET, HEAD, HEADS, HELLO, IDENT, REPLY_SECONDS, Err, Link
from tests.outside.page import Frame, cm, domain, log_of
from tests.outside.stranger import PATH, session_of_its_own, trusting

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/mutunode-1.json").read_text("utf-8"))
SMALL_ORDER = [bytes.fromhex(key) for key in VECTORS["keys"]["ed25519_refused"]]


async def answered(link: Link) -> tuple[list[int], int | None]:
    """The codes of every ERR until the node closes, and its close code."""
    frames, code = await link.ending()
    return [frame[2] for frame in frames if frame[0] == ERR], code


async def after_hello(house: House, **other: Any) -> tuple[list[int], int | None]:
    """What a HELLO, otherwise than it should be, is answered with."""
    async with newcomer().dial(house.peer) as link:
        await link.send(*link.hello_frame(**other))
        return await answered(link)


async def test_another_version_is_told_so(library: House) -> None:
    assert await after_hello(library, version=2) == ([7], 1002)
    assert await after_hello(library, version=0) == ([7], 1002)


@pytest.mark.parametrize(
    "features",
    [["zstd", "relay"], ["zstd", "zstd"], ["a" * 33], [f"f{n:02}" for n in range(33)], [1], "zstd"],
    ids=["unsorted", "double", "long", "many", "numbers", "text"],
)
async def test_features_out_of_shape_are_malformed(library: House, features: Any) -> None:
    assert await after_hello(library, features=features) == ([1], 1002)


@pytest.mark.parametrize(
    "other",
    [
        {"org": b"short"},
        {"operating": bytes(31)},
        {"nonce": bytes(31)},
        {"nonce": "x" * 32},
        {"org": "x" * 32},
    ],
    ids=str,
)
async def test_a_hello_out_of_shape_is_malformed(library: House, other: dict[str, Any]) -> None:
    assert await after_hello(library, **other) == ([1], 1002)


async def test_features_nobody_knows_and_elements_of_tomorrow_are_ignored(library: House) -> None:
    async with newcomer().dial(library.peer) as link:
        await link.shake(features=["aaa", "zstd", "zzz"], tomorrow={"more": 1})
        assert await link.newest(log_of(library.org))


@pytest.mark.parametrize("key", SMALL_ORDER[::7], ids=bytes.hex)
async def test_keys_of_small_order_prove_nothing(library: House, key: bytes) -> None:
    async with newcomer().dial(library.peer) as link:
        await link.send(*link.hello_frame(operating=key))
        await link.send(AUTH, b"\1" + bytes(63))
        _, code = await answered(link)
        assert code in (1002, 4003)


@pytest.mark.parametrize(
    "frame",
    [
        b"\xc0",
        b"",
        b"\x93\x00\x01",
        cm({"type": 0}),
        cm([]),
        cm([0]),
        cm(["hello"]),
        b"\x91\xcc\x00",
        cm([0, 1]) + b"\0",
    ],
    ids=bytes.hex,
)
async def test_what_is_no_frame_is_malformed(library: House, frame: bytes) -> None:
    async with newcomer().dial(library.peer) as link:
        await link.socket.send_bytes(frame)
        assert await answered(link) == ([1], 1002)


async def test_a_text_frame_is_malformed(library: House) -> None:
    async with newcomer().dial(library.peer) as link:
        await link.socket.send_str("hello")
        assert await answered(link) == ([1], 1002)


@pytest.mark.parametrize("type", [AUTH, HEAD, HEADS, GET, IDENT, 99])
async def test_the_first_frame_is_a_hello(library: House, type: int) -> None:
    frames: dict[int, Frame] = {
        AUTH: [AUTH, bytes(64)],
        HEAD: [HEAD, 1, bytes(32)],
        HEADS: [HEADS, 0, bytes(8), 0, False, []],
        GET: [GET, 1, bytes(32), 0, 0, 1, True],
        IDENT: [IDENT, 1, bytes(32), 1],
        99: [99, 1],
    }
    async with newcomer().dial(library.peer) as link:
        await link.send(*frames[type])
        assert await answered(link) == ([1], 1002)


async def test_a_second_hello_or_auth_is_out_of_place(library: House) -> None:
    async with newcomer().dial(library.peer) as link:
        await link.send(*link.hello_frame())
        await link.send(*link.hello_frame())
        assert await answered(link) == ([1], 1002)
    for again in ([HELLO, 1, bytes(32), bytes(32), bytes(32), []], [AUTH, bytes(64)]):
        async with newcomer().meet(library.peer) as link:
            await link.newest(log_of(library.org))
            await link.send(*again)
            assert await link.ended() == ([1], 1002)


@pytest.mark.parametrize("lie", ["signature", "role", "channel", "hello", "key", "domain"])
async def test_a_proof_of_something_else_proves_nothing(library: House, lie: str) -> None:
    async with newcomer().dial(library.peer) as link:
        if lie == "channel":
            link.channel = os.urandom(32)
        mine, theirs = await link.greet(link.hello_frame())
        message = link.auth_message(mine, theirs, ours=True)
        if lie == "role":
            message = link.auth_message(mine, theirs, ours=False)
        if lie == "hello":
            message = link.auth_message(theirs, mine, ours=True)
        if lie == "domain":
            message = message.replace(domain("auth"), domain("identity"))
        key = Ed25519PrivateKey.generate() if lie == "key" else link.stranger.author.operating
        signature = bytes(64) if lie == "signature" else key.sign(message)
        await link.send(AUTH, signature)
        errors, code = await answered(link)
        assert (errors, code) == ([6], 4003)


async def test_a_replayed_proof_proves_nothing(library: House) -> None:
    stranger = newcomer()
    async with stranger.dial(library.peer) as link:
        frame = link.hello_frame()
        mine, theirs = await link.greet(frame)
        signature = stranger.author.operating.sign(link.auth_message(mine, theirs, ours=True))
        await link.send(AUTH, signature)
        assert (await link.receive())[0] == AUTH
    async with stranger.dial(library.peer) as link:
        await link.greet(frame)
        await link.send(AUTH, signature)
        assert await answered(link) == ([6], 4003)


async def test_a_key_that_is_not_the_current_one_is_refused(library: House) -> None:
    stranger = newcomer()
    stranger.author.operating = Ed25519PrivateKey.generate()
    async with stranger.dial(library.peer) as link:
        await link.shake()
        assert await link.ended() == ([6], 4003)


async def test_a_chain_of_somebody_else_is_refused(library: House) -> None:
    stranger, other = newcomer(), Author("Somebody else")
    stranger.answers[IDENT] = lambda frame: [8, other.genesis, [], [], []]
    async with stranger.meet(library.peer) as link:
        errors, code = await link.ended()
        assert (errors, code) == ([6], 4003)


async def test_questions_wait_until_the_chain_is_known(library: House) -> None:
    stranger = newcomer()
    stranger.answers[IDENT] = lambda frame: None
    log = log_of(library.org)
    async with stranger.meet(library.peer) as link:
        asked = await link.asked(IDENT, stranger.author.org, 1)
        assert (await link.identity(library.org)).genesis  # 7 is served at once
        waiting = [asyncio.create_task(link.newest(log)) for _ in range(17)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        (refused,) = done
        error = refused.exception()
        assert isinstance(error, Err)
        assert error.code == 3
        await link.send(8, asked[1], stranger.author.genesis, [], [], [])
        heads = await asyncio.gather(*(task for task in waiting if task not in done))
        assert [head[0] for head in heads if head] == [library.org] * 16


async def test_whoever_does_not_show_its_chain_is_let_go(library: House) -> None:
    stranger = newcomer()
    stranger.answers[IDENT] = lambda frame: [ERR, 2, 0, "unknown"]
    async with stranger.meet(library.peer) as link:
        assert (await link.ended())[1] == 4003


async def test_nobody_else_is_ones_own_organisation(library: House) -> None:
    async with newcomer().dial(library.peer) as link:
        mine, theirs = await link.greet(link.hello_frame(org=library.org))
        proof = link.stranger.author.operating.sign(link.auth_message(mine, theirs, ours=True))
        with suppress(ConnectionError):  # the key in the HELLO may have been enough
            await link.socket.send_bytes(cm([AUTH, proof]))
        assert await answered(link) == ([5], 4003)
    assert not library.ok("status")["read_only"]


async def test_a_node_shows_who_it_is_when_it_dials(library: House) -> None:
    stranger = newcomer("Dialled")
    async with stranger.listen() as (address, arrived):
        library.ok("peer", "add", f"{address}#{org_text(stranger.author)}")
        link = await asyncio.wait_for(arrived.get(), REPLY_SECONDS)
        assert link.peer == library.org
        assert await link.newest(log_of(library.org))
        assert (await link.asked(IDENT))[1] % 2 == 1  # the side that dialled has the odd ids


async def test_somebody_else_at_a_pinned_address_is_left(library: House) -> None:
    stranger, meant = newcomer("Somebody else"), Author("Meant")
    async with stranger.listen() as (address, arrived):
        library.ok("peer", "add", f"{address}#{org_text(meant)}")
        assert (await asyncio.wait_for(arrived.get(), REPLY_SECONDS)).code == 4003


@pytest.mark.parametrize("smaller", [True, False])
async def test_of_two_links_the_one_dialled_by_the_smaller_id_stays(library: House, smaller: bool) -> None:
    stranger = newcomer()
    while (stranger.author.org < library.org) != smaller:
        stranger = newcomer()
    async with stranger.listen() as (address, arrived):
        library.ok("peer", "add", f"{address}#{org_text(stranger.author)}")
        answering = await asyncio.wait_for(arrived.get(), REPLY_SECONDS)
        assert await answering.newest(log_of(library.org))
        async with stranger.meet(library.peer) as dialled:
            gone, stays = (answering, dialled) if smaller else (dialled, answering)
            await gone.ended()
            assert await stays.newest(log_of(library.org))


async def test_a_browser_is_refused(library: House) -> None:
    async with session_of_its_own() as session:
        with pytest.raises(ClientResponseError) as refusal:
            await session.ws_connect(
                f"https://{library.peer}{PATH}", ssl=trusting(), origin="https://evil.example"
            )
        assert refusal.value.status == 403


async def test_no_subprotocol_and_no_compression_are_agreed_on(library: House) -> None:
    url = f"https://{library.peer}{PATH}"
    async with (
        session_of_its_own() as session,
        session.ws_connect(url, ssl=trusting(), protocols=("mqtt", "mutunode"), compress=15) as socket,
    ):
        assert (socket.protocol, socket.compress) == (None, 0)


@pytest.mark.parametrize("path", ["/", "/mutunode", "/mutunode/2", "/mutunode/1/", "/status"])
async def test_nothing_else_is_served_on_the_peer_port(library: House, path: str) -> None:
    async with (
        session_of_its_own() as session,
        session.get(f"https://{library.peer}{path}", ssl=trusting()) as answer,
    ):
        assert answer.status == 404
        assert "mutunode" not in answer.headers.get("Server", "")
    async with (
        session_of_its_own() as session,
        session.get(f"https://{library.peer}{PATH}", ssl=trusting()) as answer,
    ):
        assert 400 <= answer.status < 500


async def test_plain_http_and_old_tls_are_refused(library: House) -> None:
    async with session_of_its_own() as session:
        with pytest.raises((ServerDisconnectedError, ClientConnectorError, OSError)):
            await session.get(f"http://{library.peer}{PATH}")
        old = trusting()
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
        with pytest.raises(ClientConnectorError):
            await session.get(f"https://{library.peer}{PATH}", ssl=old)


async def test_too_large_a_frame_closes_the_link(library: House) -> None:
    async with newcomer().dial(library.peer) as link:
        await link.socket.send_bytes(bytes((1 << 20) + 1))
        assert (await link.ending())[1] == 1009
