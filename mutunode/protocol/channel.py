"""What AUTH signs: two HELLOs, the role, and the channel they travel on, so that no frame can be replayed.

A channel is the certificate of the side that listens, or, behind a proxy that ends TLS, the name and port
under which the system's trust store vouches for it (PROTOCOL §4). The address form alone decides which.
"""

from __future__ import annotations

import idna

from mutunode.protocol.crypto import sha256
from mutunode.protocol.errors import Malformed

CLIENT, SERVER = b"\0", b"\1"  # roles
HTTPS_PORT = 443
HOST_BYTES_MAX = 253


def certificate_channel(der: bytes) -> bytes:
    """The channel of a listener with a certificate of its own making."""
    return sha256(der)


def host_channel(name: str, port: int = HTTPS_PORT) -> bytes:
    """The channel of a listener behind a TLS-terminating proxy."""
    return sha256(b"mutunode/host/1\0" + f"{host_name(name)}:{port}".encode("ascii"))


def host_name(name: str) -> str:
    """A host's name as it is looked up, signed and sent in SNI: lower-case A-labels, no final dot."""
    bare = name.removesuffix(".")
    try:
        ascii_name = bare if bare.isascii() else idna.encode(bare, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise Malformed(f"{name!r} is not a host name: {error}") from None
    if not 0 < len(ascii_name) <= HOST_BYTES_MAX:
        raise Malformed(f"{name!r} is not a host name: it has 1 to {HOST_BYTES_MAX} characters")
    return ascii_name.lower()


def auth_signed(role: bytes, client_hello: bytes, server_hello: bytes, channel: bytes) -> bytes:
    """The bytes under an AUTH signature; the HELLOs are the frames as they were sent."""
    return b"mutunode/auth/1\0" + role + sha256(client_hello) + sha256(server_hello) + channel
