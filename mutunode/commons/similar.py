"""Names that could be mistaken for one another: a warning before a person accepts an organisation.

Two names are similar when little is left to tell them apart once letters that look alike, accents, legal
forms and the order of words are set aside. It is a hint for the eye; identity is the check words' task.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from rapidfuzz import fuzz

from mutunode.commons.normalizing import normalized

SIMILAR_PERCENT = 88.0  # "Atelier Passerelle" and "Atelier Passerele" have 97, "… Bricole" has 69

# Letters of other alphabets, and digits, taken for a Latin letter. Capitals have a look of their own.
_CAPITALS = str.maketrans("АВЕЅІЈКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abesijkmhopctyxabezhikmnoptyx")
_LOOKS_LIKE = str.maketrans(
    {
        **dict(zip("авсԁеһіјкмнорԛѕтухѵԝ", "abcdehijkmhopqstyxvw", strict=True)),
        **dict(zip("αβεηικνορτυχω", "abenikvoptuxw", strict=True)),
        **dict(zip("0135|!ıɑɡʟ", "oieslliagl", strict=True)),
        "œ": "oe",
        "æ": "ae",
        "ß": "ss",
        "ø": "o",
        "ł": "l",
        "đ": "d",
    }
)
_LEGAL_FORMS = frozenset(
    "asbl asso association cic coop cooperative eurl foundation fondation gmbh inc ltd sa sarl sas sasu scic"
    " scop the la le les l".split()
)


@lru_cache(4_096)  # names of organisations known to a node
def _skeleton(name: str) -> str:
    folded = normalized("NFKD", name.translate(_CAPITALS).casefold().translate(_LOOKS_LIKE))
    plain = "".join(letter for letter in folded if not unicodedata.combining(letter)).translate(_LOOKS_LIKE)
    words = re.findall(r"\w+", plain.replace("vv", "w").replace("rn", "m"))
    return " ".join(sorted(word for word in words if word not in _LEGAL_FORMS) or sorted(words))


def similarity_percent(one: str, other: str) -> float:
    """How alike two names look, 0 to 100."""
    left, right = _skeleton(one), _skeleton(other)
    if not left or not right:
        return 0.0
    return float(max(fuzz.ratio(left, right), fuzz.ratio(left.replace(" ", ""), right.replace(" ", ""))))


def similar_name(name: str, others: Iterable[str]) -> str | None:
    """The closest of other organisations' names if it could be mistaken for ``name``; None if none could."""
    close = [(similarity_percent(name, other), other) for other in others]
    best = max(close, default=(0.0, ""))
    return best[1] if best[0] >= SIMILAR_PERCENT else None
