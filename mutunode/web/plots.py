"""Pictures drawn by the server: where the dots of a network and of a family tree stand.

A plot is only geometry; the template draws it. Everything a picture says stands in a table or a list beside
it as well, under the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from mutunode.service.shapes import Organisation
from mutunode.web.i18n import DAY, HOUR

Freshness = Literal["hour", "days", "older"]

CENTRE, INNER, OUTER = 180.0, 78.0, 150.0  # of a picture 360 units wide: legible at 320 px
INNER_MAX, OUTER_MAX = 9, 14  # dots of radius 15 that fit on each circle without touching
FRESH_SECONDS, RECENT_SECONDS = HOUR, 2 * DAY
ROW, INDENT, TOP, LEFT = 56, 42, 24, 18  # of the tree
TREE_ROWS_MAX = 12  # the list beside it goes on
LABEL_LENGTH_MAX = 27  # characters of 14 px in what is left of 300 units


BAR, BAR_GAP, BARS_TOP, BARS_HIGH = 22, 5, 12, 120  # of the weeks of a means: twelve in 330 units


class Bar(msgspec.Struct, frozen=True):
    """How much of one week was booked."""

    number: int
    x: int
    y: float
    width: int
    height: float
    middle: float
    here: bool


def bars(shares: Sequence[float]) -> tuple[Bar, ...]:
    """Weeks side by side, the middle one being the one that is shown; 1.0 is as high as the picture."""
    drawn = []
    for place, share in enumerate(shares):
        x, height = place * (BAR + BAR_GAP), round(BARS_HIGH * min(1.0, max(0.0, share)), 1)
        y = round(BARS_TOP + BARS_HIGH - height, 1)
        drawn.append(Bar(place + 1, x, y, BAR, height, x + BAR / 2, place == len(shares) // 2))
    return tuple(drawn)


class Dot(msgspec.Struct, frozen=True):
    """One organisation in the picture of the network."""

    number: int
    x: float
    y: float
    from_x: float
    from_y: float
    reached: bool
    fresh: Freshness


class Link(msgspec.Struct, frozen=True):
    """One record in the family tree, and where its line comes from."""

    number: int
    x: int
    y: int
    from_x: int
    from_y: int
    title: str
    subtitle: str
    here: bool
    root: bool
    recognised: bool


def freshness(heard_at: int, now: float) -> Freshness:
    """How old the news of an organisation are, as a shape tells it."""
    elapsed = now - heard_at
    return "hour" if elapsed < FRESH_SECONDS else "days" if elapsed < RECENT_SECONDS else "older"


def network(organisations: Sequence[Organisation], now: float) -> list[Dot]:
    """Those we follow on the inner circle; on the outer one the others, near who vouches for them."""
    followed = [each for each in organisations if each.stance == "accepted"][:INNER_MAX]
    others = [each for each in organisations if each.stance == ""][:OUTER_MAX]
    numbers = {each.org: place for place, each in enumerate(organisations, 1)}
    drawn: list[Dot] = []
    dots: dict[str, Dot] = {}  # by name, as others are known by; of two with one name, any
    angles: dict[str, float] = {}
    for place, each in enumerate(followed):
        angle = 2 * math.pi * place / len(followed)
        angles[each.name] = angle
        dots[each.name] = _dot(each, numbers[each.org], angle, INNER, (CENTRE, CENTRE), now)
        drawn.append(dots[each.name])
    for each, angle in _spread(others, angles):
        friend = next((dots[name] for name in each.known_by if name in dots), None)
        start = (friend.x, friend.y) if friend else (CENTRE, CENTRE)
        drawn.append(_dot(each, numbers[each.org], angle, OUTER, start, now))
    return sorted(drawn, key=lambda dot: dot.number)


def _spread(others: Sequence[Organisation], angles: dict[str, float]) -> list[tuple[Organisation, float]]:
    """Places on the outer circle, in the order of the friends' angles, so that few lines cross."""

    def wanted(each: Organisation) -> float:
        return next((angles[name] for name in each.known_by if name in angles), 2 * math.pi)

    ordered = sorted(others, key=wanted)
    step = 2 * math.pi / max(1, len(ordered))
    offset = wanted(ordered[0]) if ordered and wanted(ordered[0]) < 2 * math.pi else 0.0
    return [(each, offset + step * place + 0.3) for place, each in enumerate(ordered)]


def _dot(
    each: Organisation, number: int, angle: float, radius: float, start: tuple[float, float], now: float
) -> Dot:
    x = round(CENTRE + radius * math.sin(angle), 1)
    y = round(CENTRE - radius * math.cos(angle), 1)
    fresh = freshness(each.heard_at, now)
    return Dot(number, x, y, start[0], start[1], each.connected, fresh)


class Relative(msgspec.Struct, frozen=True):
    """One line of the family tree, as the list tells it."""

    title: str
    subtitle: str
    depth: int
    recognised: bool
    here: bool = False
    parent: int = 0  # number of the line it hangs from


def tree(relatives: Sequence[Relative]) -> list[Link]:
    """The first dozen lines as dots hanging from each other."""
    links: list[Link] = []
    for place, each in enumerate(relatives[:TREE_ROWS_MAX]):
        x, y = LEFT + INDENT * each.depth, TOP + ROW * place
        parent = links[each.parent - 1] if 0 < each.parent <= len(links) else None
        links.append(
            Link(
                number=place + 1,
                x=x,
                y=y,
                from_x=parent.x if parent else 0,
                from_y=parent.y if parent else 0,
                title=_short(each.title, each.depth),
                subtitle=_short(each.subtitle, each.depth),
                here=each.here,
                root=parent is None,
                recognised=each.recognised,
            )
        )
    return links


def _short(text: str, depth: int) -> str:
    room = LABEL_LENGTH_MAX - 5 * depth
    return text if len(text) <= room else text[: room - 1].rstrip() + "…"
