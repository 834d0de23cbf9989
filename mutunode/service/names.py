"""What organisations call themselves, remembered until a record may have changed it.

A search names every organisation among its facets, a thousand perhaps: asking the store for each profile took
longer than the search. Profiles change seldom, and the feed of changes, which the search index follows too,
tells when.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from mutunode.store.interface import Reader

PROFILE = "profile"
NAMES_MAX = 20_000  # × about 500 bytes
LOOKED_AT = 1_000  # changes at a time, about a millisecond
LOOKS_MAX = 10  # further behind, everything is asked for anew
_NOWHERE = b"\xc1mutunode"  # no value begins with this byte: of other kinds, next to nothing is told


def names_of(reader: Reader, org: bytes) -> dict[str, str]:
    """The names of its profile, by language; empty without one."""
    profile = reader.current(org, PROFILE)
    names = profile.fields().get("name") if profile is not None else None
    if not isinstance(names, dict):
        return {}
    return {k: v for k, v in names.items() if isinstance(k, str) and isinstance(v, str) and v.strip()}


class Names:
    """A memory of ``names_of``; any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[bytes, dict[str, str]] = {}
        self._born: dict[bytes, str] = {}  # which never changes
        self._as_of = 0

    def of_all(self, reader: Reader, orgs: Iterable[bytes]) -> dict[bytes, dict[str, str]]:
        """The names of each, as they are in what the reader sees now."""
        with self._lock:
            self._forget(reader)
            told = {}
            for org in orgs:
                if org not in self._held:
                    self._held[org] = names_of(reader, org)
                told[org] = self._held[org]
            return told

    def born(self, reader: Reader, org: bytes) -> str:
        """The name that an organisation was born with; "" while that is not known."""
        name = self._born.get(org)
        if name is None:
            found = reader.organisation(org)
            name = found.name if found is not None else ""
            if name and len(self._born) < NAMES_MAX:
                self._born[org] = name
        return name

    def _forget(self, reader: Reader) -> None:
        """What may have changed since."""
        newest = reader.newest_change()
        for _ in range(LOOKS_MAX):
            if self._as_of >= newest or not self._held:
                break
            changed = reader.changes(self._as_of, LOOKED_AT, _NOWHERE, (PROFILE,))
            for _, stored in changed:
                if stored.kind == PROFILE:
                    self._held.pop(stored.org, None)
            self._as_of = changed[-1][0] if changed else newest
        if self._as_of < newest or len(self._held) > NAMES_MAX:
            self._held.clear()
        self._as_of = newest
