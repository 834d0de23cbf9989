"""Peers that lie: real cores whose frames are changed on their way out, each kind in its own way."""

from __future__ import annotations

from typing import Any

import msgspec

from mutunode.protocol import messages, rows
from mutunode.protocol.core import NodeSettings
from mutunode.protocol.entry import Row
from mutunode.protocol.head import PUBLIC, Head, sign_head
from mutunode.protocol.merkle import Compact, leaf_hash
from mutunode.store.memory import MemoryStore
from tests.simulator.actor import Actor
from tests.simulator.world import Wire, World
from tests.store.authors import Author

HELLO, AUTH, IDENTITY = 0, 1, 8
UNTURNED = 2  # entries that both registers of a two-faced one begin with


class Liar(Actor):
    """A peer that keeps to the handshake and to nothing else."""

    @property
    def is_honest(self) -> bool:
        """It is not."""
        return False

    def sends(self, wire: Wire, frame: bytes) -> None:
        """A frame leaves, changed."""
        if frame[1] in (HELLO, AUTH, IDENTITY):
            super().sends(wire, frame)
            return
        for changed in self.changes(wire, frame):
            super().sends(wire, changed)

    def changes(self, wire: Wire, frame: bytes) -> list[bytes]:
        """What leaves in its place."""
        raise NotImplementedError


class Silent(Liar):
    """Announces, and gives nothing."""

    def changes(self, wire: Wire, frame: bytes) -> list[bytes]:
        """No entries."""
        return [] if frame[1] == 6 else [frame]


class Garbler(Liar):
    """One frame in ten has a wrong byte."""

    def changes(self, wire: Wire, frame: bytes) -> list[bytes]:
        """Somewhere, something."""
        if self._chance.random() > 0.1:
            return [frame]
        at = self._chance.randrange(len(frame))
        return [frame[:at] + bytes([frame[at] ^ (1 << self._chance.randrange(8))]) + frame[at + 1 :]]


class Forger(Liar):
    """Announces heads that their authors never signed."""

    def changes(self, wire: Wire, frame: bytes) -> list[bytes]:
        """Another size, under the same signature."""
        message = messages.decode(frame)
        if not isinstance(message, messages.Heads) or self._chance.random() < 0.5:
            return [frame]
        forged = tuple(
            msgspec.structs.replace(head, size=head.size + 1, time=head.time + 1) for head in message.heads
        )
        return [messages.encode(msgspec.structs.replace(message, heads=forged))]


class Rewriter(Liar):
    """Gives other entries than were signed."""

    def changes(self, wire: Wire, frame: bytes) -> list[bytes]:
        """One row has another body, or another header."""
        message = messages.decode(frame)
        if not isinstance(message, messages.Entries):
            return [frame]
        taken = rows.unpack(message.enc, message.payload)
        if not taken:
            return [frame]
        at = self._chance.randrange(len(taken))
        header, salt, body = taken[at]
        if self._chance.random() < 0.5:
            taken[at] = (header, salt, body + b"\0")
        else:
            taken[at] = (header[:-1] + bytes([header[-1] ^ 1]), salt, body)
        enc, payload = rows.pack(taken, compressed=bool(message.enc))
        return [messages.encode(msgspec.structs.replace(message, enc=enc, payload=payload))]


class Repeater(Liar):
    """Says again what it said or heard before."""

    def changes(self, wire: Wire, frame: bytes) -> list[bytes]:
        """The frame, and now and then an old one of anybody's."""
        if self.seen and self._chance.random() < 0.2:
            return [frame, self._chance.choice(self.seen)]
        return [frame]


class Spammer(Liar):
    """Announces registers of organisations that it made up."""

    def changes(self, wire: Wire, frame: bytes) -> list[bytes]:
        """With every frame three heads of nobody, and one that claims to be somebody's."""
        made_up = [self._invents(self._chance.randbytes(32)) for _ in range(3)]
        somebody = self._chance.choice(list(self.world.actors.values()))
        push = messages.Heads(
            messages.PUSH, self.store.state.store_id, 0, False, (*made_up, self._invents(somebody.org))
        )
        return [frame, messages.encode(push)]

    def _invents(self, org: bytes) -> Head:
        return Head(
            org, PUBLIC, 0, 0, 5, self._chance.randbytes(32), int(self.now), self._chance.randbytes(64)
        )


