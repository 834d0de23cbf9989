"""Behind a proxy that speaks TLS: the name is the channel, and the system's trust store vouches for it."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mutunode.net.peers import NetSettings, PeerNet
from mutunode.protocol.channel import host_channel
from mutunode.protocol.effects import Dial, Send
from mutunode.protocol.errors import Malformed
from tests.net.recorder import Recorder, listening


def certificate_for(folder: Path, name: str) -> Path:
    """A certificate for a name that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


@asynccontextmanager
async def proxy(certificate: Path, to: int, forwarded: str = "") -> AsyncIterator[int]:
    """Ends TLS and passes bytes on, adding where they come from."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while part := await reader.read(65_536):
                writer.write(part)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n")
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", to)
        up_writer.write(head + (f"X-Forwarded-For: {forwarded}\r\n".encode() if forwarded else b""))
        await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_a_named_address_is_reached_through_its_proxy_and_the_channel_is_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certificate_for(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with (
        listening(tmp_path / "behind", tls_proxy="localhost:8443") as behind,
        listening(tmp_path / "caller") as caller,
        proxy(certificate, behind[0].port, "6.6.6.6, 192.0.2.9") as port,
    ):
        caller[0].perform(Dial(f"wss://localhost:{port}", None, True))
        await caller[1].until(lambda: bool(caller[1].links or caller[1].failures))
        assert caller[1].failures == []
        assert caller[1].links[0].channel == host_channel("localhost", port)
        await behind[1].until(lambda: bool(behind[1].links))
        assert behind[1].links[0].channel == host_channel("localhost", 8443)
        assert behind[1].links[0].address.startswith("192.0.2.9:")
        caller[0].perform(Send(caller[1].links[0].link, b"through"))
        await behind[1].until(lambda: [frame for _, frame in behind[1].frames] == [b"through"])


async def test_a_certificate_of_another_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certificate_for(tmp_path, "other.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with listening(tmp_path / "caller") as caller, proxy(certificate, 1) as port:
        caller[0].perform(Dial(f"wss://localhost:{port}", None, True))
        await caller[1].until(lambda: bool(caller[1].failures))
        assert "certificate" in caller[1].failures[0][1].lower()


async def test_without_a_word_of_the_proxy_nobody_counts_as_near(tmp_path: Path) -> None:
    import aiohttp

    async with (
        listening(tmp_path / "behind", tls_proxy="n.example") as behind,
        aiohttp.ClientSession() as session,
    ):
        await session.ws_connect(f"ws://127.0.0.1:{behind[0].port}/mutunode/1")
        await behind[1].until(lambda: bool(behind[1].links))
        assert not behind[1].links[0].lan
        assert behind[1].links[0].channel == host_channel("n.example")


async def test_a_proxy_s_name_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    net = PeerNet(Recorder(), NetSettings("127.0.0.1", 0, tmp_path, tls_proxy="127.0.0.1"))
    with pytest.raises(Malformed):
        await net.start()


def test_only_this_machine_comes_in_without_tls() -> None:
    from mutunode.net.admission import Admission
    from mutunode.net.door import Door

    async def opened(guest: object) -> None:
        raise AssertionError("nobody comes in here")

    async def check() -> None:
        door = Door(Admission(8), None, opened)
        assert door._place_for(ipaddress.ip_address("127.0.0.1"))
        assert door._place_for(ipaddress.ip_address("192.0.2.1")) is None

    asyncio.run(check())
