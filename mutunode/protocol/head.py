"""A head: one signature that vouches for every entry of a log so far.

It is a C2SP checkpoint whose text is rebuilt from the fields, never sent: what travels is an array. The
signature is a timestamped ``cosignature/v1`` by the operating key of the epoch, so that heads, renewals
and witnesses speak one language (PROTOCOL §3).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Self

import msgspec
from msgspec import Meta

from mutunode.protocol import codec
from mutunode.protocol.crypto import sha256, verify
from mutunode.protocol.errors import Invalid
from mutunode.protocol.ids import base32
from mutunode.protocol.limits import ID_BYTES, INTEGER_MAX, SIGNATURE_BYTES

if TYPE_CHECKING:
    from mutunode.protocol.identity import Chain

PUBLIC = bytes(ID_BYTES)  # the space of the public log

Id = Annotated[bytes, Meta(min_length=ID_BYTES, max_length=ID_BYTES)]
Signature = Annotated[bytes, Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]
Count = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]

Sign = Callable[[bytes], bytes]  # by a key that its holder does not give away


@lru_cache(maxsize=4_096)  # asked many times of each log that comes
def log_id(org: bytes, space: bytes) -> bytes:
    """The log of an organisation in a space."""
    return sha256(b"mutunode/log/1\0" + org + space)


def circle_id(founder: bytes, nonce: bytes) -> bytes:
    """The space of a circle."""
    return sha256(b"mutunode/space/1\0" + founder + nonce)


class Head(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an organisation says its log was at ``time``."""

    org: Id
    space: Id
    epoch: Count
    base: Count  # leaves kept from earlier epochs
    size: Count
    root: Id
    time: Count
    signature: Signature

    @property
    def log(self) -> bytes:
        """The log's id."""
        return log_id(self.org, self.space)

    @property
    def order(self) -> tuple[int, int, int]:
        """Newer heads of one log compare greater."""
        return (self.epoch, self.size, self.time)

    @property
    def tree(self) -> tuple[int, int, int, bytes]:
        """What a renewal leaves unchanged."""
        return (self.epoch, self.base, self.size, self.root)

    @property
    def origin(self) -> str:
        """The checkpoint's origin, and the name of the key that signs it."""
        return f"mutunode/1/{base32(self.log)}/{self.epoch}/{self.base}"

    def text(self) -> str:
        """The checkpoint."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"

    def signed(self) -> bytes:
        """The bytes under the log's signature."""
        return cosigned(self, self.time)

    def to_wire(self) -> list[Any]:
        """The array that travels in frames."""
        return list(msgspec.structs.astuple(self))

    @classmethod
    def from_wire(cls, array: Any) -> Self:
        """Read the array; elements after the known ones are ignored."""
        return codec.convert(array, cls, "head")


class Cosignature(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A witness of a head: "I held this log, and it was so, at ``time``"."""

    org: Id
    epoch: Count
    time: Count
    signature: Signature


def cosigned(head: Head, time: int) -> bytes:
    """What ``cosignature/v1`` signs."""
    return f"cosignature/v1\ntime {time}\n{head.text()}".encode("ascii")


def sign_head(
    org: bytes, space: bytes, *, epoch: int, base: int, size: int, root: bytes, time: int, sign: Sign
) -> Head:
    """A new head; whoever calls this has made its entries durable first."""
    unsigned = Head(org, space, epoch, base, size, root, time, bytes(SIGNATURE_BYTES))
    return msgspec.structs.replace(unsigned, signature=sign(unsigned.signed()))


def verify_head(head: Head, chain: Chain) -> None:
    """Raise ``Invalid`` unless the organisation signed this head in an epoch that ``chain`` knows."""
    if head.org != chain.org:
        raise Invalid("head: it is another organisation's")
    if head.epoch > chain.epoch:
        raise Invalid(f"head: epoch {head.epoch} is not in the chain held, which ends at {chain.epoch}")
    if head.base > head.size:
        raise Invalid(f"head: it keeps {head.base} leaves and has {head.size}")
    if head.epoch == 0 and head.base != 0:
        raise Invalid("head: epoch 0 has nothing to keep")
    if head.space == PUBLIC and head.base != chain.base(head.epoch):
        raise Invalid(f"head: base {head.base}, and its epoch opened with {chain.base(head.epoch)}")
    if not _is_signed_by(chain.operating_at(head.epoch), head):
        raise Invalid("head: the signature does not verify")


@lru_cache(maxsize=1_024)  # a head on its way in is judged three times, a seventh of a millisecond each
def _is_signed_by(public: bytes, head: Head) -> bool:
    return verify(public, head.signature, head.signed())


def cosign(head: Head, org: bytes, epoch: int, time: int, sign: Sign) -> Cosignature:
    """Witness a head of a log that is held whole."""
    return Cosignature(org, epoch, time, sign(cosigned(head, time)))


def verify_cosignature(head: Head, cosignature: Cosignature, chain: Chain) -> None:
    """Raise ``Invalid`` unless the organisation of ``chain`` witnessed this head."""
    if cosignature.org != chain.org or cosignature.epoch > chain.epoch:
        raise Invalid("cosignature: its organisation or epoch is not in the chain held")
    public = chain.operating_at(cosignature.epoch)
    if not verify(public, cosignature.signature, cosigned(head, cosignature.time)):
        raise Invalid("cosignature: it does not verify")
