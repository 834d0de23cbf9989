"""Names of files, as people write them and as a folder may have them.

A name comes from whoever published the record. What is signed stays as it is; what a folder here is given is
a name of one step, without anything that a system, a shell or an eye could take for something else.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container

from mutunode.commons.normalizing import normalized

NAME_BYTES_MAX = 200  # of the 255 a folder takes: the rest is for a number, and for « .part »
SUFFIX_BYTES_MAX = 32  # a longer one is none

_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{n}" for n in "123456789¹²³"), *(f"lpt{n}" for n in "123456789¹²³")]
)
_FORBIDDEN = frozenset('/\\:*?"<>|')
_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))  # controls, marks of direction, halves…


def safe(name: str, fallback: str = "file") -> str:
    """A name for a folder on any system, never a path; ``fallback`` where nothing of it is left."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = "".join(_letter(letter) for letter in normalized("NFC", last))
    stem, dot, suffix = kept.strip(" .").rpartition(".")
    if not dot:
        stem, suffix = suffix, ""
    if len(suffix.encode()) > SUFFIX_BYTES_MAX:
        stem, suffix = f"{stem}.{suffix}", ""
    stem = stem.strip(" .") or fallback
    if stem.partition(".")[0].strip().casefold() in _RESERVED:
        stem = f"_{stem}"
    end = f".{suffix}" if suffix else ""
    return _cut(stem, NAME_BYTES_MAX - len(end.encode())) + end


def free(name: str, taken: Container[str]) -> str:
    """``name``, or with a number after it: none that ``taken`` holds under ``twin``."""
    stem, dot, suffix = name.rpartition(".")
    if not dot or not stem:
        stem, suffix = name, ""
    end = f".{suffix}" if suffix else ""
    number, found = 1, name
    while twin(found) in taken:
        number += 1
        found = f"{stem} ({number}){end}"
    return found


def twin(name: str) -> str:
    """The same for names that some system holds to be the same."""
    return normalized("NFC", normalized("NFKC", name).casefold())


def _letter(letter: str) -> str:
    if unicodedata.category(letter) in _INVISIBLE:
        return ""
    return "_" if letter in _FORBIDDEN else letter


def _cut(text: str, bytes_max: int) -> str:
    return text.encode()[:bytes_max].decode(errors="ignore").rstrip(" .")
