"""What follows from records, at a time: functions of what is held, never of when it came.

Two nodes that hold the same records get the same answer, in whatever order they arrived. Where something
cited is not held, the answer says so (*pending*) instead of giving a figure that may be wrong.
"""

from __future__ import annotations

from mutunode.commons.states.acts import Act
from mutunode.commons.states.bookings import Block, Booking, MeansState, means_state
from mutunode.commons.states.derivations import Branch, Link, derivations, family
from mutunode.commons.states.inbox import Waiting, inbox
from mutunode.commons.states.resources import ResourceState, ack_policy, asks, resource_state
from mutunode.commons.states.usages import Acknowledgement, Counts, UsageState, usage_state

__all__ = [
    "Acknowledgement",
    "Act",
    "Block",
    "Booking",
    "Branch",
    "Counts",
    "Link",
    "MeansState",
    "ResourceState",
    "UsageState",
    "Waiting",
    "ack_policy",
    "asks",
    "derivations",
    "family",
    "inbox",
    "means_state",
    "resource_state",
    "usage_state",
]
