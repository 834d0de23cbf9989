"""A deterministic network: real protocol cores and the strict memory store in one process.

One clock, one source of chance, one queue of events: the same seed gives the same trace, whose hash is kept.
``python -m tests.simulator --help`` runs its scenarios from a shell.
"""

from tests.simulator.actor import Actor, Known, PowerCut
from tests.simulator.world import Wire, World

__all__ = ["Actor", "Known", "PowerCut", "Wire", "World"]
