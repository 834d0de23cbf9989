"""A peer whose frames are written by hand, for everything a real core would never send."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

from mutunode.protocol import messages
from mutunode.protocol.channel import CLIENT, SERVER, auth_signed
from mutunode.protocol.effects import Close, Send
from mutunode.protocol.entry import Entry
from mutunode.protocol.head import Head
from mutunode.protocol.identity import Chain
from mutunode.protocol.messages import Auth, Hello, Message
from tests.simulator import Actor
from tests.store.authors import Author

M = TypeVar("M")

CHANNEL = hashlib.sha256(b"a certificate").digest()
LINKS = iter(range(1_000_001, 2_000_000))


class Puppet:
    """Dials a node, or is dialled by it, and says what the test tells it to."""

    def __init__(
        self,
        actor: Actor,
        name: str = "mallory",
        *,
        author: Author | None = None,
        dialled: bool = False,
        lan: bool = True,
        pinned: bytes | None = None,
        address: str = "127.0.0.1:50000",
        channel: bytes = CHANNEL,
        features: tuple[str, ...] = (),
    ) -> None:
        self.actor = actor
        self.author = author or Author(name)
        self.dialled = dialled  # whether the node dialled us
        self.channel = channel
        self.features = features
        self.link = next(LINKS)
        self.got: list[Message] = []
        self.frames: list[bytes] = []
        self.closed: Close | None = None
        self.reads = True  # else what the node sends piles up
        self.chain: Chain = self.author.chain
        self._next_id = 2 if dialled else 1
        actor.puppets[self.link] = self
        actor.does(lambda node, now: node.opened(self.link, dialled, address, CHANNEL, lan, pinned, now))

    @property
    def org(self) -> bytes:
        """Its id."""
        return self.author.org

    # --- what it hears -------------------------------------------------------------------------
    def hears(self, effect: Send | Close) -> None:
        """The node did something to our link."""
        if isinstance(effect, Close):
            self.closed = effect
            self.actor.does(lambda node, now: node.closed(self.link, "gone", now))
        else:
            self.frames.append(effect.frame)
            self.got.append(messages.decode(effect.frame))
            self.actor.world.at(self.actor.world.now, self.read_all)

    def read_all(self) -> None:
        """What the node sent has arrived."""
        if self.reads:
            self.actor.does(lambda node, now: node.drained(self.link, 0, now))

    def heard(self, kind: type[M]) -> list[M]:
        """Everything of a kind that came."""
        return [message for message in self.got if isinstance(message, kind)]

    def last(self, kind: type[M]) -> M:
        """The last of a kind that came."""
        return self.heard(kind)[-1]

    @property
    def errors(self) -> list[int]:
        """The codes of all ERR that came."""
        return [error.code for error in self.heard(messages.Err)]

    def close_code(self) -> int | None:
        """How the node ended the link, if it did."""
        return self.closed.code if self.closed else None

    # --- what it says --------------------------------------------------------------------------
    def sends_bytes(self, frame: bytes) -> None:
        """Any bytes."""
        self.actor.does(lambda node, now: node.received(self.link, frame, now))
        self.actor.world.run(0)

    def sends(self, message: Message) -> None:
        """A message, as it is."""
        self.sends_bytes(messages.encode(message))

    def asks(self, kind: Any, *fields: Any) -> list[Message]:
        """A request with the next id; gives what came back for it."""
        number, self._next_id = self._next_id, self._next_id + 2
        self.sends(kind(number, *fields))
        return [message for message in self.got if getattr(message, "id", None) == number]

    def pushes(self, *heads: Head, cursor: int = 0) -> None:
        """Announce heads."""
        self.sends(messages.Heads(messages.PUSH, b"mallorys", cursor, False, tuple(heads)))

    # --- the handshake -------------------------------------------------------------------------
    def hello(self, **fields: Any) -> Hello:
        """Our HELLO."""
        given = {
            "version": 1,
            "org": self.author.org,
            "operating": self.author._operating.public_key().public_bytes_raw(),
            "nonce": hashlib.sha256(b"nonce %d" % self.link).digest(),
            "features": self.features,
        }
        return Hello(**{**given, **fields})

    def auth(self, hello: Hello) -> Auth:
        """Our AUTH for that HELLO, under the channel as we see it."""
        ours, theirs = messages.encode(hello), self.frames[0]
        role, client, server = (SERVER, theirs, ours) if self.dialled else (CLIENT, ours, theirs)
        return Auth(self.author._operating.sign(auth_signed(role, client, server, self.channel)))

    def greets(self, **fields: Any) -> Puppet:
        """HELLO, AUTH, and our chain when it is asked for."""
        hello = self.hello(**fields)
        self.sends(hello)
        self.sends(self.auth(hello))
        self.introduces_itself()
        return self

    def introduces_itself(self) -> None:
        """Answer every IDENT about us that is open."""
        for ident in self.heard(messages.Ident):
            if ident.key == self.author.org:
                self.answers_ident(ident)

    def answers_ident(self, ident: messages.Ident, chain: Chain | None = None) -> None:
        """Give a chain."""
        chain = chain or self.author.chain
        ops = tuple((signed.op.raw, signed.signature) for signed in chain.ops)
        self.sends(messages.Identity(ident.id, chain.genesis.raw, ops, ()))

    def answers_gets(self, entries: list[Entry], *, skip: int = 0) -> int:
        """Answer every GET after the first ``skip`` from these entries; gives how many there were."""
        from mutunode.protocol import rows

        gets = self.heard(messages.Get)[skip:]
        for get in gets:
            found = [
                (entry.header, entry.salt, entry.body) if get.bodies else (entry.header, b"", b"")
                for entry in entries[get.start : get.end]
            ]
            enc, payload = rows.pack(found, compressed=False)
            self.sends(messages.Entries(get.id, get.log, get.start, enc, payload))  # type: ignore[arg-type]
        return len(gets)
