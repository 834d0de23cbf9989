"""The single writer: drain the inbox, one transaction, commit, and only then let anything leave.

Everything that changes the node — a frame from a peer, a publish, an accept, a timer — is an input of a
*turn*. Inputs from the network share turns, so that a burst costs one commit; an act of a person has a turn
of its own, so that it stands or falls whole. Each turn has the same three steps, and a crash between any two
of them loses nothing that was acknowledged and forks nothing (PROTOCOL §3):

1. *commit*: what it writes is durable, or none of it is;
2. *mark*: the outside mark says how far our own registers may have been shown to others;
3. *effects*: frames leave, answers are given.
"""

from __future__ import annotations

from mutunode.turns.act import Input, NotSigned, Turn, Written, renew_if_old
from mutunode.turns.marks import OutsideMark
from mutunode.turns.writer import CLOSE_ALL, CloseAll, Outward, Sight, Stopping, Turns

__all__ = [
    "CLOSE_ALL",
    "CloseAll",
    "Input",
    "NotSigned",
    "OutsideMark",
    "Outward",
    "Sight",
    "Stopping",
    "Turn",
    "Turns",
    "Written",
    "renew_if_old",
]
