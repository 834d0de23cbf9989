"""Markdown as words: for places that hold a line or two, where its marks would only be in the way."""

from __future__ import annotations

import re

# One of these is in every text that has marks: most have none, and a page of results asks for dozens.
_SIGNS = ("](", "**", "`", "#")
# Each stops at the next sign of its own kind, so that no text makes one of them start over and over again.
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_STRONG = re.compile(r"\*\*(?=\S)([^*\n]+)(?<=\S)\*\*")
_CODE = re.compile(r"(?<!`)`{1,2}([^`\n]+)`{1,2}(?!`)")
_HEADING = re.compile(r"^#{1,6} +", re.MULTILINE)


def plain(text: str) -> str:
    """The words of a text: links and pictures without where they lead, nothing bold, no mark of a heading.

    Lists, quotes and slanted words keep their marks: a hyphen or a star may be the author's.
    """
    if not any(sign in text for sign in _SIGNS):
        return text
    for pattern in (_LINK, _STRONG, _CODE):
        text = pattern.sub(r"\1", text)
    return _HEADING.sub("", text)


def leads_outside(text: str) -> bool:
    """Whether it has a link that ``plain`` would lose and a reader may want."""
    return "](http" in text or "](mailto:" in text
