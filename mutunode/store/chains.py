"""How an identity chain is kept: what was signed as it came, with what we noted when we checked it."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from mutunode.protocol.errors import MutunodeError
from mutunode.protocol.identity import Chain, Rival, SignedOp, Standing, extend, parse_genesis, parse_op

CHAINS_PARSED_MAX = 4_096  # × 1 KiB: a network of thousands shows without parsing it again

_Op = tuple[bytes, bytes, int, int]  # op, signature, place of the signing root, held since


class _Packed(msgspec.Struct, array_like=True):
    genesis: bytes
    ops: list[_Op]
    rivals: list[tuple[str, list[_Op]]]


def pack(chain: Chain) -> bytes:
    """The bytes to keep."""
    rivals = [(str(rival.standing), _pack_ops(rival.ops)) for rival in chain.rivals]
    return msgspec.msgpack.encode(_Packed(chain.genesis.raw, _pack_ops(chain.ops), rivals))


@lru_cache(CHAINS_PARSED_MAX)
def unpack(raw: bytes) -> Chain:
    """The chain; its signatures were verified before it was kept."""
    packed = msgspec.msgpack.decode(raw, type=_Packed)
    rivals = (Rival(_unpack_ops(ops), Standing(standing)) for standing, ops in packed.rivals)
    return Chain(parse_genesis(packed.genesis), _unpack_ops(packed.ops), tuple(rivals))


def unpack_if_intact(raw: object, org: bytes) -> Chain | None:
    """The chain of an organisation; None also where the disk has changed it: others hand it back."""
    try:
        chain = unpack(raw) if isinstance(raw, bytes) else None
    except (MutunodeError, ValueError):  # msgspec's errors are
        return None
    return chain if chain is not None and chain.org == org else None


def is_signed(chain: Chain) -> bool:
    """Whether each op in force is still one that a root key signed, after the one before."""
    again = Chain(chain.genesis)
    try:
        for signed in chain.ops:
            again = extend(again, signed.op, signed.signature, signed.held_since)
    except MutunodeError:
        return False
    return True


def _pack_ops(ops: tuple[SignedOp, ...]) -> list[_Op]:
    return [(signed.op.raw, signed.signature, signed.place, signed.held_since) for signed in ops]


def _unpack_ops(ops: list[_Op]) -> tuple[SignedOp, ...]:
    return tuple(SignedOp(parse_op(raw), signature, place, since) for raw, signature, place, since in ops)
