"""Every text is there in both languages, and no text of a page escapes translation."""

from __future__ import annotations

import re

import jinja2
import pytest

from mutunode.web.i18n import preferred, speech
from mutunode.web.render import badges
from tests.web.messages import LOCALE, PACKAGE, extracted, translated

TEMPLATES = sorted((PACKAGE / "templates").glob("*.html"))
NO_BREAK = "\u00a0"
NARROW = "\u202f"
# The product's name, and names of languages in themselves, are the same everywhere.
SAME_EVERYWHERE = {"mutunode", "français", "English", "Français"}
TRANSLATED_ATTRIBUTES = "aria-label|title|placeholder|alt|data-label"


def test_every_text_is_translated() -> None:
    wanted = {(message.id, message.context) for message in extracted() if message.id}
    french = {(message.id, message.context): message for message in translated("fr") if message.id}
    assert wanted - french.keys() == set(), "run python -m tests.web.messages, then translate"
    assert french.keys() - wanted == set(), "texts no longer used: run python -m tests.web.messages"
    empty = [message.id for message in french.values() if not _all_there(message.string)]
    assert empty == []
    assert [message.id for message in french.values() if message.fuzzy] == []


def _all_there(text: object) -> bool:
    return bool(text) and all(_forms(text))


def test_translations_keep_their_placeholders() -> None:
    catalogue = translated("fr")
    wrong = [
        (message.id, str(error)) for message in catalogue for error in message.check(catalogue) if message.id
    ]
    assert wrong == []
    for message in catalogue:
        if message.id:
            ids, texts = _forms(message.id), _forms(message.string)
            wanted = {name for text in ids for name in re.findall(r"%\((\w+)\)s", text)}
            given = {name for text in texts for name in re.findall(r"%\((\w+)\)s", text)}
            assert given <= wanted, message.id
            assert wanted - given <= {"num"}, message.id


def _forms(text: object) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)  # type: ignore[arg-type]


def test_french_keeps_its_typography() -> None:
    wrong = []
    for message in translated("fr"):
        for text in _forms(message.string) if message.id else ():
            text = re.sub(r"https?:\S+|wss://\S+|\d:\d+", "", text)
            if re.search(rf"[^{NARROW}][;?!]|[^{NO_BREAK}]:|«[^{NO_BREAK}]|[^{NO_BREAK}]»|'", text):
                wrong.append(text)
    assert wrong == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_a_text_outside_gettext(template: object) -> None:
    """What stands between tags, or in attributes that are read, comes from the catalogue."""
    environment = jinja2.Environment(
        autoescape=True, extensions=["jinja2.ext.i18n"], loader=jinja2.FileSystemLoader(PACKAGE / "templates")
    )
    source = template.read_text("utf-8")  # type: ignore[attr-defined]
    bare = []
    inside = 0
    for _line, kind, value in environment.lex(source):
        if kind == "name" and value in ("trans", "endtrans"):
            inside = 1 if value == "trans" else 0
        if kind == "data" and not inside:
            bare.append(value)
    text = " ".join(bare)
    attributes = re.findall(rf'(?:{TRANSLATED_ATTRIBUTES})="([^"]*[A-Za-zÀ-ÿ]{{2}}[^"]*)"', text)
    # macros that only write attributes begin and end inside a tag
    words = re.sub(r'[\w-]+="[^"]*(?:"|$)|&\w+;', " ", _without_tags(text), flags=re.MULTILINE)
    left = [word for word in re.findall(r"[A-Za-zÀ-ÿ]{2,}", words) if word not in SAME_EVERYWHERE]
    assert attributes == []
    assert left == [], left


def _without_tags(text: str) -> str:
    """Tags go, even those cut in pieces by template expressions."""
    out, depth = [], 0
    for character in text:
        if character == "<":
            depth = 1
        elif character == ">":
            depth = 0
            out.append(" ")
        elif not depth:
            out.append(character)
    return "".join(out)


def test_every_catalogue_is_one_of_our_languages() -> None:
    assert {path.stem for path in LOCALE.glob("*.po")} == {"fr"}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("fr", "fr"),
        ("en-GB,en;q=0.8,fr;q=0.5", "en"),
        ("de,fr;q=0.3,en;q=0.2", "fr"),
        ("de", "fr"),
        ("", "fr"),
        ("en;q=x,fr;q=0.1", "fr"),
        ("," * 10_000, "fr"),
    ],
)
def test_the_first_language_that_we_speak_is_chosen(header: str, language: str) -> None:
    assert preferred(header, "fr") == language


def test_ages_are_told_as_people_say_them() -> None:
    french, english = speech("fr"), speech("en")
    now = 1_795_400_000
    assert french.age(now - 3, now) == "à l’instant"
    assert french.age(now + 99, now) == "à l’instant"
    assert french.age(now - 60, now) == "il y a 1 minute"
    assert english.age(now - 3 * 3_600, now) == "3 hours ago"
    assert french.age(now - 9 * 86_400, now) == "il y a 9 jours"
    assert english.age(0, now).startswith("on January 1, 1970")
    assert french.age(2**53, now) == "à l’instant"


def test_figures_follow_the_language() -> None:
    assert speech("fr").number(12345) == f"12{NARROW}345"
    assert speech("en").number(12345) == "12,345"
    assert speech("fr").size(1_200_000) == f"1,2{NO_BREAK}Mo"
    assert speech("en").size(3_221_225_472) == f"3.2{NO_BREAK}GB"
    assert speech("en").names(["A", "B", "C"]) == "A, B, and C"
    assert speech("fr").language_name("ar") == "arabe"
    assert speech("en").language_name("xx-nonsense") == "xx-nonsense"


def test_both_senses_have_their_badge_in_both_languages() -> None:
    assert badges("fr")["aval"].name == "En aval"
    assert badges("en")["amont"].about == "make and insure together"
    assert badges("en")["meta"].about == ""
