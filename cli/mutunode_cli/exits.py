"""Exit codes: what a script learns without reading a word.

They mirror ``mutunode.service.errors.Exit`` (a test holds both together): importing that one would cost
every command the time of a serialisation library.
"""

from __future__ import annotations

DONE = 0
FAILED = 1  # nothing the node said: it vanished, stayed silent or answered nonsense
USAGE = 2
NOT_FOUND = 3
REFUSED = 4
CONFLICT = 5
NOT_REPLICATED = 6
NOT_VERIFIED = 7
READ_ONLY = 8
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
