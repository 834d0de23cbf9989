"""Hashes, signatures and the keys we refuse.

The library accepts Ed25519 keys of small order and keys written in two ways; under some of them one
constant signature verifies for every message. They are refused wherever a key enters (PROTOCOL §1).
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import gmpy2  # type: ignore[import-untyped]
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mutunode.protocol.errors import Malformed
from mutunode.protocol.limits import ID_BYTES, SIGNATURE_BYTES

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_SIGN_BIT = 1 << 255

# y of the eight points of small order: the neutral one, order 2, order 4 (twice) and order 8 (four times).
_ORDER_8_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y = frozenset((1, _P - 1, 0, _ORDER_8_Y, _P - _ORDER_8_Y))

# u of the same points on the Montgomery form of the curve, u = (1 + y) / (1 - y), and of the twist's own.
_SMALL_ORDER_U = frozenset((1 + y) * pow(1 - y, _P - 2, _P) % _P for y in _SMALL_ORDER_Y) | {_P - 1}


def sha256(data: bytes) -> bytes:
    """SHA-256, the one hash of mutunode/1."""
    return hashlib.sha256(data).digest()


def sign(seed: bytes, message: bytes) -> bytes:
    """Ed25519 signature by the private key that grows from ``seed``."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def public_of(seed: bytes) -> bytes:
    """The Ed25519 public key of a seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sealing_public_of(private: bytes) -> bytes:
    """The X25519 public key of a private one."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether a key that passed ``check_ed25519`` signed exactly this message."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def check_ed25519(public: bytes, name: str = "key") -> None:
    """Refuse what is not one point of large order written in one way."""
    if len(public) != ID_BYTES:
        raise Malformed(f"{name}: an Ed25519 key has {ID_BYTES} bytes, not {len(public)}")
    y = int.from_bytes(public, "little") & ~_SIGN_BIT
    if y >= _P or y in _SMALL_ORDER_Y or not _on_curve(y):
        raise Malformed(f"{name}: {public.hex()} is not an Ed25519 key that can be trusted")


def check_x25519(public: bytes, name: str = "sealing") -> None:
    """Refuse keys with which every shared secret would be zero."""
    if len(public) != ID_BYTES:
        raise Malformed(f"{name}: an X25519 key has {ID_BYTES} bytes, not {len(public)}")
    if (int.from_bytes(public, "little") & ~_SIGN_BIT) % _P in _SMALL_ORDER_U:
        raise Malformed(f"{name}: {public.hex()} is an X25519 key of low order")


@lru_cache(maxsize=4_096)  # the keys of peers that come again
def _on_curve(y: int) -> bool:
    # x² = (y² - 1) / (d·y² + 1); multiplying by the square of the divisor does not change who is a square.
    return bool(gmpy2.jacobi((y * y - 1) * (_D * y * y + 1) % _P, _P) >= 0)
