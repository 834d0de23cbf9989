"""A peer made of a file: it shakes hands like any stranger, and answers from what it carries.

So nothing in the core knows of files, and nothing a file says is believed more than what comes over a
wire. The courier is an organisation of a few seconds, with keys of its own that are forgotten with it.

Its link ends in this process: ``Couriers`` takes what the core sends on such links before the network
sees it.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Sequence

from mutunode.protocol import crypto, messages
from mutunode.protocol.channel import CLIENT, auth_signed
from mutunode.protocol.effects import Close, Send
from mutunode.protocol.identity import Genesis, make_genesis
from mutunode.turns import CloseAll, Outward, Turns

FIRST_LINK = 2**40  # the network counts from 1, and will not come so far
QUIET_SECONDS = 3.0  # the core asks at its pace, which leaves no longer pause while it wants something
PUSH_SECONDS = 0.6  # strangers may push twice in a second
NAME = "clé USB"

Random = Callable[[int], bytes]
Answer = Callable[[messages.Message], messages.Message]
Inbox = queue.SimpleQueue[Send | Close | CloseAll]


class Couriers:
    """The links of this process that end in a file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(FIRST_LINK)
        self._inboxes: dict[int, Inbox] = {}

    def open(self) -> tuple[int, Inbox]:
        """A new link, and where what the core sends on it arrives."""
        inbox: Inbox = queue.SimpleQueue()
        with self._lock:
            link = next(self._numbers)
            self._inboxes[link] = inbox
        return link, inbox

    def close(self, link: int) -> None:
        """Nobody listens there any more."""
        with self._lock:
            self._inboxes.pop(link, None)

    def take(self, effects: Sequence[Outward]) -> Sequence[Outward]:
        """Keep what is for files; gives the rest. Called in the writer's thread."""
        if not self._inboxes:
            return effects
        with self._lock:
            return [effect for effect in effects if not self._keeps(effect)]

    def _keeps(self, effect: Outward) -> bool:
        match effect:
            case Send(link=link) | Close(link=link) if link >= FIRST_LINK:
                if link in self._inboxes:
                    self._inboxes[link].put(effect)
                return True
            case CloseAll():
                for inbox in self._inboxes.values():
                    inbox.put(effect)
        return False


class Dismissed(Exception):
    """The core ended the link; the text is the reason it gave."""


class Courier:
    """One link on which a file is the other side."""

    def __init__(self, couriers: Couriers, turns: Turns, answer: Answer, random: Random, now: int) -> None:
        self._couriers = couriers
        self._turns = turns
        self._answer = answer
        self._operating = random(32)
        self._genesis = _genesis(self._operating, random, now)
        self._nonce, self._channel = random(32), random(32)
        self._hello = b""
        self.said_bytes = 0
        self._underway = 0  # frames that the core has not taken yet
        self._lock = threading.Lock()
        self._link, self._inbox = couriers.open()

    @property
    def org(self) -> bytes:
        """Who the core thinks it speaks with."""
        return self._genesis.org

    def begin(self) -> None:
        """Open the link and say HELLO."""
        link, channel = self._link, self._channel
        self._turns.post(lambda node, now: node.opened(link, False, "file:1", channel, True, None, now))
        hello = messages.Hello(1, self.org, crypto.public_of(self._operating), self._nonce)
        self._hello = messages.encode(hello)
        self._say(self._hello)

    def end(self) -> None:
        """Close the link, and forget the keys."""
        link = self._link
        self._couriers.close(link)
        self._turns.post(lambda node, now: node.closed(link, "read to its end", now))

    def push(self, message: messages.Message) -> None:
        """Say something nobody asked for, no faster than strangers may."""
        time.sleep(PUSH_SECONDS)
        self._say(messages.encode(message))

    def serve(self, seconds: float) -> bool:
        """Answer what comes; False when nothing came for so long and nothing is under way.

        Raises:
            Dismissed: the core ended the link.
        """
        try:
            effect = self._inbox.get(timeout=seconds)
        except queue.Empty:
            return self._underway > 0
        match effect:
            case Send(frame=frame):
                self._hear(frame)
            case Close(reason=reason):
                raise Dismissed(reason)
            case CloseAll():
                raise Dismissed("the core starts again")
        return True

    def _hear(self, frame: bytes) -> None:
        link = self._link
        self._turns.post(lambda node, now: node.drained(link, 0, now))
        message = messages.decode(frame)
        match message:
            case messages.Hello():
                signed = auth_signed(CLIENT, self._hello, frame, self._channel)
                self._say(messages.encode(messages.Auth(crypto.sign(self._operating, signed))))
            case messages.Ident(key=self.org):
                self._say(messages.encode(messages.Identity(message.id, self._genesis.raw, (), ())))
            case messages.Auth() | messages.Err() | messages.Fork():
                pass
            case messages.Heads(id=messages.PUSH):
                pass  # news for a peer that takes none
            case _:
                self._say(messages.encode(self._answer(message)))

    def _say(self, frame: bytes) -> None:
        link = self._link
        self.said_bytes += len(frame)
        with self._lock:
            self._underway += 1
        self._turns.post(lambda node, now: node.received(link, frame, now), self._taken)

    def _taken(self) -> None:
        with self._lock:
            self._underway -= 1


def _genesis(operating: bytes, random: Random, now: int) -> Genesis:
    return make_genesis(
        name=NAME,
        created=now,
        nonce=random(16),
        operating=crypto.public_of(operating),
        roots=[crypto.public_of(random(32))],
        sealing=crypto.sealing_public_of(random(32)),
    )
