"""Records to measure with: texts as long, and as easy to compress, as those of real catalogues.

A chain over the words of the example catalogues: each word is followed by one that follows it there. Random
words would compress too badly, repeated texts too well.
"""

from __future__ import annotations

import html
import json
import random
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from mutunode.protocol import codec

EXAMPLES = Path(__file__).parents[1] / "examples"
BODY_BYTES = 800
TITLE_WORDS = 7


class Chain:
    """Which word follows which."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._followers = _followers()
        self._starts = sorted(self._followers)

    def words(self) -> Iterator[str]:
        """Words without end."""
        chance, followers, starts = self._chance.random, self._followers, self._starts
        word = starts[0]
        while True:
            yield word
            after = followers.get(word) or starts
            word = after[int(chance() * len(after))]  # a third of what ``choice`` costs: a million records


@cache
def _followers() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word, follower in pairwise(_words()):
        found.setdefault(word, []).append(follower)
    return found


def _words() -> Iterator[str]:
    """The words of the examples, in their order."""
    for path in sorted(EXAMPLES.glob("*/*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            text = html.unescape(re.sub(r"<[^>]+>|https?://\S+", " ", " ".join(_texts(json.loads(line)))))
            yield from text.split()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def bodies(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Bodies of resources of ``BODY_BYTES`` each."""
    words = Chain(seed).words()
    for number in range(count):
        body: dict[str, Any] = {
            "title": {"fr": " ".join(next(words) for _ in range(TITLE_WORDS))[:120]},
            "type": "document",
            "license": "CC-BY-4.0",
            "external_ref": f"bench:{seed}:{number}",
            "abstract": {"fr": ""},
        }
        room = BODY_BYTES - len(codec.encode(body)) - 2  # the text's own header grows by two bytes
        body["abstract"]["fr"] = _text(words, room)
        yield body


def _text(words: Iterator[str], size: int) -> str:
    """Words for so many bytes, the last one cut."""
    chosen, length = [], 0
    for word in words:
        chosen.append(word)
        length += len(word) + 1  # a letter is a byte at least
        if length > size:
            break
    return " ".join(chosen).encode()[:size].decode(errors="ignore").strip()


def write_catalogue(path: Path, count: int, seed: int = 1) -> None:
    """The bodies as a JSONL catalogue that `mutunode import` takes without a mapping."""
    with path.open("w", encoding="utf-8") as file:
        for body in bodies(count, seed):
            flat = {**body, "title.fr": body["title"]["fr"], "abstract.fr": body["abstract"]["fr"]}
            del flat["title"], flat["abstract"]
            file.write(json.dumps(flat, ensure_ascii=False) + "\n")
