"""An organisation is not its key: a self-certifying genesis, and a chain of epochs that root keys open.

The genesis names the first operating key and the root keys; its hash is the organisation's id. Each op
opens the next epoch with a new operating key and says how much of the public log stays. A ``Chain`` is a
value: extending it checks the op and gives another chain (PROTOCOL §2). Who wins when two ops continue
the same one is told in ``rivals``.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from mutunode.protocol import codec
from mutunode.protocol.crypto import check_ed25519, check_x25519, sha256, verify
from mutunode.protocol.errors import Invalid, Malformed
from mutunode.protocol.head import Count, Id, Sign
from mutunode.protocol.limits import GENESIS_NONCE_BYTES, NAME_BYTES_MAX, OP_BYTES_MAX, ROOTS_MAX
from mutunode.protocol.merkle import EMPTY_ROOT

GENESIS_DOMAIN = b"mutunode/genesis/1\0"
OP_DOMAIN = b"mutunode/identity/1\0"

Roots = Annotated[tuple[Id, ...], Meta(min_length=1, max_length=ROOTS_MAX)]
Signed = TypeVar("Signed", bound=msgspec.Struct)
Nonce = Annotated[bytes, Meta(min_length=GENESIS_NONCE_BYTES, max_length=GENESIS_NONCE_BYTES)]


class Base(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """How much of the public log an epoch keeps, and the root over it."""

    size: Count = 0
    root: Id = EMPTY_ROOT


class Genesis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The beginning of an organisation, as its author wrote it (``raw``)."""

    created: Count
    name: str
    nonce: Nonce
    operating: Id
    roots: Roots  # highest priority first
    sealing: Id
    v: Literal[1]
    raw: bytes

    @property
    def org(self) -> bytes:
        """The organisation's id."""
        return sha256(GENESIS_DOMAIN + self.raw)


