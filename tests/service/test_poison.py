"""P15: records with a valid signature and the worst legal content stop nothing else from flowing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from mutunode.protocol import codec
from mutunode.protocol.entry import Entry, Header, body_hash
from mutunode.protocol.head import PUBLIC
from mutunode.protocol.ids import org_text, rec_text
from mutunode.protocol.ledger import Stance
from tests.service.offices import Node, until
from tests.store.authors import Author

SALT = b"salt" * 4
BIDI = "\u202e\u2066abc\u2069\u200b\u0301 \u1dd4\u1038" * 20  # and marks of two scripts on no letter
DEEP: Any = "bottom"
for _ in range(14):
    DEEP = [DEEP]


def entry(kind: str, body: bytes, time: int = 1_700_000_000, length: int | None = None) -> Entry:
    """An entry whose header is in order, whatever the body is."""
    header = Header(kind, time, body_hash(SALT, body), len(body) if length is None else length)
    raw = codec.encode([1, *msgspec.to_builtins(header, builtin_types=(bytes,))[1:]])
    return Entry(raw, SALT, body)


def poison(author: Author) -> list[Entry]:
    """As bad as it may be and still be signed."""
    log = author.log()
    own: list[Any] = [log, 0, bytes(32)]
    bodies: list[tuple[str, Any]] = [
        ("resource", {"title": {"fr": BIDI}, "abstract": {"fr": "\u0007\u001b[31m" + "\u0300" * 5_000}}),
        ("resource", {"title": {"fr": "x" * 60_000}}),
        ("resource", {"title": DEEP}),
        ("resource", {"title": {f"l{i}": "" for i in range(490)}}),
        ("resource", {}),
        ("resource", {"title": {"fr": "a"}, "supersedes": [log, 6, bytes(32)]}),
        ("resource", {"title": {"fr": "a"}, "supersedes": own, "based_on": [own] * 200}),
        ("resource", {"title": {"fr": "<script>alert(1)</script>"}, "license": "'; DROP TABLE record; --"}),
        ("resource", {"title": {"fr": "a"}, "subjects": ["\ufeff"] * 256, "external_ref": "\ufffe" * 80}),
        (
            "profile",
            {"name": {"fr": BIDI}, "endpoints": ["127.0.0.1:1", "wss://[", "\u202e:1", "a" * 300] * 60},
        ),
        ("profile", {"name": {"fr": ""}, "endpoints": "nonsense"}),
        ("vouch", {"org": bytes(32), "endpoints": ["[::1]:0"] * 256, "listed": True}),
        ("vouch", {"org": author.org, "endpoints": [], "listed": True}),
        ("withdrawal", {"target": own, "reason": "\u202e", "erase": True}),
        ("withdrawal", {"target": [log, 2**53 - 1, bytes(32)], "reason": "error"}),
        ("usage", {"resource": own, "type": "adapted"}),
        ("usage", {"resource": [bytes(32), 0, bytes(32)], "type": ""}),
        ("usage_answer", {"usage": own, "answer": "thanks"}),
        ("flag", {"target": own, "reason": BIDI}),
        ("sealed", {"box": b"\x00" * 60_000, "suite": 1}),
        ("sealed", {"box": b"", "suite": 2**53 - 1}),
        ("invite", {"org": bytes(32)}),
        ("a_kind_of_tomorrow", {"anything": [1, True, b"\xff", {"a": {}}]}),
        ("x" * 64, {"": ""}),
    ]
    made = [entry(kind, codec.encode(body)) for kind, body in bodies]
    made += [
        entry("resource", codec.encode({"title": {"fr": "an"}}), time=2**53 - 1),
        entry("resource", codec.encode({"title": {"fr": "old"}}), time=0),
        entry("resource", b"\xc1 no CM at all"),
        entry("resource", b""),
        entry("resource", codec.encode({"title": {"fr": "two"}}) + b"\x00"),
        Entry(codec.encode([2, "of", "another", {"version": 1}]), b"", b""),
        Entry(codec.encode([1, "wrong", "fields"]), b"", b""),
        Entry(codec.encode([1, "no_body", 0, bytes(32), 5]), b"", b""),
    ]
    return [*made, made[0]]  # and one of them a second time


def test_poison_of_one_stops_nothing_of_others(
    two: tuple[Node, Node], arrives: Callable[[Node, str], None]
) -> None:
    jardin, atelier = two
    mallory = Author("mallory")
    entries = poison(mallory)
    mallory.write(*entries)
    head, log = mallory.head(), mallory.log()

    def listen(turn: Any) -> None:
        turn.ledger.put_chain(mallory.chain)
        turn.ledger.put_stance(mallory.org, Stance(accepted=True))
        turn.ledger.forget_cursors()

    def swallow(turn: Any) -> None:
        listen(turn)
        rows = [(each.header, each.salt, each.body) for each in entries]
        turn.ledger.append(mallory.org, PUBLIC, 0, rows, [each.leaf for each in entries])
        turn.ledger.commit(head, mallory.tree())

    before = jardin.publish(title="Avant le poison")
    jardin.engine.turns.act(swallow).result()
    atelier.engine.turns.act(listen).result()
    after = jardin.publish(title="Après le poison")
    for rec in (before, after):
        arrives(atelier, rec)
    atelier.engine.turns.post(lambda node, now: node.interest_changed(now))
    atelier.engine.turns.post(lambda node, now: node.repair(now))

    def taken() -> bool:
        found = atelier.engine.reader.organisation(mallory.org)
        return found is not None and found.size == len(entries)

    until(taken, "the poison itself is taken: it is signed")
    last = jardin.publish(title="Et encore après le poison")
    arrives(atelier, last)
    for node in (jardin, atelier):
        until(lambda node=node: len(node.office.search(q="poison").hits) == 3, "all three are found")  # type: ignore[misc]
        answers_everywhere(node, mallory, len(entries))
        assert node.engine.store.verify(log) == []


def answers_everywhere(node: Node, mallory: Author, size: int) -> None:
    """Every list and page of a node that holds it."""
    office = node.office
    assert office.network().organisations
    assert office.organisation(org_text(mallory.org), "fr").organisation.org == org_text(mallory.org)
    assert office.todo("fr") is not None
    assert office.status().organisations >= 1
    assert office.doctor()
    shown = 0
    for index in range(size):
        stored = node.engine.reader.at(mallory.log(), index)
        if stored is None:
            continue
        assert stored.state in ("ok", "opaque", "missing", "erased")
        if stored.time > node.engine.office.desk.now() + 86_400:
            continue  # shown when its time has come
        record = office.show(rec_text(stored.rec), "fr")
        assert record.id == rec_text(stored.rec)
        shown += 1
    assert shown >= 20
