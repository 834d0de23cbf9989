"""What others wrote is shown as text: it runs nothing, calls nobody and does not pretend."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from mutunode.web import text

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "<javascript:alert(1)>",
    "![](http://tracker.example/pixel.gif)",
    "![x](//tracker.example/a 'b')",
    "<svg onload=alert(1)>",
    "<style>*{background:url(//tracker.example)}</style>",
    '<a href="http://ok.example" onclick="alert(1)">x</a>',
    "[a]: http://x.example 'x\" onmouseover=\"alert(1)'\n\n[a]",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "|a|\n|-|\n|<iframe src=//tracker.example>|",
    "<!--><script>alert(1)</script>-->",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
)


@pytest.mark.parametrize("given", HOSTILE)
def test_prose_runs_nothing_and_calls_nobody(given: str) -> None:
    shown = text.markdown(given).lower()
    assert "<script" not in shown
    assert "<img" not in shown
    assert "<svg" not in shown
    assert "<style" not in shown
    assert "<iframe" not in shown
    assert 'href="javascript' not in shown
    assert 'href="data' not in shown
    assert "src=" not in shown.replace("&lt;img src=", "").replace("&lt;iframe src=", "")
    for tag in shown.split("<a ")[1:]:
        assert "onclick" not in tag.split(">")[0]
        assert "onmouseover" not in tag.split(">")[0]


def test_prose_keeps_what_markdown_means() -> None:
    shown = text.markdown("## Titre\n\n- un\n- **deux**\n\n[site](https://a.example/) `code`\n\n### Plus bas")
    assert "<h2>Titre</h2>" in shown
    assert "<h3>Plus bas</h3>" in shown
    assert "<strong>deux</strong>" in shown
    assert '<a href="https://a.example/" rel="noopener nofollow">site</a>' in shown


def test_a_picture_becomes_a_link_that_says_where_it_leads() -> None:
    shown = text.markdown("![Plan de l’atelier](https://a.example/plan.png)")
    assert shown.strip() == (
        '<p><a href="https://a.example/plan.png" rel="noopener nofollow">Plan de l’atelier</a></p>'
    )
    assert "https://a.example/b.png" in text.markdown("![](https://a.example/b.png)")


def test_headings_never_rise_above_the_pages_own() -> None:
    assert "<h1" not in text.markdown("# A\n\nB\n=\n\n###### C")
    assert "<h6>C</h6>" in text.markdown("# A\n\n###### C")


@pytest.mark.parametrize("mark", ["\u202e", "\u202a", "\u2066", "\u2069", "\x00", "\x1b", "\x7f", "\x85"])
def test_marks_that_deceive_are_named(mark: str) -> None:
    named = f"⟨U+{ord(mark):04X}⟩"
    assert text.one_line(f"a{mark}b") == f"a{named}b"
    assert mark not in text.markdown(f"a{mark}b")
    assert mark not in text.marked(f"a{mark}b", [(0, 1)])


def test_invisible_characters_show_in_names_and_stay_in_prose() -> None:
    assert text.one_line("Ate\u200blier") == "Ate⟨U+200B⟩lier"
    assert "\u200f" in text.markdown("مرحبا\u200f!")


def test_names_stay_on_one_line() -> None:
    assert text.one_line("  deux\n\tlignes ") == "deux lignes"


@pytest.mark.parametrize(
    "ranges", [[(0, 3)], [(5, 2)], [(-4, 2)], [(2, 99)], [(0, 5), (3, 8)], [(8, 9), (0, 1)], []]
)
def test_marks_never_lose_text(ranges: list[tuple[int, int]]) -> None:
    given = "abc <b> & déf"
    shown = text.marked(given, ranges)
    assert Markup(shown).striptags() == given
    assert "<b>" not in shown


def test_marks_stand_where_they_were_found() -> None:
    assert text.marked("l’été <1>", [(2, 5)]) == "l’<mark>été</mark> &lt;1&gt;"


@pytest.mark.parametrize(
    ("given", "is_one"),
    [
        ("https://a.example/x", True),
        ("http://a.example", True),
        ("javascript:alert(1)", False),
        ("//a.example", False),
        ("https:///x", False),
        ("http://[::1", False),
        ("mailto:a@a.example", False),
    ],
)
def test_only_web_addresses_become_links(given: str, is_one: bool) -> None:
    assert text.is_web_address(given) is is_one


def test_long_texts_are_bounded() -> None:
    assert len(text.markdown("x" * 1_000_000)) < text.MARKDOWN_CHARACTERS_MAX + 100


def test_a_link_that_leads_into_this_node_is_words_alone() -> None:
    html = text.markdown(
        "La [moyenne](#mean), [effacer](/s/cercle/effacer) et [un guide](https://exemple.fr/g)"
    )
    assert html == (
        '<p>La moyenne, effacer et <a href="https://exemple.fr/g" rel="noopener nofollow">un guide</a></p>\n'
    )
