"""Whatever arrives: nothing raises, nothing unverified is held, and it costs its sender alone."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mutunode.protocol import codec, messages, rows
from mutunode.protocol.head import Head
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.store.authors import Author

COMMON = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

leafs = st.one_of(
    st.booleans(),
    st.integers(0, 2**53 - 1),
    st.integers(0, 30),
    st.text(max_size=8).filter(lambda text: "\0" not in text),
    st.binary(max_size=40),
    st.just(bytes(32)),
    st.just(bytes(8)),
)
values = st.recursive(leafs, lambda inner: st.lists(inner, max_size=5), max_leaves=15)
arrays = st.builds(
    lambda kind, number, rest: codec.encode([kind, number, *rest]),
    st.integers(0, 25),
    st.integers(0, 20),
    st.lists(values, max_size=7),
)


class Scene:
    """Bob holds something of Alice; Mallory, whom he also listens to, is linked with him."""

    def __init__(self) -> None:
        self.world = World()
        self.bob = self.world.node("bob")
        self.bob.publishes("Fiche de Bob")
        self.alice, self.mallory = Author("alice"), Author("mallory")
        self.bob.accepts(self.alice, self.mallory)
        self.alice.write(*(("resource", {"n": i}) for i in range(4)))
        self.head = self.alice.head(size=3)
        self.alices = Puppet(self.bob, author=self.alice).greets()
        self.alices.pushes(self.head)
        self.alices.answers_gets(self.alice.entries[bytes(32)])
        self.puppet = Puppet(self.bob, author=self.mallory, features=("zstd",)).greets()

    def sends(self, frame: bytes) -> None:
        """Mallory sends it, on a new link if the last one was ended."""
        if self.puppet.close_code() is not None:
            with self.bob.turn():
                self.bob.store.ledger.put_score(self.mallory.org, 0.0, 0)  # as if a day had passed
            self.puppet = Puppet(self.bob, author=self.mallory, features=("zstd",)).greets()
        self.puppet.sends_bytes(frame)

    def is_unharmed(self) -> None:
        """Everything held verifies, and honest peers go on as if nothing had happened."""
        self.world.run(1)
        holds_only_what_verifies(self.bob)
        assert self.alices.close_code() is None
        assert self.bob.size_of(self.bob) == 1
        with self.bob.turn():
            held = self.bob.store.ledger.log(self.alice.log())
            assert held is not None
            assert held.head is not None
            assert held.head.org == self.alice.org
            assert not held.frozen
            assert self.bob.store.ledger.score(self.alice.org)[0] >= 0


def holds_only_what_verifies(actor: Actor) -> None:
    """Recompute every log from the stored rows."""
    with actor.turn():
        heads, _, _ = actor.store.ledger.heads_since(0, 1_000)
    for head in heads:
        assert actor.store.verify(head.log) == []


@COMMON
@given(st.lists(st.one_of(st.binary(max_size=200), arrays), min_size=1, max_size=12))
def test_random_frames(frames: list[bytes]) -> None:
    scene = Scene()
    for frame in frames:
        scene.sends(frame)
    scene.is_unharmed()


@COMMON
@given(st.lists(st.one_of(st.binary(max_size=100), arrays), min_size=1, max_size=6), st.booleans())
def test_random_frames_before_and_within_the_handshake(frames: list[bytes], dialled: bool) -> None:
    scene = Scene()
    puppet = Puppet(scene.bob, "somebody", dialled=dialled)
    hello = puppet.hello()
    for step in range(3):
        for frame in frames[step::3]:
            puppet.sends_bytes(frame)
        if step == 0:
            puppet.sends(hello)
        elif step == 1:
            puppet.sends(puppet.auth(hello))
    scene.is_unharmed()


def valid_frames(scene: Scene) -> list[bytes]:
    """One of every kind that a peer may send once it is known."""
    alice, mallory = scene.alice, scene.mallory
    mallory.write(("resource", {"n": 1}))
    entry = alice.entries[bytes(32)][0]
    row = (entry.header, entry.salt, entry.body)
    get = scene.puppet.heard(messages.Since)[-1].id
    ranges = (messages.RangePrint(bytes(32), b"\xff" * 32, 3, bytes(16)),)
    said: list[Any] = [
        messages.Heads(0, b"mallorys", 9, False, (alice.head(), mallory.head())),
        messages.Heads(get, b"mallorys", 9, True, (mallory.head(),)),
        messages.Since(101, bytes(8), 0),
        messages.Range(103, ranges),
        messages.Ranges(2, ranges),
        messages.Get(105, alice.log(), 0, 0, 3, True),
        messages.Entries(2, alice.log(), 0, 0, rows.pack([row], compressed=False)[1]),
        messages.Entries(2, alice.log(), 0, 1, rows.pack([row], compressed=True)[1]),
        messages.Ident(107, alice.org, 1),
        messages.Identity(2, alice.chain.genesis.raw, (), ()),
        messages.Prove(109, alice.log(), 0, 1, 0),
        messages.Deliver(111, *row, 0, (), alice.head()),
        messages.Fork(0, messages.TwoHeads(alice.head(), alice.head())),
        messages.Chunk(113, bytes(32), 0),
        messages.Have(115, bytes(32)),
        messages.Err(2, 2, 0, "unknown"),
        messages.AskHead(117, alice.log()),
        messages.Relay(0, bytes(32), b"x"),
    ]
    return [messages.encode(message) for message in said]


@st.composite
def mutations(draw: st.DrawFn) -> tuple[int, str, int, int]:
    kind = draw(st.sampled_from(["flip", "cut", "insert", "value"]))
    return draw(st.integers(0, 17)), kind, draw(st.integers(0, 4_000)), draw(st.integers(0, 255))


def mutate(frame: bytes, kind: str, place: int, byte: int) -> bytes:
    at = place % max(1, len(frame))
    if kind == "flip":
        return frame[:at] + bytes([frame[at] ^ (byte or 1)]) + frame[at + 1 :]
    if kind == "cut":
        return frame[:at]
    if kind == "insert":
        return frame[:at] + bytes([byte]) + frame[at:]
    return codec.encode(changed(codec.decode(frame), place, byte))


def changed(value: Any, place: int, byte: int) -> Any:
    """Change one value somewhere inside, and stay canonical."""
    if isinstance(value, list) and value:
        at = place % len(value)
        return [*value[:at], changed(value[at], place // len(value), byte), *value[at + 1 :]]
    if isinstance(value, bytes) and value:
        at = place % len(value)
        return value[:at] + bytes([value[at] ^ (byte or 1)]) + value[at + 1 :]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return [value + byte, 0, 2**53 - 1][place % 3] % 2**53
    return [b"", [], "", 0][byte % 4]


@COMMON
@given(st.lists(mutations(), min_size=1, max_size=8))
def test_mutations_of_valid_frames(chosen: list[tuple[int, str, int, int]]) -> None:
    scene = Scene()
    frames = valid_frames(scene)
    for which, kind, place, byte in chosen:
        scene.sends(mutate(frames[which], kind, place, byte))
    scene.is_unharmed()


@COMMON
@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from(["header", "salt", "body", "drop", "twice"])),
        max_size=4,
    )
)
def test_entries_that_lie(lies: list[tuple[int, str]]) -> None:
    scene = Scene()
    scene.puppet.pushes(scene.alice.head(), scene.mallory.head())
    entries = list(scene.alice.entries[bytes(32)])
    for get in scene.puppet.heard(messages.Get):
        found = [(entry.header, entry.salt, entry.body) for entry in entries[get.start : get.end]]
        for place, lie in lies:
            at = place % max(1, len(found))
            if not found:
                continue
            header, salt, body = found[at]
            found[at : at + 1] = {
                "header": [(header[:-1] + bytes([header[-1] ^ 1]), salt, body)],
                "salt": [(header, bytes(16), body)],
                "body": [(header, salt, body + b"\x01")],
                "drop": [],
                "twice": [found[at], found[at]],
            }[lie]
        payload = rows.pack(found, compressed=False)[1]
        scene.puppet.sends(messages.Entries(get.id, get.log, get.start, 0, payload))
    scene.is_unharmed()


def test_every_signed_kind_of_bytes_shown_as_a_head_of_another_log_is_refused() -> None:
    scene = Scene()
    head = scene.alice.head()
    other = scene.mallory.org
    shown = [
        Head(other, *_fields(head)[1:]),
        Head(head.org, b"\x01" * 32, *_fields(head)[2:]),
        Head(head.org, head.space, 1, *_fields(head)[3:]),
        Head(head.org, head.space, 0, 1, *_fields(head)[4:]),
        Head(head.org, head.space, 0, 0, head.size + 1, *_fields(head)[5:]),
    ]
    for forged in shown:
        scene.puppet.pushes(forged)
        scene.puppet.answers_gets(scene.alice.entries[bytes(32)])
    scene.is_unharmed()


def _fields(head: Head) -> list[Any]:
    return head.to_wire()
