"""How much room files may take, and of whom everything is fetched: what the settings say."""

from __future__ import annotations

import msgspec


class FileAllowance(msgspec.Struct, frozen=True):
    """Bytes; what a person asks for is not counted."""

    file_bytes_max: int = 5_000_000  # of one fetched unasked, from accepted organisations; 0: none is
    total_bytes_max: int = 2_000_000_000  # of all that was fetched unasked
    promised_bytes_max: int = 20_000_000_000  # of all that we promised to keep
    everything_of: frozenset[bytes] = frozenset()
