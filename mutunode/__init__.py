"""A peer-to-peer node with which organisations pool what they know, what they have and what they risk."""

from __future__ import annotations

__version__ = "0.1.0"
