"""The bytes of mutunode/1, written from its page alone and by somebody else than the product's authors.

Nothing here (nor in ``author`` and ``stranger`` beside it) imports the product: two readings of one page
are held against each other. Sizes are small and clearness comes first: trees are recomputed from their
leaves at every question.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgpack  # type: ignore[import-untyped]
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

Frame = list[Any]
Head = list[Any]
Item = list[bytes]

DEPTH_MAX = 16
NODES_BODY_MAX = 1_000
NODES_FRAME_MAX = 100_000
INTEGER_MAX = 2**53 - 1
HEADER_BYTES_MAX = 256
PUBLIC = bytes(32)
DAY_SECONDS = 86_400


class Wrong(ValueError):
    """What was read is not what the page says."""


def sha256(*parts: bytes) -> bytes:
    """SHA-256 of the parts, joined."""
    return hashlib.sha256(b"".join(parts)).digest()


def domain(name: str) -> bytes:
    """What everything hashed or signed for ourselves begins with."""
    return b"mutunode/" + name.encode() + b"/1\0"


def eight(number: int) -> bytes:
    """A number as eight bytes, big-endian."""
    return number.to_bytes(8, "big")


def cm(value: Any) -> bytes:
    """Canonical MessagePack: the library already writes the shortest forms, keys remain to be sorted."""
    packed: bytes = msgpack.packb(_sorted(value), use_bin_type=True)
    return packed


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=str.encode)}
    if isinstance(value, list | tuple):
        return [_sorted(part) for part in value]
    return value


def uncm(raw: bytes, nodes_max: int = NODES_FRAME_MAX) -> Any:
    """What canonical bytes say; everything that ``cm`` would not have written is refused."""
    try:
        value = msgpack.unpackb(raw, raw=False, strict_map_key=True)
    except Exception as error:  # the library raises about eight kinds of them
        raise Wrong(f"not MessagePack: {error}") from error
    if _nodes(value, 1) > nodes_max:
        raise Wrong("too many values")
    if cm(value) != raw:
        raise Wrong("not the canonical form")
    return value


def _nodes(value: Any, depth: int) -> int:
    """How many values and keys there are, none of them too deep or of another type."""
    if depth > DEPTH_MAX:
        raise Wrong("too deep")
    if isinstance(value, list):
        return 1 + sum(_nodes(part, depth + 1) for part in value)
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise Wrong("a key is no text")
        return 1 + sum(_nodes(part, depth + 1) for pair in value.items() for part in pair)
    if isinstance(value, str):
        if "\0" in value:
            raise Wrong("U+0000 in a text")
    elif isinstance(value, int):
        if not 0 <= value <= INTEGER_MAX:
            raise Wrong("a number out of bounds")
    elif not isinstance(value, bytes):
        raise Wrong(f"{type(value).__name__} is no type of ours")
    return 1


def base32(raw: bytes) -> str:
    """32 bytes as 52 lower-case characters."""
    return base64.b32encode(raw).decode().lower().rstrip("=")


def unbase32(text: str) -> bytes:
    """The 32 bytes of an id's text; the unused last bits must be zero."""
    prefix, _, bare = text.partition("_")
    raw = base64.b32decode(bare.upper() + "====")
    if not prefix or base32(raw) != bare or len(raw) != 32:
        raise Wrong(f"{text} is no id")
    return raw


def leaf_hash(header: bytes) -> bytes:
    """A leaf of a tree (RFC 6962)."""
    return sha256(b"\0", header)


def tree_root(leaves: list[bytes]) -> bytes:
    """The root over these leaves (RFC 6962)."""
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return leaves[0]
    cut = _cut(len(leaves))
    return sha256(b"\1", tree_root(leaves[:cut]), tree_root(leaves[cut:]))


def inclusion(leaves: list[bytes], index: int) -> list[bytes]:
    """The hashes that lead from one leaf to the root, lowest first."""
    if len(leaves) == 1:
        return []
    cut = _cut(len(leaves))
    if index < cut:
        return [*inclusion(leaves[:cut], index), tree_root(leaves[cut:])]
    return [*inclusion(leaves[cut:], index - cut), tree_root(leaves[:cut])]


