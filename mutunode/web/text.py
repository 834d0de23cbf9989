"""Text that others wrote, made safe to show.

Names are shown as they are, except what could deceive: control characters and marks that turn the direction
of writing become visible. Longer texts may use Markdown; HTML in them is shown as text, pictures become
links, and links say where they lead. The last word is nh3's, on a short list of allowed tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

MARKDOWN_CHARACTERS_MAX = 200_000  # three times the longest text a record can hold
_TAGS = frozenset(
    "p br strong em code pre ul ol li blockquote a hr h2 h3 h4 h5 h6 table thead tbody tr th td".split()
)
# Controls, and the marks that turn the direction of what follows: never innocent.
_DECEIVING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# Invisible characters: usual in running Arabic or Hebrew, suspect in a name that two people compare.
_INVISIBLE = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u2060\ufeff]")
_HIGHEST_HEADING = 2  # h1 belongs to the page

_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")


def visible(text: str) -> str:
    """The text with every deceiving character replaced by its name: ``⟨U+202E⟩``."""
    return _DECEIVING.sub(_name_of, text)


def one_line(text: str) -> str:
    """A name or a title, on one line; invisible characters are named too."""
    return _INVISIBLE.sub(_name_of, " ".join(visible(text).split()))


def _name_of(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found[0]):04X}⟩"


def marked(text: str, ranges: Iterable[Sequence[int]]) -> Markup:
    """The text with ``<mark>`` around the ranges ``[start, end[``; ranges that do not fit are left out."""
    html, at = "", 0
    for start, end in sorted((int(r[0]), int(r[1])) for r in ranges):
        if at <= start < end <= len(text):
            html += f"{_escaped(text[at:start])}<mark>{_escaped(text[start:end])}</mark>"
            at = end
    return Markup(html + _escaped(text[at:]))  # noqa: S704 - all of the text was escaped


def _escaped(text: str) -> str:
    return str(escape(visible(text)))


def markdown(text: str) -> Markup:
    """A longer text as HTML."""
    tokens = _markdown.parse(visible(text[:MARKDOWN_CHARACTERS_MAX]))
    _fit_headings(tokens)
    for token in tokens:
        if token.children:
            token.children = _links_inside_dropped(_pictures_as_links(token.children))
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    clean = nh3.clean(
        html,
        tags=set(_TAGS),
        attributes={"a": {"href"}, "*": set()},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener nofollow",
    )
    return Markup(clean)  # noqa: S704 - nh3 has just cleaned it


def first_paragraph(text: str) -> tuple[str, str]:
    """(first paragraph, rest) of a text."""
    first, _, rest = text.strip().partition("\n\n")
    return first, rest.strip()


def is_web_address(text: str) -> bool:
    """Whether the text is an address that may be shown as a link."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def is_address(text: str) -> bool:
    """Whether the text leads somewhere by itself: to a web address, or to somebody's mailbox."""
    return is_web_address(text) or text.startswith("mailto:")


def _fit_headings(tokens: Sequence[Token]) -> None:
    """Whatever level the author began with becomes the first below the page's own title."""
    headings = [token for token in tokens if token.type in ("heading_open", "heading_close")]
    highest = min((int(token.tag[1]) for token in headings), default=1)
    for token in headings:
        token.tag = f"h{min(6, int(token.tag[1]) - highest + _HIGHEST_HEADING)}"


def _links_inside_dropped(children: list[Token]) -> list[Token]:
    """What others write links to nothing of this node: such a place is of where the text came from."""
    out: list[Token] = []
    is_kept = True  # a link holds no other one
    for child in children:
        if child.type == "link_open":
            is_kept = is_address(str(child.attrs.get("href", "")))
        if is_kept or child.type not in ("link_open", "link_close"):
            out.append(child)
    return out


def _pictures_as_links(children: list[Token]) -> list[Token]:
    """Loading a picture would tell its host who reads: its address is given instead."""
    out: list[Token] = []
    for child in children:
        if child.type != "image":
            out.append(child)
            continue
        source = str(child.attrs.get("src", ""))
        words = Token("text", "", 0)
        words.content = child.content or source
        if is_web_address(source):
            out += [Token("link_open", "a", 1, attrs={"href": source}), words, Token("link_close", "a", -1)]
        else:
            out.append(words)
    return out
