"""Writes the committed corpus: one of everything valid, and the worst that was thought of."""

from __future__ import annotations

from msgspec.structs import replace

from mutunode.protocol import codec, forkfile, messages, proof, rows
from mutunode.protocol.head import cosign
from mutunode.protocol.merkle import over, prove
from tests.fuzz.targets import CORPUS
from tests.protocol.test_forkfile import WAYS
from tests.protocol.test_messages import EACH
from tests.store.authors import Author


def main() -> None:
    """Write every file."""
    CORPUS.mkdir(exist_ok=True)
    alice, bob = Author("alice"), Author("bob")
    made = alice.write(*(("resource", {"title": {"fr": f"Fiche {i}"}, "n": i}) for i in range(5)))
    alice.open_epoch(keeps=5)
    head = alice.head()
    leaves = [each.leaf for each in made]
    found: dict[str, bytes] = {}
    for number, message in enumerate(EACH):
        if not isinstance(message, messages.Relay):
            found[f"frame-{number:02}-{type(message).__name__.lower()}"] = messages.encode(message)
    ops = tuple((signed.op.raw, signed.signature) for signed in alice.chain.ops)
    found["frame-identity"] = messages.encode(messages.Identity(2, alice.chain.genesis.raw, ops, ()))
    found["frame-heads"] = messages.encode(messages.Heads(0, b"store_id", 9, False, (head,)))
    packed = [(each.header, each.salt, each.body) for each in made]
    for enc in (0, 1):
        payload = rows.pack(packed, compressed=bool(enc))[1]
        found[f"entries-{enc}"] = payload
        found[f"frame-entries-{enc}"] = messages.encode(messages.Entries(2, head.log, 0, enc, payload))
    found["entry-one"] = made[0].header + made[0].salt + made[0].body
    found["body-one"] = made[0].body
    found["value-many"] = codec.encode([0, 1, 127, 128, 2**53 - 1, True, "é", b"\x01", {"a": [], "b": {}}])
    found["genesis-alice"] = alice.chain.genesis.raw
    found["op-alice"] = alice.chain.ops[0].op.raw
    shown = proof.Proof(
        alice.chain, head, 2, tuple(prove(over(leaves), 5, 2)), made[2].header, made[2].salt, made[2].body
    )
    witness = proof.Witness(bob.chain, cosign(head, bob.org, 0, head.time + 5, bob._operating.sign))
    raw = proof.write(replace(shown, witnesses=(witness,)))
    found["proof_file-one"] = raw
    found["note-one"] = raw.partition(b"\n\n")[2]
    for way, make in WAYS.items():
        author, frame = make()
        found[f"fork_file-{way}"] = forkfile.write(frame, author.chain)
        found[f"frame-fork-{way}"] = frame
    found |= BAD
    for name, content in found.items():
        (CORPUS / name).write_bytes(content)


BAD = {
    "value-declares-4g": b"\xdd\xff\xff\xff\xff",
    "value-map-declares-4g": b"\xdf\xff\xff\xff\xff",
    "value-bytes-declare-4g": b"\xc6\xff\xff\xff\xff",
    "value-deep": b"\x91" * 5_000,
    "value-wide": b"\xdc\xff\xff" + b"\x90" * 65_535,
    "value-twice-a-key": b"\x82\xa1a\x00\xa1a\x00",
    "value-long-zero": b"\xcd\x00\x00",
    "value-nan": b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
    "value-nil": b"\xc0",
    "value-above": b"\xcf\x00\x20\x00\x00\x00\x00\x00\x00",
    "entries-bomb-undeclared": bytes.fromhex("28b52ffd005854000010000001 00fbff39c002"),
    "entries-declares-1g": b"\x28\xb5\x2f\xfd\xa4\x00\x00\x00\x40\x01\x00\x00",
    "note-many-lines": b"a\n\n" + b"\xe2\x80\x94 x AAAAAAA=\n" * 200,
    "frame-empty": b"",
}


if __name__ == "__main__":
    main()
