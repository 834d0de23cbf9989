"""HTML to plain text: what a reader would see of it, one line a paragraph, nothing that could run."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BLOCKS = frozenset(
    "address article aside blockquote br dd div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 header hr li"
    " main nav ol p pre section table tbody td tfoot th thead tr ul".split()
)
_HIDDEN = frozenset(("script", "style", "template", "title"))


def plain_text(html: str) -> str:
    """The words of ``html``: blocks become lines, list items get a dash, references their character."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (re.sub(r"[ \t\n\r\f]+", " ", line).strip(" ") for line in "".join(reader.parts).split("\x00"))
    return "\n".join(line for line in lines if line not in ("", "–"))


class _Reader(HTMLParser):
    """Collects text; ``\\0``, which no record may hold, marks the end of a line."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag in _BLOCKS:
            self.parts.append("\x00– " if tag == "li" else "\x00")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BLOCKS:
            self.parts.append("\x00")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)
