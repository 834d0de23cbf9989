"""Makes our own vectors: proof files that hold, proof files that do not, and a register as tlog-tiles.

Every byte is fixed, so that running this again changes nothing: ``python -m tests.make_vectors``. What each
file is for is told in ``docs/vectors.md``; a test holds these files and this script together.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mutunode.protocol import codec, crypto, proof
from mutunode.protocol.entry import make_entry
from mutunode.protocol.ids import log_text, org_text, rec_text
from mutunode.protocol.proof import Proof
from mutunode.service import tlog
from tests.protocol.provers import START, Prover, changed

HERE = Path(__file__).parent / "vectors"
REGISTER_SIZE = 300  # one full tile, a partial one, and a level above them
KEPT = 290  # then its keys were replaced

IDENTITY_POINT = (1).to_bytes(32, "little")  # a public key under which one signature fits every message


def author() -> Prover:
    """A register of 300 entries over two epochs."""
    jardin = Prover("Jardin")
    for number in range(REGISTER_SIZE):
        if number == KEPT:
            jardin.open_epoch("ordinateur volé")
        jardin.publish("resource", _resource(number))
    return jardin


def _resource(number: int) -> dict[str, Any]:
    return {
        "title": {"en": f"Sheet {number}", "fr": f"Fiche n° {number}"},
        "license": "CC-BY-SA-4.0",
        "external_ref": f"fiche-{number}",
        "ack": {"detail": "organisation", "policy": "welcome"},
    }


def witnesses() -> tuple[Prover, Prover]:
    """Two organisations that hold it; the second has changed its keys once."""
    atelier, fablab = Prover("Atelier"), Prover("Fablab « Ünïcode »")
    fablab.open_epoch()
    return atelier, fablab


# --- proofs that hold -------------------------------------------------------------------------------
def good() -> dict[str, Proof]:
    """Proofs by name."""
    jardin, (atelier, fablab) = author(), witnesses()
    lone = Prover("Seul")
    lone.publish("recipe", {"bytes": b"\x00\xff", "list": [1, [True]], "pâte": "levée 🥖"})
    return {
        "witnessed": jardin.prove(256, atelier, fablab),
        "one-witness": jardin.prove(0, fablab),
        "no-witness": jardin.prove(299),
        "one-entry-unknown-kind": lone.prove(0),
    }


def expected(name: str, found: Proof) -> dict[str, Any]:
    """What a verifier has to say of one."""
    witnesses = [
        {"name": each.chain.name, "org": org_text(each.chain.org), "time": each.cosignature.time}
        for each in sorted(found.witnesses, key=lambda each: each.cosignature.time)
    ]
    return {
        "file": f"{name}.tlog-proof",
        "id": rec_text(found.rec),
        "kind": found.record.kind,
        "org": org_text(found.chain.org),
        "org_name": found.chain.name,
        "log": log_text(found.head.log),
        "time": found.record.time,
        "index": found.index,
        "epoch": found.head.epoch,
        "size": found.head.size,
        "root": base64.b64encode(found.head.root).decode(),
        "signed_at": found.head.time,
        "seen_by": len(witnesses),
        "seen_at": found.seen_at or 0,
        "witnesses": witnesses,
    }


# --- proofs that do not -------------------------------------------------------------------------------
def refused() -> Iterator[dict[str, str]]:
    """Proofs with one thing wrong each, and the claim that falls with it."""
    for part, what, raw in (*_edited(), *_dishonest()):
        yield {"part": part, "what": what, "proof": raw.decode("utf-8", "surrogateescape")}


def _small() -> Prover:
    jardin = Prover("Jardin")
    for number in range(7):
        if number == 5:
            jardin.open_epoch("ordinateur volé")
        jardin.publish("resource", _resource(number))
    return jardin


def _edited() -> Iterator[tuple[str, str, bytes]]:
    """By somebody who has a good file and an editor."""
    raw = proof.write(_small().prove(3, *witnesses()))
    lines = raw.decode().split("\n")
    first, extra, index, path, *_ = lines
    author_line, *seen = [line for line in lines if line.startswith("— ")]

    def with_line(old: str, new: str) -> bytes:
        assert raw.count(old.encode()) >= 1
        return raw.replace(old.encode(), new.encode(), 1)

    def spoiled(line: str) -> str:
        signature = bytearray(base64.b64decode(line.split(" ")[-1]))
        signature[-1] ^= 1
        return f"{line.rsplit(' ', 1)[0]} {base64.b64encode(signature).decode()}"

    yield proof.FILE, "a later version of tlog-proof", with_line(first, "c2sp.org/tlog-proof@v2")
    yield proof.FILE, "line ends of another system", raw.replace(b"\n", b"\r\n")
    yield proof.FILE, "cut short in its last line", raw[:-2]
    yield proof.FILE, "an index with a leading zero", with_line(index, index.replace(" ", " 0"))
    yield proof.FILE, "an index with a sign", with_line(index, index.replace(" ", " +"))
    yield proof.FILE, "no extra line", with_line(extra + "\n", "")
    yield proof.FILE, "base64 without its padding", with_line(path, path.rstrip("="))
    yield proof.FILE, "a hash of 31 bytes", with_line(path, base64.b64encode(bytes(31)).decode())
    yield proof.PLACE, "another index", with_line(index, "index 4")
    yield proof.PLACE, "an index beyond the end", with_line(index, "index 7")
    yield proof.PLACE, "another hash", with_line(path, base64.b64encode(bytes(32)).decode())
    yield proof.PLACE, "a hash too few", with_line(path + "\n", "")
    yield proof.PLACE, "a hash too many", with_line(path, f"{path}\n{path}")
    yield proof.SIGNATURE, "another signature", with_line(author_line, spoiled(author_line))
    yield proof.SIGNATURE, "no signature of the author", with_line(author_line + "\n", "")
    yield proof.SIGNATURE, "another size", with_line("\n7\n", "\n8\n")
    yield proof.REGISTER, "another epoch", with_line("/1/5\n", "/0/5\n")
    yield proof.REGISTER, "another base", with_line("/1/5\n", "/1/4\n")
    yield proof.REGISTER, "an extension line", with_line("\n\n— ", "\nmore\n\n— ")
    yield proof.WITNESS, "a witness's signature changed", with_line(seen[0], spoiled(seen[0]))
    yield proof.WITNESS, "a witness's signature left out", with_line(seen[1] + "\n", "")
    yield proof.WITNESS, "a witness's signature twice", with_line(seen[1], f"{seen[1]}\n{seen[1]}")
    yield (
        proof.WITNESS,
        "a witness's line under another name",
        with_line(seen[0], seen[0].replace("mutunode/", "mutunode/x", 1)),
    )
    for part, what, change in _extra_changes():
        value = codec.decode(base64.b64decode(extra[6:]))
        change(value)
        yield part, what, with_line(extra, f"extra {base64.b64encode(codec.encode(value)).decode()}")


def _extra_changes() -> Iterator[tuple[str, str, Callable[[dict[str, Any]], None]]]:
    """What may be changed in ``extra`` and encoded well again."""
    yield proof.FILE, "a later version of extra", lambda value: value.update(v="mutunode/proof/2")
    yield proof.FILE, "one field more", lambda value: value.update(also=1)
    yield proof.FILE, "one field less", lambda value: value.pop("salt")
    yield proof.FILE, "a salt of 15 bytes", lambda value: value.update(salt=bytes(15))
    yield proof.CONTENT, "another salt", lambda value: value.update(salt=bytes(16))
    yield (
        proof.CONTENT,
        "another body",
        lambda value: value.update(body=codec.encode({"title": {"fr": "Faux"}})),
    )
    yield proof.CONTENT, "a header of a later version", lambda value: value.update(header=codec.encode([2]))
    yield proof.REGISTER, "another space", lambda value: value.update(space=b"\1" * 32)
    yield proof.REGISTER, "another organisation", lambda value: value.update(author=value["witnesses"][0])
    yield proof.REGISTER, "an op left out", lambda value: value["author"][1].clear()
    yield proof.AUTHOR, "an op that no root signed", _unsigned_op
    yield proof.AUTHOR, "an op twice", lambda value: value["author"][1].append(value["author"][1][0])
    yield (
        proof.AUTHOR,
        "a genesis that is not canonical",
        lambda value: value["author"].__setitem__(0, b"\xc0"),
    )
    yield (
        proof.WITNESS,
        "a witness introduced twice",
        lambda value: value.update(witnesses=value["witnesses"][:1] * 2),
    )
    yield proof.WITNESS, "the author as a witness", lambda value: value["witnesses"].append(value["author"])


def _unsigned_op(value: dict[str, Any]) -> None:
    value["author"][1][0][1] = bytes(64)


def _dishonest() -> Iterator[tuple[str, str, bytes]]:
    """By somebody who has keys and this program."""
    jardin, (atelier, _) = _small(), witnesses()
    made = jardin.prove(3, atelier)
    thief = Prover("Jardin")
    entry = make_entry("resource", _resource(99), START, bytes(16))
    forged = {"header": entry.header, "salt": entry.salt, "body": entry.body}

    def written(**fields: Any) -> bytes:
        return proof.write(changed(made, **fields))

    yield (
        proof.SIGNATURE,
        "signed with the key of an epoch that is over",
        written(head=jardin.head(thief.sign)),
    )
    yield proof.REGISTER, "an epoch that begins elsewhere", written(head=jardin.head(base=4))
    yield proof.REGISTER, "more kept than there is", written(head=jardin.head(size=4))
    yield proof.REGISTER, "another organisation's identity", written(chain=atelier.chain)
    yield proof.PLACE, "a record that was never published", written(**forged)
    yield proof.PLACE, "the root of another tree", written(head=jardin.head(root=bytes(32)))
    yield (
        proof.WITNESS,
        "a witness of another head",
        written(witnesses=(atelier.witness(jardin.head(size=6), 1),)),
    )
    yield proof.AUTHOR, "an operating key under which every signature verifies", _weak_key(made)


def _weak_key(made: Proof) -> bytes:
    """A genesis whose operating key is the neutral point; its signature is R = that point, S = 0."""
    raw = proof.write(changed(made, witnesses=()))
    extra = raw.decode().split("\n")[1]
    value = codec.decode(base64.b64decode(extra[6:]))
    genesis = codec.decode(value["author"][0])
    value["author"] = [codec.encode({**genesis, "operating": IDENTITY_POINT}), []]
    weak = f"extra {base64.b64encode(codec.encode(value)).decode()}"
    assert crypto.verify(IDENTITY_POINT, IDENTITY_POINT + bytes(32), b"anything"), "the library would take it"
    return raw.replace(extra.encode(), weak.encode())


# --- files ----------------------------------------------------------------------------------------------
def files() -> dict[str, bytes]:
    """Every file by its path below ``tests/vectors``."""
    made: dict[str, bytes] = {}
    proofs = good()
    for name, found in proofs.items():
        made[f"proofs/{name}.tlog-proof"] = proof.write(found)
    made["proofs/expected.json"] = _json([expected(name, found) for name, found in proofs.items()])
    made["proofs/refused.json"] = _json(list(refused()))
    jardin = author()
    headers = (entry.header for entry in jardin.entries)

    def put(name: str, content: bytes) -> None:
        made[f"tlog/{name}"] = content

    tlog.write(put, jardin.head(), jardin.chain, headers, jardin.sign)
    return made


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def main() -> None:
    """Write them."""
    for name, content in files().items():
        target = HERE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


if __name__ == "__main__":
    main()
