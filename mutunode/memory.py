"""Memory that the C library keeps after it was freed, given back to the system.

The library gives back by itself only what lies at the end of a heap, and has a heap for each of several
threads: a node that compiled its templates, or took in a catalogue, would keep up to 20 MB that nobody uses.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

# To the C library of a process that is begun: what a segment, a merge or a commit had goes back at once.
SPARING = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "131072"}

_STATM = Path("/proc/self/statm")  # Linux has it

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, others do without


def give_back() -> None:
    """Give back what is free; some milliseconds, in which Python's other threads go on."""
    if _trim is not None:
        _trim(0)


def mapped_bytes() -> int:
    """How much of the files that are mapped is in this process's memory; 0 where the system does not tell."""
    try:
        return int(_STATM.read_bytes().split()[2]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
