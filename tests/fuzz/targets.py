"""Every way in for bytes that somebody else wrote, each as a function of bytes that may only refuse.

A target raises ``MutunodeError`` (which peers are answered with) or nothing; anything else is a defect.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from mutunode.protocol import codec, evidence, forkfile, messages, proof, rows, signednote
from mutunode.protocol.entry import Header, check_batch, check_body, find_refs, parse_header, read_body
from mutunode.protocol.errors import MutunodeError
from mutunode.protocol.identity import Chain, parse_genesis, parse_op
from mutunode.protocol.rivals import learn

CORPUS = Path(__file__).parent / "corpus"

Target = Callable[[bytes], None]


def frame(data: bytes) -> None:
    """A frame, and what one goes on to read in it."""
    message = messages.decode(data)
    again = messages.encode(message)
    assert messages.encode(messages.decode(again)) == again
    match message:
        case messages.Entries():
            rows.unpack(message.enc, message.payload)
        case messages.Identity():
            identity_of(message)
        case messages.Fork():
            evidence.heads_of(message)
        case messages.Heads():
            for head in message.heads:
                head.signed()
        case _:
            pass


def entry(data: bytes) -> None:
    """A header alone, then header, salt and body cut out of the bytes."""
    with contextlib.suppress(MutunodeError):
        parse_header(data)
    header, salt, body = data[:110], data[110:126], data[126:]
    check_batch([(header, salt, body)] if len(salt) == 16 and body else [(header, b"", b"")])
    parsed = parse_header(header)
    if isinstance(parsed, Header):
        check_body(parsed, salt, body)


def body(data: bytes) -> None:
    """A body whose header allows it."""
    found = read_body(Header("resource", 0, bytes(32), min(len(data), 65_536)), data)
    if found is not None:
        find_refs(found)


def entries(data: bytes) -> None:
    """The payload of an answer, plain and compressed."""
    with contextlib.suppress(MutunodeError):
        rows.unpack(rows.PLAIN, data)
    rows.unpack(rows.COMPRESSED, data)


def value(data: bytes) -> None:
    """Canonical MessagePack: what is taken is what encoding gives."""
    assert codec.encode(codec.decode(data)) == data


def genesis(data: bytes) -> None:
    """A birth certificate."""
    parse_genesis(data)


def op(data: bytes) -> None:
    """An identity operation."""
    parse_op(data)


def identity_of(message: messages.Identity) -> Chain:
    """A chain of identity, as the answer to IDENT gives it."""
    chain = Chain(parse_genesis(message.genesis))
    for raw, signature in (*message.ops, *message.rivals):
        chain = learn(chain, parse_op(raw), signature, 1_700_000_000)
    return chain


def note(data: bytes) -> None:
    """A signed note."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    signednote.read(text)


def proof_file(data: bytes) -> None:
    """A proof of a record."""
    proof.read(data)


def fork_file(data: bytes) -> None:
    """A proof of two registers."""
    forkfile.read(data)


TARGETS: dict[str, Target] = {
    each.__name__: each
    for each in (frame, entry, body, entries, value, genesis, op, note, proof_file, fork_file)
}


def seeds(name: str) -> list[bytes]:
    """What is committed for a target, then all of the others: it may be taken for what it is not."""
    return [path.read_bytes() for path in _files(name)]


def _files(name: str) -> Iterator[Path]:
    own = sorted(CORPUS.glob(f"{name}-*"))
    yield from own
    yield from (path for path in sorted(CORPUS.iterdir()) if path not in own)


def attempt(target: Target, data: bytes) -> bool:
    """Whether it was understood; a refusal is fine, anything else is raised."""
    try:
        target(data)
    except MutunodeError:
        return False
    return True
