"""A proof file: one record for somebody who has nothing else, not even this program.

It is a C2SP ``tlog-proof``: the inclusion proof of one leaf, then the checkpoint with the log's signature
and those of witnesses. Its ``extra`` line holds what tools that do not know us cannot guess: the record
itself, and the identity chains from which every key here follows. So the file needs no list of keys: an
organisation's id is the hash of what is read in it, and people compare ids.

Everything is checked in reading: a ``Proof`` that was read holds.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mutunode.protocol import codec, notes, signednote
from mutunode.protocol.entry import Header, check_body, parse_header, read_body, rec_id
from mutunode.protocol.errors import Broken, Invalid, Malformed, MutunodeError
from mutunode.protocol.head import PUBLIC, Cosignature, Head, Id, Signature, verify_cosignature, verify_head
from mutunode.protocol.identity import Chain, extend, parse_genesis, parse_op
from mutunode.protocol.limits import (
    IDENTITY_OPS_MAX,
    PROOF_FILE_BYTES_MAX,
    PROOF_HASHES_MAX,
    SIGNATURE_BYTES,
    WITNESSES_MAX,
)
from mutunode.protocol.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from mutunode.protocol.messages import HeaderBytes, Salt

FIRST_LINE = "c2sp.org/tlog-proof@v1"
VERSION = "mutunode/proof/1"
TIME_BYTES = 8


class Doubt(MutunodeError):
    """Something in a proof does not hold; ``part`` says which of its claims falls, ``what`` why."""

    def __init__(self, part: str, what: str) -> None:
        super().__init__(f"{part}: {what}")
        self.part = part
        self.what = what


# The claims of a proof, in the order in which they are checked.
FILE = "file"  # these bytes are a proof of a version that is known here
AUTHOR = "author"  # this organisation is who it says, and these were its keys
REGISTER = "register"  # the checkpoint is of that organisation's register
SIGNATURE = "signature"  # the organisation signed the checkpoint
CONTENT = "content"  # the content is the one that the register speaks of
PLACE = "place"  # the register, as it was signed, has this record in this place
WITNESS = "witness"  # this organisation saw the register so at that time
PARTS = (FILE, AUTHOR, REGISTER, SIGNATURE, CONTENT, PLACE, WITNESS)


class Witness(msgspec.Struct, frozen=True):
    """An organisation that held the register as it was signed, and said so at a time."""

    chain: Chain  # up to the epoch whose key cosigned
    cosignature: Cosignature


class Proof(msgspec.Struct, frozen=True):
    """One record, its place in its author's register, and who vouches for the register."""

    chain: Chain  # the author's, up to the head's epoch
    head: Head
    index: int
    path: tuple[bytes, ...]
    header: bytes
    salt: bytes
    body: bytes
    witnesses: tuple[Witness, ...] = ()
    ignored: int = 0  # signature lines by keys that the file does not introduce

    @property
    def record(self) -> Header:
        """The header, read."""
        parsed = parse_header(self.header)
        assert isinstance(parsed, Header), "checked in reading"
        return parsed

    @property
    def rec(self) -> bytes:
        """The record's id."""
        return rec_id(self.head.log, leaf_hash(self.header))

    @property
    def seen_at(self) -> int | None:
        """The record existed by then, says the earliest witness; None without one."""
        return min((witness.cosignature.time for witness in self.witnesses), default=None)


