"""Evidence of two registers as a file: whoever gets it can check it with nothing else.

Its first line names the format, its second is base64 of a CM map: the FORK frame as peers send it, and the
identity of the organisation, from which its keys follow. Checked in reading: what was read holds.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

import msgspec
from msgspec import Meta

from mutunode.protocol import codec, evidence, messages
from mutunode.protocol.errors import Invalid, Malformed
from mutunode.protocol.head import Head, Signature
from mutunode.protocol.identity import Chain, extend, parse_genesis, parse_op
from mutunode.protocol.limits import IDENTITY_OPS_MAX, PROOF_FILE_BYTES_MAX
from mutunode.protocol.messages import Fork, TwoLeaves

FIRST_LINE = "mutunode/fork/1"


class ForkProof(msgspec.Struct, frozen=True):
    """What was read, and holds."""

    chain: Chain  # up to the epoch concerned
    fork: Fork
    first_index: int  # the first entry known to differ; for two bases, the first that may

    @property
    def heads(self) -> tuple[Head, Head]:
        """The two pages that contradict each other."""
        return evidence.heads_of(self.fork)

    @property
    def way(self) -> str:
        """How: ``sizes`` (one size, two roots), ``bases`` or ``leaves`` (two entries in one place)."""
        one, other = self.heads
        if isinstance(self.fork.evidence, TwoLeaves):
            return "leaves"
        return "sizes" if one.size == other.size and one.root != other.root else "bases"


class _Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The map, of exactly these fields."""

    fork: bytes
    genesis: bytes
    ops: Annotated[tuple[tuple[bytes, Signature], ...], Meta(max_length=IDENTITY_OPS_MAX)]
    v: str


def write(frame: bytes, chain: Chain) -> bytes:
    """The file; ``chain`` is cut at the epoch concerned."""
    fork = messages.decode(frame)
    if not isinstance(fork, Fork):
        raise Malformed("evidence: not a FORK frame")
    epoch = evidence.heads_of(fork)[0].epoch
    ops = [[signed.op.raw, signed.signature] for signed in chain.ops[:epoch]]
    held = {"fork": frame, "genesis": chain.genesis.raw, "ops": ops, "v": FIRST_LINE}
    return f"{FIRST_LINE}\n{base64.b64encode(codec.encode(held)).decode('ascii')}\n".encode("ascii")


def is_one(raw: bytes) -> bool:
    """Whether a file says that it is one."""
    return raw.startswith(FIRST_LINE.encode() + b"\n")


def read(raw: bytes) -> ForkProof:
    """Read and check; ``Malformed`` or ``Invalid`` says what does not hold."""
    if len(raw) > PROOF_FILE_BYTES_MAX:
        raise Malformed(f"fork file: {len(raw):,} bytes where at most {PROOF_FILE_BYTES_MAX:,} are allowed")
    lines = raw.split(b"\n")
    if len(lines) != 3 or lines[0] != FIRST_LINE.encode() or lines[2]:
        raise Malformed(f"fork file: not {FIRST_LINE} and one line of base64")
    try:
        value = codec.decode(base64.b64decode(lines[1], validate=True))
    except binascii.Error as error:
        raise Malformed(f"fork file: {error}") from None
    held = codec.convert(value, _Held, "fork file")
    fork = messages.decode(held.fork)
    if held.v != FIRST_LINE or not isinstance(fork, Fork):
        raise Malformed("fork file: not the evidence of a fork, or of a later version")
    if fork.id != messages.PUSH or messages.encode(fork) != held.fork:
        raise Malformed("fork file: a frame with more in it than the evidence")  # peers may; a proof may not
    chain = Chain(parse_genesis(held.genesis))
    for op, signature in held.ops:
        chain = extend(chain, parse_op(op), signature, 0)
    one, _ = evidence.heads_of(fork)
    if chain.org != one.org or chain.epoch != one.epoch:
        raise Invalid("fork file: the identity is another one's, or of another epoch")
    return ForkProof(chain, fork, evidence.check(fork, chain))
