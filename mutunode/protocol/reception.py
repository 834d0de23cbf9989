"""A frame arrives: may this peer send it now, and whose affair is it?

                 HELLO   AUTH    requests          replies   pushes
    GREETING     first   malformed ─────────────────────────────────
    PROVING      mal.    once    malformed ─────────────────────────
    MEETING      mal.    mal.    IDENT; 16 held    taken     held, with the 16
    DISPUTED     mal.    mal.    IDENT             taken     IDENTITY
    READY        mal.    mal.    served            taken     taken

What is malformed ends the link; what is unknown does not. Replies nobody asked for and ids of the wrong
parity are ignored (PROTOCOL §4, Errors).
"""

from __future__ import annotations

from mutunode.protocol import messages
from mutunode.protocol.chains import Chains
from mutunode.protocol.core import Core
from mutunode.protocol.errors import Code, Malformed, Refused
from mutunode.protocol.following import Cursors
from mutunode.protocol.forks import Forks
from mutunode.protocol.handshake import Handshake
from mutunode.protocol.limits import AWAY_SECONDS_MAX, FRAME_BYTES_MAX, HELD_REQUESTS_MAX
from mutunode.protocol.relaying import Relaying
from mutunode.protocol.serve import Server
from mutunode.protocol.session import CLOSE_MALFORMED, CLOSE_OVERSIZE, Session, State

Push = messages.Heads | messages.Fork | messages.Relay | messages.Identity

# Which is which is asked of every frame: tuples are looked through much faster than patterns.
OUT_OF_TURN = (messages.Hello, messages.Auth, messages.Err)
PUSHES = (messages.Heads, messages.Identity)  # unless they answer something
ALWAYS_PUSHED = (messages.Fork, messages.Relay)
REQUESTS = (
    messages.Get,
    messages.Since,
    messages.AskHead,
    messages.Range,
    messages.Ident,
    messages.Prove,
    messages.Deliver,
    messages.Chunk,
    messages.Have,
    messages.Unknown,
)


class Reception:
    """Hands frames to the machine whose affair they are."""

    def __init__(
        self,
        core: Core,
        handshake: Handshake,
        server: Server,
        cursors: Cursors,
        forks: Forks,
        relaying: Relaying,
        chains: Chains,
    ) -> None:
        self._core = core
        self._handshake = handshake
        self._server = server
        self._cursors = cursors
        self._forks = forks
        self._held: dict[int, list[Push]] = {}
        self._relaying = relaying
        self._chains = chains

    def frame(self, session: Session, frame: bytes, now: float) -> None:
        """Take one frame; whatever is wrong with it ends this link at most."""
        if len(frame) > FRAME_BYTES_MAX:
            self._malformed(session, "a frame larger than 1 MiB", now, CLOSE_OVERSIZE)
            return
        try:
            message = messages.decode(frame)
        except Malformed as malformed:
            self._malformed(session, malformed.what, now)
        except Refused as refused:
            session.refuse(messages.PUSH, refused.code, refused.what, now)
            session.end(CLOSE_MALFORMED, refused.what, now)
        else:
            self._message(session, message, frame, now)

    def _told_why(self, session: Session, err: messages.Err) -> None:
        """Why the other side is about to close, and how long it wants to be left alone."""
        if err.code == Code.BUSY:
            session.wanted_back_after = min(err.retry_after_s, AWAY_SECONDS_MAX)

    def _malformed(self, session: Session, what: str, now: float, close: int = CLOSE_MALFORMED) -> None:
        session.refuse(messages.PUSH, Code.MALFORMED, what, now)
        session.end(close, what, now)

    def _message(self, session: Session, message: messages.Message, frame: bytes, now: float) -> None:
        state = session.state
        if isinstance(message, OUT_OF_TURN):
            self._before_others(session, message, frame, now)
        elif state is State.GREETING or state is State.PROVING:
            self._malformed(session, "a frame before HELLO and AUTH", now)
        elif isinstance(message, PUSHES):
            if message.id == messages.PUSH:
                self._push(session, message, now)
            else:
                session.answered(message.id, message, now)
        elif isinstance(message, ALWAYS_PUSHED):
            self._push(session, message, now)
        elif isinstance(message, REQUESTS):
            if session.is_its_id(message.id):
                self._server.request(session, message, now)
        else:
            session.answered(message.id, message, now)

    def _before_others(
        self,
        session: Session,
        message: messages.Hello | messages.Auth | messages.Err,
        frame: bytes,
        now: float,
    ) -> None:
        state = session.state
        if isinstance(message, messages.Hello):
            if state is State.GREETING:
                self._handshake.hello(session, message, frame, now)
            else:
                self._malformed(session, "HELLO out of place", now)
        elif isinstance(message, messages.Auth):
            if state is State.PROVING:
                self._handshake.auth(session, message, now)
            else:
                self._malformed(session, "AUTH out of place", now)
        elif message.id == messages.PUSH:
            self._told_why(session, message)
        elif state is State.GREETING or state is State.PROVING:
            self._malformed(session, "a frame before HELLO and AUTH", now)
        else:
            session.answered(message.id, message, now)

    # --- pushes --------------------------------------------------------------------------------
    def _push(self, session: Session, push: Push, now: float) -> None:
        if isinstance(push, messages.Relay) and session.is_ready and messages.RELAY in session.features:
            self._relaying.received(session, push, now)  # counted in bytes
        elif session.too_fast(now):
            self._cursors.missed_push(session)  # nobody can ask for a push again: the cursor will
        elif session.is_ready or (session.state is State.DISPUTED and isinstance(push, messages.Identity)):
            self._take(session, push, now)
        elif session.state is State.MEETING:
            held = self._held.setdefault(session.link, [])
            if len(held) + len(session.waiting) < HELD_REQUESTS_MAX:
                held.append(push)

    def _take(self, session: Session, push: Push, now: float) -> None:
        match push:
            case messages.Heads():
                self._cursors.pushed(session, push, now)
            case messages.Identity():
                self._chains.told(session, push, now)
            case messages.Fork():
                self._forks.received(session, push, now)
            case messages.Relay():
                self._relaying.received(session, push, now)

    def ready(self, session: Session, now: float) -> None:
        """What was held back while the other's chain was awaited."""
        for push in self._held.pop(session.link, []):
            self._take(session, push, now)
        self._server.go_on(session, now)

    def disputed(self, session: Session, now: float) -> None:
        """Of what was held back, identities alone are taken."""
        for push in self._held.pop(session.link, []):
            if isinstance(push, messages.Identity):
                self._take(session, push, now)

    def forget(self, session: Session) -> None:
        """The link is gone."""
        self._held.pop(session.link, None)
