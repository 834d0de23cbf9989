"""The dialling side: from an address to an open WebSocket and the channel it stands on.

What was checked is what is dialled: the number, never the name again. The name still goes into SNI and is
what a ``wss://`` certificate must bear. Nothing but an upgrade is taken for an answer; a redirect, above all,
would lead to where nobody checked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec

from mutunode.net.addresses import Address, Place, Unreachable, places
from mutunode.net.door import HEADER_BYTES_MAX
from mutunode.net.link import CLOSE_SECONDS_MAX, PING_SECONDS, reset
from mutunode.net.tls import client_tls, validated_client_tls
from mutunode.protocol.channel import certificate_channel
from mutunode.protocol.limits import FRAME_BYTES_MAX

DIAL_SECONDS_MAX = 10.0  # TCP, TLS and upgrade, for all places of a name together


class Dialled(msgspec.Struct, frozen=True):
    """An open link to somebody."""

    socket: aiohttp.ClientWebSocketResponse[Any]
    place: Place
    channel: bytes
    abort: Callable[[], None]
    reset: Callable[[], None]


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
        socket = await self._session.ws_connect(
            place.url(),
            ssl=self._validated if address.tls_name else self._any,
            server_hostname=address.host,
            headers={"Host": address.authority()},
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS_MAX),
            heartbeat=PING_SECONDS,
            max_msg_size=FRAME_BYTES_MAX + 1,  # aiohttp's limit is the first size it refuses
            decode_text=False,
        )
        transport = _transport(socket)
        der = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        channel = address.named_channel() if address.tls_name else certificate_channel(der)
        return Dialled(socket, place, channel, transport.abort, lambda: reset(transport))


async def _only_upgrades(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    response = await handler(request)
    if response.status != 101:
        response.close()
        raise aiohttp.ClientError(f"it answers HTTP {response.status} instead of opening a WebSocket")
    return response


def _transport(socket: aiohttp.ClientWebSocketResponse[Any]) -> asyncio.WriteTransport:
    """The connection under a WebSocket; aiohttp shows what is known about it, not the thing itself."""
    connection = socket._response.connection
    if connection is None or not isinstance(connection.transport, asyncio.WriteTransport):
        raise aiohttp.ClientError("the connection ended while it was opened")
    return connection.transport
