"""Each promise of docs/guarantees.md names tests that exist, and people find the page."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


def test_every_promise_names_a_test() -> None:
    promises = re.split(r"^\d+\. ", PAGE.split("## Not promised")[0], flags=re.MULTILINE)[1:]
    assert len(promises) >= 15
    for promise in promises:
        assert "::test_" in promise, promise


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_every_test_that_is_named_exists(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    defined = {
        node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert name in defined, f"{path} has no test {name}"


def test_no_name_of_a_test_escapes_the_check() -> None:
    assert len(re.findall(r"::test_\w+`", PAGE)) == len(re.findall(r"`tests/[\w/]+\.py::test_\w+`", PAGE))


@pytest.mark.parametrize(
    ("page", "link"), [("README.md", "docs/guarantees.md"), ("docs/index.md", "guarantees.md")]
)
def test_people_find_the_page(page: str, link: str) -> None:
    assert f"({link})" in (ROOT / page).read_text("utf-8")
