"""What a record is about, as keys that others' records of the same thing bear too: address, file, source.

Only for showing them together: a key claims nothing, and two records that share one stay two records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from mutunode.commons.normalizing import normalized

THINGS_MAX = 16  # keys of one record; more files make a collection, not a thing
_SOURCED = re.compile(r"[A-Za-z][\w.+-]+:\S.*")  # "sill:42", "doi:10…", an address; not "fiche-42"
_WEB = re.compile(r"https?", re.IGNORECASE)


def things(body: Mapping[str, Any], title: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of a body, each once."""
    return tuple(dict.fromkeys([*_addresses(body), *_files(body), *_keys(body, title)]))[:THINGS_MAX]


def _addresses(body: Mapping[str, Any]) -> Iterator[str]:
    """The address, however it is written; what follows ``#`` names another thing of the same page."""
    given = body.get("url")
    if not isinstance(given, str):
        return
    try:
        parts = urlsplit(given.strip())
        host = (parts.hostname or "").removeprefix("www.")
        port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    except ValueError:
        return
    if host and _WEB.fullmatch(parts.scheme):
        query = f"?{parts.query}" if parts.query else ""
        fragment = f"#{parts.fragment}" if parts.fragment else ""
        yield f"url:{host}{port}{parts.path.rstrip('/')}{query}{fragment}"


def _files(body: Mapping[str, Any]) -> Iterator[str]:
    files = body.get("files")
    for file in files if isinstance(files, list) else []:
        blob = file.get("blob") if isinstance(file, dict) else None
        if isinstance(blob, bytes):
            yield f"file:{blob.hex()}"


def _keys(body: Mapping[str, Any], title: Mapping[str, str]) -> Iterator[str]:
    """The key of its source, with the title: "doc:1" is in more than one catalogue."""
    given = body.get("external_ref")
    if isinstance(given, str) and _SOURCED.fullmatch(given):
        for text in sorted(title.values()):
            plain = normalized("NFKC", text).casefold()
            yield f"key:{given} {' '.join(plain.split())}"