def included_root(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """The root that a leaf and its proof give."""
    if size == 1:
        if proof or index:
            raise Wrong("a proof of another length")
        return leaf
    if not proof:
        raise Wrong("a proof too short")
    cut = _cut(size)
    *lower, last = proof
    if index < cut:
        return sha256(b"\1", included_root(leaf, index, cut, lower), last)
    return sha256(b"\1", last, included_root(leaf, index - cut, size - cut, lower))


def _cut(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << ((size - 1).bit_length() - 1)


def log_of(org: bytes, space: bytes = PUBLIC) -> bytes:
    """The id of an organisation's log in a space."""
    return sha256(domain("log"), org, space)


def rec_of(log: bytes, header: bytes) -> bytes:
    """The id of the record with this header in this log."""
    return sha256(domain("record"), log, leaf_hash(header))


def body_hash(salt: bytes, body: bytes) -> bytes:
    """What a header says of its body."""
    return sha256(domain("body"), salt, body)


def entry(kind: str, body: bytes, time: int, salt: bytes, version: int = 1) -> Item:
    """A record as it travels."""
    return [cm([version, kind, time, body_hash(salt, body), len(body)]), salt, body]


def check_item(item: Item) -> None:
    """A header that may stand in a log, and the body it speaks of."""
    header = uncm(item[0])
    if len(item[0]) > HEADER_BYTES_MAX or not isinstance(header, list) or not header:
        raise Wrong("a header that breaks its log")
    if type(header[0]) is not int or header[0] < 1:
        raise Wrong("a header that breaks its log")
    if len(item) == 1:
        return
    _, salt, body = item
    if body_hash(salt, body) != header[3] or len(body) != header[4]:
        raise Wrong("a body that its header does not speak of")


def check_text(head: Head) -> bytes:
    """The text of a head's checkpoint."""
    org, space, epoch, base, size, root = head[:6]
    origin = f"mutunode/1/{base32(log_of(org, space))}/{epoch}/{base}"
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()


def cosigned(head: Head, time: int) -> bytes:
    """What is signed under a head, by its author or by a witness."""
    return b"cosignature/v1\ntime %d\n" % time + check_text(head)


def signed_head(key: Ed25519PrivateKey, unsigned: Head, time: int) -> Head:
    """``[org, space, epoch, base, size, root]`` with its time and signature."""
    return [*unsigned, time, key.sign(cosigned(unsigned, time))]


def verified(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether a signature holds."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def check_chain(org: bytes, genesis: bytes, ops: list[list[bytes]]) -> list[dict[str, Any]]:
    """The states of an identity, one an epoch: genesis, then every op; each verified from the one before."""
    if sha256(domain("genesis"), genesis) != org:
        raise Wrong("another organisation's genesis")
    states = [uncm(genesis)]
    before = genesis
    for raw, signature in ops:
        op = uncm(raw)
        if op["org"] != org or op["epoch"] != len(states) or op["prev"] != sha256(before):
            raise Wrong("an op that does not follow")
        if not any(verified(root, signature, domain("identity") + raw) for root in states[-1]["roots"]):
            raise Wrong("an op no root signed")
        states.append(op)
        before = raw
    return states


def check_head(head: Head, states: list[dict[str, Any]]) -> None:
    """A head under the chain of its organisation."""
    org, space, epoch, base, size, root, time, signature = head
    state = states[epoch]
    if epoch and space == PUBLIC and base != state["base"][0]:
        raise Wrong("a base that is not its op's")
    if base > size or (epoch == 0 and base) or len(org) != 32 or len(root) != 32:
        raise Wrong("a head that cannot be")
    if not verified(state["operating"], signature, cosigned(head, time)):
        raise Wrong("a head its organisation did not sign")


def print_of(heads: list[Head], frozen: tuple[bytes, ...] = ()) -> bytes:
    """What stands for many heads in a reconciliation."""
    parts = []
    for head in sorted(heads, key=lambda head: log_of(head[0], head[1])):
        log = log_of(head[0], head[1])
        size, root, day = (0, bytes(32), 0) if log in frozen else (head[4], head[5], head[6] // DAY_SECONDS)
        parts.append(log + eight(head[2]) + eight(size) + root + eight(day))
    return sha256(domain("range"), *parts)[:16]