class _Identity(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A genesis and the ops that follow, as their authors wrote them."""

    genesis: bytes
    ops: Annotated[tuple[tuple[bytes, Signature], ...], Meta(max_length=IDENTITY_OPS_MAX)]


class _Extra(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``extra`` holds, as a CM map of exactly these fields."""

    author: _Identity
    body: bytes
    header: HeaderBytes
    salt: Salt
    space: Id
    v: str
    witnesses: Annotated[tuple[_Identity, ...], Meta(max_length=WITNESSES_MAX)]


# --- writing --------------------------------------------------------------------------------------
def write(proof: Proof) -> bytes:
    """The file; witnesses for whom there is no room are left out, the latest first.

    ``ValueError`` when not even the record fits.
    """
    if proof.chain.epoch > IDENTITY_OPS_MAX:
        raise ValueError(f"an author with {proof.chain.epoch} epochs")
    fitting = [each for each in proof.witnesses if each.chain.epoch <= IDENTITY_OPS_MAX]
    ordered = sorted(fitting, key=lambda each: (each.cosignature.time, each.chain.org))
    for kept in range(min(len(ordered), WITNESSES_MAX), -1, -1):
        raw = _text(msgspec.structs.replace(proof, witnesses=tuple(ordered[:kept]))).encode()
        if len(raw) <= PROOF_FILE_BYTES_MAX:
            return raw
    raise ValueError(f"a proof of more than {PROOF_FILE_BYTES_MAX:,} bytes")


def up_to(chain: Chain, epoch: int) -> Chain:
    """A chain as it was when an epoch began: all that the keys of that epoch need."""
    return msgspec.structs.replace(chain, ops=chain.ops[:epoch], rivals=())


def _text(proof: Proof) -> str:
    extra = _Extra(
        author=_identity(proof.chain),
        body=proof.body,
        header=proof.header,
        salt=proof.salt,
        space=proof.head.space,
        v=VERSION,
        witnesses=tuple(_identity(each.chain) for each in proof.witnesses),
    )
    lines = [
        FIRST_LINE,
        f"extra {_base64(codec.encode(msgspec.to_builtins(extra, builtin_types=(bytes,))))}",
        f"index {proof.index}",
        *(_base64(sibling) for sibling in proof.path),
    ]
    signed = [(each.cosignature, each.chain.operating) for each in proof.witnesses]
    return "\n".join(lines) + "\n\n" + notes.note(proof.head, proof.chain.operating, witnesses=signed)


def _identity(chain: Chain) -> _Identity:
    return _Identity(chain.genesis.raw, tuple((each.op.raw, each.signature) for each in chain.ops))


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


# --- reading --------------------------------------------------------------------------------------
def read(raw: bytes) -> Proof:
    """Read a file and check every claim in it; ``Doubt`` names the first that does not hold."""
    extra, index, path, note = _parse(raw)
    chain = _chain(extra.author, AUTHOR)
    head = _head(chain, extra.space, note)
    _check_content(extra)
    if not verify_inclusion(leaf_hash(extra.header), index, head.size, path, head.root):
        raise Doubt(PLACE, f"the proof does not lead from entry {index} to the root that was signed")
    witnesses = tuple(_witness(each, head, note) for each in extra.witnesses)
    if len({each.chain.org for each in witnesses} | {chain.org}) != len(witnesses) + 1:
        raise Doubt(WITNESS, "a witness is named twice, or is the author")
    ignored = len(note.signatures) - len(witnesses) - 1
    return Proof(chain, head, index, path, extra.header, extra.salt, extra.body, witnesses, ignored)


def _parse(raw: bytes) -> tuple[_Extra, int, tuple[bytes, ...], signednote.Note]:
    if len(raw) > PROOF_FILE_BYTES_MAX:
        raise Doubt(FILE, f"{len(raw):,} bytes where at most {PROOF_FILE_BYTES_MAX:,} are allowed")
    try:
        upper, blank, checkpoint = raw.decode("utf-8").partition("\n\n")
        lines = upper.split("\n")
        if not blank or [line[:6] for line in lines[1:3]] != ["extra ", "index "] or lines[0] != FIRST_LINE:
            raise Malformed(f"it does not begin with {FIRST_LINE}, extra, index")
        (extra, index), path = lines[1:3], lines[3:]
        if len(path) > PROOF_HASHES_MAX:
            raise Malformed(f"an inclusion proof of {len(path)} hashes")
        return (
            _extra(signednote.from_base64(extra[6:], "extra")),
            signednote.number(index[6:], "index"),
            tuple(_hash(line) for line in path),
            signednote.read(checkpoint),
        )
    except UnicodeDecodeError:
        raise Doubt(FILE, "not UTF-8") from None
    except Malformed as error:
        raise Doubt(FILE, error.what) from None


def _hash(line: str) -> bytes:
    raw = signednote.from_base64(line, "inclusion proof")
    if len(raw) != HASH_BYTES:
        raise Malformed(f"inclusion proof: a hash of {len(raw)} bytes")
    return raw


def _extra(raw: bytes) -> _Extra:
    value = codec.decode(raw)
    if not isinstance(value, dict) or value.get("v") != VERSION:
        raise Malformed(f"extra: not a map whose `v` is {VERSION}; a later version may have written it")
    return codec.convert(value, _Extra, "extra")


def _chain(identity: _Identity, part: str) -> Chain:
    try:
        chain = Chain(parse_genesis(identity.genesis))
        for op, signature in identity.ops:
            chain = extend(chain, parse_op(op), signature, 0)
    except (Malformed, Invalid) as error:
        raise Doubt(part, error.what) from None
    return chain


def _head(chain: Chain, space: bytes, note: signednote.Note) -> Head:
    """The head under the checkpoint, whose signature holds."""
    head = _unsigned(chain, space, note.text)
    time, signature = _cosigned(note, head.origin, chain.operating, SIGNATURE)
    head = msgspec.structs.replace(head, time=time, signature=signature)
    try:
        verify_head(head, chain)
    except Invalid as error:
        raise Doubt(SIGNATURE, error.what) from None
    return head


def _unsigned(chain: Chain, space: bytes, text: str) -> Head:
    try:
        origin, size, root = text.removesuffix("\n").split("\n")
        epoch, base = origin.split("/")[-2:]
        head = Head(
            org=chain.org,
            space=space,
            epoch=signednote.number(epoch, "epoch"),
            base=signednote.number(base, "base"),
            size=signednote.number(size, "size"),
            root=_hash(root),
            time=0,
            signature=bytes(SIGNATURE_BYTES),
        )
    except (Malformed, ValueError) as error:
        raise Doubt(REGISTER, f"checkpoint: {error}") from None
    if head.text() != text:
        raise Doubt(REGISTER, f"checkpoint: {origin} is not a register of this organisation")
    if head.epoch != chain.epoch:
        raise Doubt(REGISTER, f"checkpoint: of epoch {head.epoch}, and the identity ends at {chain.epoch}")
    if head.base > head.size or (space == PUBLIC and head.base != chain.base(head.epoch)):
        raise Doubt(REGISTER, f"checkpoint: its epoch did not begin with {head.base} entries")
    return head


def _cosigned(note: signednote.Note, name: str, public: bytes, part: str) -> tuple[int, bytes]:
    """Time and signature of the one line by this key."""
    lines = note.by(name, notes.key_id(name, notes.COSIGNATURE, public))
    if len(lines) != 1 or len(lines[0].signature) != TIME_BYTES + SIGNATURE_BYTES:
        raise Doubt(part, f"{len(lines)} signature lines of {name}, or not a cosignature/v1")
    raw = lines[0].signature
    try:
        time = signednote.number(str(int.from_bytes(raw[:TIME_BYTES], "big")), "time")
    except Malformed as error:
        raise Doubt(part, error.what) from None
    return time, raw[TIME_BYTES:]


def _check_content(extra: _Extra) -> None:
    try:
        header = parse_header(extra.header)
        if not isinstance(header, Header):
            raise Invalid(f"header: of version {header.version}, which is not known here")
        check_body(header, extra.salt, extra.body)
    except (Broken, Invalid) as error:
        raise Doubt(CONTENT, error.what) from None


def _witness(identity: _Identity, head: Head, note: signednote.Note) -> Witness:
    chain = _chain(identity, WITNESS)
    time, signature = _cosigned(note, notes.witness_name(chain.org), chain.operating, WITNESS)
    cosignature = Cosignature(chain.org, chain.epoch, time, signature)
    try:
        verify_cosignature(head, cosignature, chain)
    except Invalid as error:
        raise Doubt(WITNESS, f"{chain.name}: {error.what}") from None
    return Witness(chain, cosignature)


def body_of(proof: Proof) -> dict[str, Any]:
    """The fields of the record; empty when its author wrote them outside the limits."""
    return read_body(proof.record, proof.body) or {}
