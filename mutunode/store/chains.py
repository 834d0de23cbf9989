"""How an identity chain is kept: what was signed as it came, with what we noted when we checked it."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from mutunode.protocol.identity import Chain, Rival, SignedOp, Standing, parse_genesis, parse_op

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


def _pack_ops(ops: tuple[SignedOp, ...]) -> list[_Op]:
    return [(signed.op.raw, signed.signature, signed.place, signed.held_since) for signed in ops]


def _unpack_ops(ops: list[_Op]) -> tuple[SignedOp, ...]:
    return tuple(SignedOp(parse_op(raw), signature, place, since) for raw, signature, place, since in ops)
