"""Range prints: equal for equal heads, different for anything else."""

from __future__ import annotations

import msgspec
import pytest

from mutunode.protocol.prints import day_of, range_print
from tests.vectors import mutunode

RANGE = mutunode("range")


class Item(msgspec.Struct, frozen=True):
    """One log of the published ones."""

    log: bytes
    epoch: int
    size: int
    root: bytes
    day: int


ITEMS = [
    Item(bytes.fromhex(log), epoch, size, bytes.fromhex(root), day)
    for log, epoch, size, root, day in RANGE["items"]
]


def test_published_prints() -> None:
    assert range_print([]).hex() == RANGE["print_none"]
    assert range_print(ITEMS[:1]).hex() == RANGE["print_one"]
    assert range_print(ITEMS).hex() == RANGE["print_all"]


def test_published_days() -> None:
    for number, (item, time) in enumerate(zip(ITEMS, RANGE["times"], strict=True)):
        if number == RANGE["frozen"]:
            assert (item.size, item.root, item.day) == (0, bytes(32), 0)
        else:
            assert day_of(time) == item.day


@pytest.mark.parametrize(
    "change", [{"epoch": 9}, {"size": 9}, {"day": 9}, {"root": b"r" * 32}, {"log": bytes(32)}]
)
def test_every_part_of_an_item_enters(change: dict[str, int | bytes]) -> None:
    changed = [msgspec.structs.replace(ITEMS[0], **change), *ITEMS[1:]]
    assert range_print(changed) != range_print(ITEMS)
    assert range_print(reversed(ITEMS)) != range_print(ITEMS)