class Op(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The opening of one epoch, as its author wrote it (``raw``)."""

    base: Base
    epoch: Annotated[int, Meta(ge=1)]
    operating: Id
    org: Id
    prev: Id  # hash of the op before, or of the genesis
    reason: str
    roots: Roots
    sealing: Id
    v: Literal[1]
    raw: bytes

    @property
    def signed(self) -> bytes:
        """The bytes under a root key's signature."""
        return OP_DOMAIN + self.raw

    @property
    def hash(self) -> bytes:
        """What the next op names as ``prev``."""
        return sha256(self.raw)


class SignedOp(msgspec.Struct, frozen=True):
    """An op whose signature was checked."""

    op: Op
    signature: bytes
    place: int  # of the signing key among the roots in force before it; 0 is the highest
    held_since: int  # our own clock when we first held it, in seconds


class Standing(StrEnum):
    """What became of a rival."""

    LOST = "lost"  # signed by a later root: only shown
    TIED = "tied"  # signed by an equal root: the organisation is disputed until a person decides
    LATE = "late"  # of an earlier root, and 30 days too late: evidence
    ASKED = "asked"  # of an earlier root, told together with the chain: a person is asked
    DECIDED = "decided"  # a person kept the chain


class Rival(msgspec.Struct, frozen=True):
    """A branch that is not in the chain: the op that leaves it, and some that follow."""

    ops: tuple[SignedOp, ...]
    standing: Standing

    @property
    def epoch(self) -> int:
        """The epoch that both this branch and the chain claim to open."""
        return self.ops[0].op.epoch


class Chain(msgspec.Struct, frozen=True):
    """What is held of an organisation's identity; every op in it was verified."""

    genesis: Genesis
    ops: tuple[SignedOp, ...] = ()
    rivals: tuple[Rival, ...] = ()  # lowest epoch first

    @property
    def org(self) -> bytes:
        """The organisation's id."""
        return self.genesis.org

    @property
    def name(self) -> str:
        """The name it began with."""
        return self.genesis.name

    @property
    def epoch(self) -> int:
        """The current epoch."""
        return len(self.ops)

    @property
    def operating(self) -> bytes:
        """The key that signs heads now."""
        return self.operating_at(self.epoch)

    @property
    def sealing(self) -> bytes:
        """The key to seal records for it with."""
        return self._at(self.epoch).sealing

    @property
    def roots(self) -> tuple[bytes, ...]:
        """The keys that can open the next epoch, highest priority first."""
        return self._at(self.epoch).roots

    @property
    def tip(self) -> bytes:
        """What the next op names as ``prev``."""
        return self.prev(self.epoch + 1)

    @property
    def disputed(self) -> bool:
        """Whether two ops of equal rank wait for a person."""
        return any(rival.standing is Standing.TIED for rival in self.rivals)

    def op(self, epoch: int) -> SignedOp:
        """The op that opened an epoch from 1 on."""
        if not 1 <= epoch <= self.epoch:
            raise KeyError(f"epoch {epoch} of a chain that ends at {self.epoch}")
        return self.ops[epoch - 1]

    def prev(self, epoch: int) -> bytes:
        """The hash that the op of an epoch names as the one before it."""
        return sha256(self._at(epoch - 1).raw)

    def base(self, epoch: int) -> int:
        """How many leaves of the public log an epoch began with."""
        return self.op(epoch).op.base.size if epoch else 0

    def operating_at(self, epoch: int) -> bytes:
        """The key that signs the heads of an epoch."""
        return self._at(epoch).operating

    def sealing_at(self, epoch: int) -> bytes:
        """The key to seal for it with, in an epoch."""
        return self._at(epoch).sealing

    def roots_before(self, epoch: int) -> tuple[bytes, ...]:
        """The keys that could sign the op of an epoch."""
        return self._at(epoch - 1).roots

    def _at(self, epoch: int) -> Genesis | Op:
        return self.op(epoch).op if epoch else self.genesis


def make_genesis(
    *, name: str, created: int, nonce: bytes, operating: bytes, roots: Sequence[bytes], sealing: bytes
) -> Genesis:
    """A new organisation; ``Malformed`` names what in it cannot be."""
    fields = {
        "created": created,
        "name": name,
        "nonce": nonce,
        "operating": operating,
        "roots": list(roots),
        "sealing": sealing,
        "v": 1,
    }
    return parse_genesis(_encode("genesis", fields))


def make_op(
    chain: Chain, *, operating: bytes, roots: Sequence[bytes], sealing: bytes, base: Base, reason: str
) -> Op:
    """The op that opens the epoch after a chain's last; a root key signs its ``signed``."""
    fields = {
        "base": [base.size, base.root],
        "epoch": chain.epoch + 1,
        "operating": operating,
        "org": chain.org,
        "prev": chain.tip,
        "reason": reason,
        "roots": list(roots),
        "sealing": sealing,
        "v": 1,
    }
    return parse_op(_encode("op", fields))


@lru_cache(maxsize=256)  # who is new is read as it comes, and again as it was kept
def parse_genesis(raw: bytes) -> Genesis:
    """Read a genesis as it came."""
    genesis = _convert("genesis", raw, Genesis)
    _check_keys("genesis", genesis.name, genesis)
    return genesis


def parse_op(raw: bytes) -> Op:
    """Read an op as it came."""
    op = _convert("op", raw, Op)
    if len(codec.decode(raw)["base"]) != 2:  # its default must not stand in for what was not signed
        raise Malformed("op: base is not [size, root]")
    _check_keys("op", op.reason, op)
    return op


def sign_op(chain: Chain, op: Op, sign: Sign, now: int) -> Chain:
    """Open an epoch of one's own organisation."""
    return extend(chain, op, sign(op.signed), now)


def extend(chain: Chain, op: Op, signature: bytes, now: int) -> Chain:
    """The chain with one op more; ``Invalid`` unless a root in force signed it as the next one."""
    if op.epoch != chain.epoch + 1 or op.prev != chain.tip:
        raise Invalid(f"op: epoch {op.epoch} does not follow epoch {chain.epoch} of the chain held")
    signed = check_op(chain, op, signature, now)
    return msgspec.structs.replace(chain, ops=(*chain.ops, signed))


def check_op(chain: Chain, op: Op, signature: bytes, now: int) -> SignedOp:
    """Check an op that continues some epoch of a chain, be it the last one or not."""
    if op.org != chain.org:
        raise Invalid("op: it is another organisation's")
    if not 1 <= op.epoch <= chain.epoch + 1 or op.prev != chain.prev(op.epoch):
        raise Invalid(f"op: epoch {op.epoch} does not continue the chain held")
    return SignedOp(op, signature, _place(chain.roots_before(op.epoch), op, signature), now)


def check_follower(last: Op, op: Op, signature: bytes, now: int) -> SignedOp:
    """Check an op that continues another one which need not be in the chain."""
    if op.org != last.org or op.epoch != last.epoch + 1 or op.prev != last.hash:
        raise Invalid(f"op: epoch {op.epoch} does not follow the one before it")
    return SignedOp(op, signature, _place(last.roots, op, signature), now)


def _place(roots: Sequence[bytes], op: Op, signature: bytes) -> int:
    for place, root in enumerate(roots):
        if verify(root, signature, op.signed):
            return place
    raise Invalid(f"op: no root key in force signed epoch {op.epoch}")


def _encode(what: str, fields: dict[str, Any]) -> bytes:
    try:
        return codec.encode(fields)
    except ValueError as error:
        raise Malformed(f"{what}: {error}") from None


def _convert(what: str, raw: bytes, shape: type[Signed]) -> Signed:
    if len(raw) > OP_BYTES_MAX:
        raise Malformed(f"{what}: {len(raw):,} bytes where at most {OP_BYTES_MAX:,} are allowed")
    value = codec.decode(raw)
    if not isinstance(value, dict) or "raw" in value:
        raise Malformed(f"{what}: it is not a map of exactly its fields")
    return codec.convert({**value, "raw": raw}, shape, what)


def _check_keys(what: str, words: str, signed: Genesis | Op) -> None:
    if len(words.encode()) > NAME_BYTES_MAX:
        raise Malformed(f"{what}: name or reason longer than {NAME_BYTES_MAX} bytes")
    if len({*signed.roots, signed.operating}) != len(signed.roots) + 1:
        raise Malformed(f"{what}: two roots are the same, or one is the operating key")
    check_ed25519(signed.operating, f"{what}.operating")
    check_x25519(signed.sealing, f"{what}.sealing")
    for root in signed.roots:
        check_ed25519(root, f"{what}.roots")
