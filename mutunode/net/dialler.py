"""The dialling side: from an address to an open WebSocket and the channel it stands on.

What was checked is what is dialled: the number, never the name again. The name still goes into SNI and is
what a ``wss://`` certificate must bear. Nothing but an upgrade is taken for an answer; a redirect, above all,
would lead to where nobody checked.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable

import aiohttp
import msgspec

from mutunode.net.addresses import Address, Place, Unreachable, places
from mutunode.net.door import HEADER_BYTES_MAX
from mutunode.net.link import CLOSE_SECONDS_MAX, PING_SECONDS, reset
from mutunode.net.tls import client_tls, validated_client_tls
from mutunode.net.websocket import KEY_BYTES, VERSION, WebSocket, accepted_key
from mutunode.protocol.channel import certificate_channel

DIAL_SECONDS_MAX = 10.0  # TCP, TLS and upgrade, for all places of a name together


class Dialled(msgspec.Struct, frozen=True):
    """An open link to somebody."""

    socket: WebSocket
    place: Place
    channel: bytes
    abort: Callable[[], None]
    reset: Callable[[], None]
    let_go: Callable[[], None]  # of what aiohttp keeps, once it ended


class Dialler:
    """Opens links."""

    def __init__(self) -> None:
        self._any = client_tls()
        self._validated = validated_client_tls()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True, use_dns_cache=False),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
            middlewares=(_only_upgrades,),
        )

    async def close(self) -> None:
        """Let go of everything."""
        await self._session.close()

    async def dial(self, address: Address, trusted: bool) -> Dialled:
        """Open a link.

        Raises:
            Unreachable: saying why.
        """
        found = await places(address, trusted)
        why = ""
        for place in found:
            try:
                async with asyncio.timeout(DIAL_SECONDS_MAX / len(found)):
                    return await self._open(address, place)
            except TimeoutError:
                why = why or f"{place.ip} does not answer"
            except (aiohttp.ClientError, OSError, ValueError) as error:
                why = why or f"{place.ip}: {error}"
        raise Unreachable(why)

    async def _open(self, address: Address, place: Place) -> Dialled:
        key = base64.b64encode(os.urandom(KEY_BYTES)).decode()
        response = await self._session.get(
            place.url(),
            ssl=self._validated if address.tls_name else self._any,
            server_hostname=address.host,
            headers={
                "Host": address.authority(),
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Version": VERSION,
                "Sec-WebSocket-Key": key,
            },
            read_until_eof=False,
        )
        try:
            transport = _switched(response, key)
        except BaseException:
            response.close()
            raise
        der = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        channel = address.named_channel() if address.tls_name else certificate_channel(der)
        socket = _taken_over(response, transport)
        return Dialled(socket, place, channel, transport.abort, lambda: reset(transport), response.close)


async def _only_upgrades(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    response = await handler(request)
    if response.status != 101:
        response.close()
        raise aiohttp.ClientError(f"it answers HTTP {response.status} instead of opening a WebSocket")
    return response


def _switched(response: aiohttp.ClientResponse, key: str) -> asyncio.Transport:
    """The connection that now is a WebSocket's."""
    headers, accepted = response.headers, accepted_key(key)
    if (
        headers.get("Upgrade", "").lower() != "websocket"
        or headers.get("Connection", "").lower() != "upgrade"
        or headers.get("Sec-WebSocket-Accept", "").encode() != accepted
    ):
        raise aiohttp.ClientError("its answer opens no WebSocket")
    if "Sec-WebSocket-Protocol" in headers or "Sec-WebSocket-Extensions" in headers:
        raise aiohttp.ClientError("it agrees to what nobody asked for")
    connection = response.connection
    if connection is None or not isinstance(connection.transport, asyncio.Transport):
        raise aiohttp.ClientError("the connection ended while it was opened")
    return connection.transport


def _taken_over(response: aiohttp.ClientResponse, transport: asyncio.Transport) -> WebSocket:
    assert response.connection is not None
    below = response.connection.protocol
    assert below is not None
    socket = WebSocket(
        transport, below, is_client=True, ping_seconds=PING_SECONDS, close_seconds=CLOSE_SECONDS_MAX
    )
    below.set_parser(socket, None)  # for what came with the answer
    return socket
