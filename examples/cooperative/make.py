"""A cooperative that does not exist: three organisations, thirty means, a year of bookings. An example.

Everything follows from one seed, so that anybody makes the same. ``python examples/cooperative/make.py``
writes `means.csv` beside itself; ``year()`` gives what happened, act by act, in the order of each owner's
register. Names of organisations are plainly invented, places are real towns, and there are no persons.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

SEED = 20_261_129
FOLDER = Path(__file__).parent
PARIS = ZoneInfo("Europe/Paris")
FIRST, LAST = dt.date(2026, 1, 1), dt.date(2026, 12, 31)

ORGANISATIONS = (
    ("vergers", "Coopérative d’exemple Les Vergers", "Savenay", "44195", "47.3610", "-1.9420"),
    ("regie", "Régie de quartier d’exemple", "Nantes", "44109", "47.2184", "-1.5536"),
    ("fabrique", "Fabrique d’exemple du Canal", "Rennes", "35238", "48.1173", "-1.6778"),
)
THINGS = (  # name, type, how many, opening hours, hours of a booking
    ("Pressoir mobile, 300 kg à l’heure", "equipment", 1, "mo-sa 08:00-18:00", (4, 8)),
    ("Broyeur à végétaux", "equipment", 1, "mo-sa 08:00-18:00", (2, 8)),
    ("Sono portable", "equipment", 2, "mo-su 08:00-22:00", (4, 12)),
    ("Boucle magnétique", "equipment", 2, "mo-fr 08:00-18:00", (3, 8)),
    ("Barnums 3 × 3 m", "equipment", 6, "mo-su 08:00-20:00", (8, 11)),
    ("Salle du quai, 20 places", "room", 1, "mo-su 08:00-22:00", (2, 4)),
    ("Cuisine partagée", "room", 1, "mo-sa 07:00-21:00", (3, 6)),
    ("Camionnette 12 m³", "vehicle", 1, "mo-su 07:00-21:00", (3, 12)),
    ("Remorque 750 kg", "vehicle", 2, "mo-su 07:00-21:00", (2, 10)),
    ("Poste de travail", "seat", 8, "mo-fr 08:00-19:00", (4, 10)),
)


@dataclass(frozen=True)
class Means:
    """One of the thirty."""

    ref: str
    owner: str
    name: str
    type: str
    units: int
    hours: str
    place: tuple[str, str, str, str]
    lengths: tuple[int, int]


@dataclass(frozen=True)
class Happened:
    """One act, by the side that may say it. Times are local to Paris."""

    at: dt.datetime
    by: str
    act: str  # request, and the acts of a booking
    booking: str
    means: str
    start: dt.datetime
    end: dt.datetime
    units: int
    condition: str = ""


def means() -> list[Means]:
    """Each organisation lends ten things, some with one more or less of them."""
    chance = random.Random(SEED)  # noqa: S311 - the same for everybody, on purpose
    made = []
    for owner, _, *place in ORGANISATIONS:
        for number, (name, kind, units, hours, lengths) in enumerate(THINGS, 1):
            units += chance.choice((0, 0, 1)) if units > 1 else 0
            where = (place[0], place[1], place[2], place[3])
            made.append(Means(f"{owner}-{number:02}", owner, name, kind, units, hours, where, lengths))
    return made


def year() -> Iterator[Happened]:
    """The year 2026 of each means in turn."""
    chance = random.Random(SEED + 1)  # noqa: S311
    for each in means():
        yield from _year_of(each, chance)


def _year_of(each: Means, chance: random.Random) -> Iterator[Happened]:
    """Requests through the year; the owner says yes while there is room, as its computer would."""
    promised: list[tuple[dt.datetime, dt.datetime, int]] = []
    others = [owner for owner, *_ in ORGANISATIONS if owner != each.owner]
    first, last = int(each.hours[6:8]), int(each.hours[12:14])
    for number in range(chance.randint(14, 26)):
        day = FIRST + dt.timedelta(chance.randrange((LAST - FIRST).days))
        if (each.hours.startswith("mo-fr") and day.weekday() > 4) or (
            each.hours.startswith("mo-sa") and day.weekday() > 5
        ):
            continue
        length = min(chance.randint(*each.lengths), last - first)
        hour = chance.randint(first, last - length)
        start, end = _at(day, hour), _at(day, hour + length)
        units = chance.randint(1, each.units)
        asker, booking = chance.choice(others), f"{each.ref}/{number:02}"
        asked = start - dt.timedelta(days=chance.randint(3, 40))
        what = (booking, each.ref, start, end, units)
        yield Happened(asked, asker, "request", *what)
        taken = sum(n for a, b, n in promised if a < end and start < b)
        if chance.random() < 0.05 or taken + units > each.units:
            yield Happened(asked + dt.timedelta(hours=5), each.owner, "refuse", *what)
            continue
        yield Happened(asked + dt.timedelta(hours=5), each.owner, "accept", *what)
        fate = chance.random()
        if fate < 0.07:
            yield Happened(start - dt.timedelta(days=1), asker, "withdraw", *what)
            continue
        if fate < 0.1:
            yield Happened(start - dt.timedelta(days=1), each.owner, "release", *what)
            continue
        promised.append((start, end, units))
        condition = "damaged" if fate > 0.96 else "ok"
        yield Happened(start, each.owner, "checkout", *what)
        yield Happened(start, asker, "pickup", *what)
        yield Happened(end, asker, "give_back", *what, condition)
        if fate < 0.9:  # a few returns are said by one side only, as it happens
            yield Happened(end, each.owner, "return", *what, condition)


def _at(day: dt.date, hour: int) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour), PARIS)


COLUMNS = ("reference", "prêté par", "nom", "sorte", "combien", "commune", "insee", "lat", "lon", "heures")


def catalogue() -> str:
    """The thirty means as a CSV file, to be imported with `mapping.toml`."""
    out = io.StringIO()
    rows = csv.writer(out, delimiter=";", lineterminator="\n")
    rows.writerow(COLUMNS)
    for each in means():
        rows.writerow((each.ref, each.owner, each.name, each.type, each.units, *each.place, each.hours))
    return out.getvalue()


if __name__ == "__main__":
    (FOLDER / "means.csv").write_text(catalogue(), "utf-8")
