"""The command line of a node: a thin client of the daemon's control socket."""

from __future__ import annotations