class Flooder(Liar):
    """Signs without end, and announces each head at once, whatever pace its core would keep."""

    def changes(self, wire: Wire, frame: bytes) -> list[bytes]:
        """Everything it says is true."""
        return [frame]

    def floods(self) -> None:
        """One record more."""
        if not self.up or not self.signing().allowed:
            return
        head = self.says(("resource", {"title": {"fr": "encore"}}))
        push = messages.encode(messages.Heads(messages.PUSH, self.store.state.store_id, 0, False, (head,)))
        for link in self.links():
            if link.ready and link.link in self.wires:
                self.sends(self.wires[link.link], push)


class TwoFaced(Liar):
    """Signs two registers, and shows one to some and the other to the rest."""

    shorter = 0  # by how many entries the second one is

    def __init__(
        self, world: World, name: str, settings: NodeSettings, store: MemoryStore | None = None
    ) -> None:
        super().__init__(world, name, settings, store)
        self._second = Author(name, roots=world.roots)  # the same keys, another hand
        self.shown: dict[bool, set[Head]] = {False: set(), True: set()}

    def changes(self, wire: Wire, frame: bytes) -> list[bytes]:
        """To every second peer, its own register is another one, until it begins anew."""
        if self.author.chain.epoch:
            return [frame]
        second = wire.other.owner.name[-1] in "13579"
        message = messages.decode(frame)
        match message:
            case messages.Heads():
                heads = tuple(self._face(head, second) for head in message.heads)
                return [messages.encode(msgspec.structs.replace(message, heads=heads))]
            case messages.Entries() if second and message.log == self.log:
                taken = rows.unpack(message.enc, message.payload)
                turned = [self._turned(message.start + i, row) for i, row in enumerate(taken)]
                enc, payload = rows.pack(turned, compressed=bool(message.enc))
                return [messages.encode(msgspec.structs.replace(message, enc=enc, payload=payload))]
        return [frame]

    def _face(self, head: Head, second: bool) -> Head:
        if head.org != self.org:
            return head
        shown = head if not second else self._second_head(head)
        self.shown[second].add(shown)
        return shown

    def _second_head(self, head: Head) -> Head:
        size = head.size - self.shorter if head.size > UNTURNED + self.shorter else head.size
        held = self.store.state.logs[self.log].leaves[:size]
        turned = [self._turned(index, (row.header, row.salt, row.body)) for index, row in enumerate(held)]
        tree = Compact.of(leaf_hash(row[0]) for row in turned)
        sign: Any = self.author._operating.sign
        return sign_head(
            head.org, head.space, epoch=head.epoch, base=head.base, size=size, root=tree.root(),
            time=head.time, sign=sign,
        )  # fmt: skip

    def _turned(self, index: int, row: Row) -> Row:
        """The same beginning, then another third entry and all after it."""
        if index < UNTURNED:
            return row
        entry = self._second.entry("resource", {"title": {"fr": f"l'autre {index}"}})
        self._second._salts = index  # the same entry whenever it is asked for
        entry = self._second.entry("resource", {"title": {"fr": f"l'autre {index}"}})
        return (entry.header, entry.salt, entry.body)


class TwoSizes(TwoFaced):
    """The second register lacks the last entry."""

    shorter = 1


class TwoBases(TwoFaced):
    """The second face of its register is the same tree, on another base than its chain says."""

    def changes(self, wire: Wire, frame: bytes) -> list[bytes]:
        """To every second peer, its own head claims to keep a leaf of an epoch before."""
        message = messages.decode(frame)
        if not isinstance(message, messages.Heads):
            return [frame]
        second = wire.other.owner.name[-1] in "13579"
        heads = tuple(self._face(head, second) for head in message.heads)
        return [messages.encode(msgspec.structs.replace(message, heads=heads))]

    def _second_head(self, head: Head) -> Head:
        return sign_head(
            head.org, head.space, epoch=head.epoch, base=head.base + 1, size=head.size, root=head.root,
            time=head.time, sign=self.author._operating.sign,
        )  # fmt: skip


KINDS: tuple[type[Liar], ...] = (Silent, Garbler, Forger, Rewriter, Repeater, Spammer, TwoFaced, TwoSizes)
