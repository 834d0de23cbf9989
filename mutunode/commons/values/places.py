"""Where something is: a name, a code of the French register of places, coordinates; and how far two are."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from msgspec import UNSET

from mutunode.commons.faults import FINE, Fault, Faults, wrong_type
from mutunode.commons.fields import Field, Show
from mutunode.commons.values.base import NOT_GIVEN, Context, Reading, ValueType, as_text, is_blank, one
from mutunode.commons.values.choices import Choice, Option
from mutunode.commons.values.parts import Record
from mutunode.commons.values.text import Text
from mutunode.commons.words import Words

EARTH_RADIUS_KM = 6_371.0088  # mean radius, IUGG
_DEGREES = re.compile(r"-?\d{1,3}(\.\d{1,7})?")
_NO_DEGREES = wrong_type("des degrés, comme 48.1173 ou -1.6778", "degrees, such as 48.1173 or -1.6778")
_WITH_COORDINATES = re.compile(r"(.*?)[\s(]*(-?\d{1,3}\.\d+)\s*[,;]\s*(-?\d{1,3}\.\d+)\)?", re.DOTALL)


@dataclass(frozen=True)
class Degrees(ValueType):
    """Decimal degrees as text: what is signed holds no fractions."""

    name: ClassVar[str] = "degrees"
    most: int = 90

    def check(self, value: Any) -> Faults:
        if type(value) is not str or not _DEGREES.fullmatch(value):
            return one(_NO_DEGREES)
        return FINE if abs(Decimal(value)) <= self.most else one(_NO_DEGREES)

    def read(self, given: Any, context: Context) -> Reading:
        if is_blank(given):
            return NOT_GIVEN
        text = (as_text(given) or "").strip().replace(",", ".")
        try:
            rounded = format(round(Decimal(text), 7), "f") if len(text) < 40 else text
        except (InvalidOperation, ValueError):
            return UNSET, one(_NO_DEGREES)
        text = rounded.rstrip("0").rstrip(".") if "." in rounded else rounded
        return (text, FINE) if not self.check(text) else (UNSET, one(_NO_DEGREES))

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_DEGREES.pattern}$"}


class Place(Record):
    """``{label, insee, lat, lon, precision}``."""

    name = "place"

    def __init__(self) -> None:
        super().__init__(fields=_FIELDS, short=_short)

    def check(self, value: Any) -> Faults:
        faults = super().check(value)
        return faults or (one(_HALF) if ("lat" in value) != ("lon" in value) else FINE)

    def text(self, value: Any, language: str) -> str:
        return str(value["label"])


def _short(text: str) -> dict[str, Any]:
    """A name, and coordinates behind it when there are any: ``Rennes (48.1173, -1.6778)``."""
    match = _WITH_COORDINATES.fullmatch(text)
    if match is None:
        return {"label": text}
    return {"label": match[1].strip() or f"{match[2]}, {match[3]}", "lat": match[2], "lon": match[3]}


def coordinates(place: Any) -> tuple[float, float] | None:
    """Latitude and longitude of a place that passed ``check``; None when it gives none."""
    if not isinstance(place, Mapping) or "lat" not in place:
        return None
    return float(place["lat"]), float(place["lon"])


def coordinates_in(text: str) -> tuple[float, float] | None:
    """Latitude and longitude that a person typed."""
    match = _WITH_COORDINATES.fullmatch(text.strip())
    return (float(match[2]), float(match[3])) if match is not None else None


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Along a great circle (haversine formula): as a bird flies, from degrees."""
    lat1, lon1, lat2, lon2 = map(math.radians, (*one, *other))
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, half)))


_HALF = Fault("half", Words("donnez la latitude et la longitude.", "give both latitude and longitude."))
_PRECISION = Choice(
    options=(
        Option("exact", Words("à cette adresse", "at this address")),
        Option("street", Words("à la rue près", "to the street")),
        Option("town", Words("à la commune près", "to the town")),
        Option("area", Words("dans les environs", "in the area")),
    )
)
_FIELDS = (
    Field(
        "label",
        Text(),
        Words("Nom du lieu", "Name of the place"),
        Words("Une commune suffit.", "A town is enough."),
        required=True,
    ),
    Field(
        "insee",
        Text(
            pattern=r"[0-9][0-9AB][0-9]{3}",
            wrong=Words("il faut un code comme 35238.", "it must be a code such as 35238."),
        ),
        Words("Code INSEE de la commune", "INSEE code of the town"),
    ),
    Field(
        "lat",
        Degrees(90),
        Words("Latitude", "Latitude"),
        Words("Pour que d’autres sachent à quelle distance.", "So that others know how far it is."),
        show=Show.HIDDEN,
    ),
    Field("lon", Degrees(180), Words("Longitude", "Longitude"), show=Show.HIDDEN),
    Field("precision", _PRECISION, Words("Précision", "Precision"), show=Show.HIDDEN),
)
