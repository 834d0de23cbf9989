"""Unicode normalisation of what others wrote, in time that grows with its length only.

A run of combining marks is put in order by comparing each with those before it: 64 kB of them, which one
record can hold, take a second in which nothing else of Python runs. Nobody writes more than a few on one
letter: after thirty the rest is left out (UAX #15, "Stream-Safe Text Format", which also stops at thirty).
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache
from typing import Literal

MARKS_IN_A_ROW_MAX = 30
SHORT = 256  # characters: marks alone, so many take 0.1 ms


def normalized(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
    """A normal form of a text, without what no reader could tell from ink."""
    if len(text) > SHORT and not text.isascii():
        text = _long_runs().sub(r"\1", text)
    return unicodedata.normalize(form, text)


@cache
def _long_runs() -> re.Pattern[str]:
    points = range(0x300, sys.maxunicode + 1)
    marks = "".join(chr(point) for point in points if unicodedata.combining(chr(point)))
    return re.compile(f"([{marks}]{{{MARKS_IN_A_ROW_MAX}}})[{marks}]+")
