"""HTML read strictly: what a browser would quietly mend is an error here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
SVG_LEAVES = frozenset("path circle rect use line".split())
BLOCKS = frozenset(
    "address article aside blockquote details div dl fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr "
    "main nav ol p pre section table ul".split()
)
INTERACTIVE = frozenset("a button input select textarea".split())
CHILDREN = {
    "ul": {"li"},
    "ol": {"li"},
    "dl": {"div", "dt", "dd"},
    "tr": {"th", "td"},
    "tbody": {"tr"},
    "thead": {"tr"},
    "select": {"option", "optgroup"},
}


@dataclass
class Element:
    """A tag with what is in it."""

    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    def get(self, name: str) -> str:
        """An attribute; "" without it."""
        return self.attributes.get(name, "")

    def has(self, name: str) -> bool:
        """Whether the attribute stands there."""
        return name in self.attributes

    def walk(self) -> Iterator[Element]:
        """Itself, and every element inside."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def find(self, tag: str, css_class: str) -> Element:
        """The first element of a class inside."""
        return next(
            each for each in self.walk() if each.tag == tag and css_class in each.get("class").split()
        )

    def raw_words(self) -> str:
        """Its text, as it stands."""
        return "".join(child if isinstance(child, str) else child.raw_words() for child in self.children)

    def words(self) -> str:
        """Its text, as it is read; pieces of different elements are apart."""
        pieces = (child if isinstance(child, str) else f" {child.words()} " for child in self.children)
        return " ".join("".join(pieces).split())


class _Strict(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("document", {})
        self.open = [self.root]
        self.errors: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        self.errors += [f"<{tag}> has two {name}" for name, count in Counter(names).items() if count > 1]
        above = [each.tag for each in self.open]
        if tag in BLOCKS and "p" in above:
            self.errors.append(f"<{tag}> inside a <p> {self.getpos()}")
        if tag in INTERACTIVE and {"a", "button"} & set(above):
            self.errors.append(f"<{tag}> inside a link or button {self.getpos()}")
        if tag == "form" and "form" in above:
            self.errors.append(f"a form inside a form {self.getpos()}")
        allowed = CHILDREN.get(above[-1])
        if allowed is not None and tag not in allowed:
            self.errors.append(f"<{tag}> as a child of <{above[-1]}> {self.getpos()}")
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            if tag not in SVG_LEAVES:
                self.errors.append(f"<{tag}/> does not close itself in HTML {self.getpos()}")
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if self.open[-1].tag != tag:
            self.errors.append(f"</{tag}> closes <{self.open[-1].tag}> {self.getpos()}")
            return
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open[-1].tag in CHILDREN and data.strip():
            self.errors.append(f"text directly in <{self.open[-1].tag}>: {data.strip()[:40]}")
        element = self.open[-1]
        if element.tag == "textarea" and not element.children:
            data = data.removeprefix("\n")  # as browsers do
        element.children.append(data)


def parse(text: str) -> Element:
    """The document; whatever is wrong with it is for `faults`."""
    parser = _Strict()
    parser.feed(text)
    parser.close()
    return parser.root


def faults(text: str) -> list[str]:
    """Everything that is not as it must be: tags, ids, references, what the security policy forbids."""
    parser = _Strict()
    parser.feed(text)
    parser.close()
    found = parser.errors + [f"<{each.tag}> is never closed" for each in parser.open[1:]]
    elements = list(parser.root.walk())
    ids = Counter(each.get("id") for each in elements if each.get("id"))
    found += [f"id {name!r} stands {count} times" for name, count in ids.items() if count > 1]
    for each in elements:
        for name in ("for", "aria-labelledby", "aria-describedby", "form"):
            found += [f"{name}={ref!r} leads nowhere" for ref in each.get(name).split() if ref not in ids]
        if each.tag == "a" and each.get("href").startswith("#") and each.get("href")[1:] not in ids:
            found.append(f"link to {each.get('href')} leads nowhere")
        if each.tag == "a" and not each.get("href"):
            found.append("a link without an address")
        found += [
            f"<{each.tag}> has {name}" for name in each.attributes if name.startswith("on") or name == "style"
        ]
        if each.tag in ("style", "iframe", "object"):
            found.append(f"<{each.tag}> on a page")
        if each.tag == "script" and not _is_our_module(each):
            found.append("a script that is not a file of ours")
        if each.tag == "img" and not (each.has("alt") and _is_made_here(each.get("src"))):
            found.append("a picture without words, or not made here")
    headings = [
        int(each.tag[1])
        for each in elements
        if len(each.tag) == 2 and each.tag[0] == "h" and each.tag[1].isdigit()
    ]
    if headings.count(1) != 1:
        found.append(f"{headings.count(1)} h1")
    return found + _unlabelled(elements)


def _unlabelled(elements: list[Element]) -> list[str]:
    labelled = {each.get("for") for each in elements if each.tag == "label"}
    return [
        f"<{each.tag} name={each.get('name')!r}> has no label"
        for each in elements
        if each.tag in ("input", "select", "textarea")
        and each.get("type") != "hidden"
        and each.get("id") not in labelled
        and not each.get("aria-label")
    ]


def _is_our_module(script: Element) -> bool:
    """A file of ours that adds to a page that works without it; nothing inline."""
    ours = re.fullmatch(r"/static/[0-9a-f]+/[a-z]+\.js", script.get("src")) is not None
    return ours and script.get("type") == "module" and not script.words().strip()


_PICTURE = re.compile(r".*/(record|fiche)/rec_[a-z2-7]+/(file|fichier)/[0-9]+/(picture|vignette)")


def _is_made_here(address: str) -> bool:
    return _PICTURE.fullmatch(address) is not None
