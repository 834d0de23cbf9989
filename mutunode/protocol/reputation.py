"""What we remember of a peer's conduct: a local score, never shared, kept across reconnects.

First deliveries add to it; an announcement without delivery, a bad answer, an invalid signature subtract.
Lag and duplicates cost nothing: a slow peer is not a bad one (PROTOCOL §8).
"""

from __future__ import annotations

from mutunode.protocol import messages
from mutunode.protocol.core import Core
from mutunode.protocol.errors import Code
from mutunode.protocol.limits import (
    AWAY_SECONDS,
    AWAY_SECONDS_MAX,
    BAD_ANSWERS_AN_HOUR_MAX,
    SCORE_AWAY,
    SCORE_MAX,
    SCORE_MIN,
)
from mutunode.protocol.session import CLOSE_QUOTA, Session

DELIVERY = 1.0
BROKEN_PROMISE = -10.0
BAD_ANSWER = -10.0
BAD_SIGNATURE = -50.0


class Reputation:
    """Adds and subtracts, and sends away who fell too low."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def delivered(self, session: Session) -> None:
        """A head and its entries came from this peer first."""
        session.delivered += 1
        self._add(session, DELIVERY)

    def promised_only(self, session: Session, now: float) -> None:
        """It announced what it did not give."""
        self._subtract(session, BROKEN_PROMISE, now)

    def bad_answer(self, session: Session, now: float, points: float = BAD_ANSWER) -> None:
        """It sent what it could have known to be wrong."""
        session.bad_answers.append(now)
        while session.bad_answers[0] < now - 3_600:
            session.bad_answers.pop(0)
        self._subtract(session, points, now)
        if len(session.bad_answers) >= BAD_ANSWERS_AN_HOUR_MAX:
            self._send_away(session, now)

    def bad_signature(self, session: Session, now: float) -> None:
        """It sent something that its author never signed."""
        self.bad_answer(session, now, BAD_SIGNATURE)

    def away_seconds(self, org: bytes, now: float) -> float:
        """How long this peer has to wait before it is spoken to again."""
        return max(0.0, self._core.ledger.score(org)[1] - now)

    def _add(self, session: Session, points: float) -> float:
        score, away_until = self._core.ledger.score(session.org)
        score = min(SCORE_MAX, max(SCORE_MIN, score + points))
        self._core.ledger.put_score(session.org, score, away_until)
        return score

    def _subtract(self, session: Session, points: float, now: float) -> None:
        if self._add(session, points) < SCORE_AWAY:
            self._send_away(session, now)

    def _send_away(self, session: Session, now: float) -> None:
        # 10 min at -100, doubling with every 100 points more, so that a peer that comes back and goes on
        # is away for longer, and one that delivers again works it off.
        score = min(self._core.ledger.score(session.org)[0], SCORE_AWAY)
        seconds = min(AWAY_SECONDS_MAX, AWAY_SECONDS * 2 ** ((SCORE_AWAY - score) / -SCORE_AWAY))
        self._core.ledger.put_score(session.org, score, int(now + seconds))
        # Told for how long, it need not come again to hear it: a handshake costs us more than its frames.
        session.refuse(messages.PUSH, Code.BUSY, "too many bad answers", now, int(seconds) + 1)
        session.end(CLOSE_QUOTA, "too many bad answers", now)
