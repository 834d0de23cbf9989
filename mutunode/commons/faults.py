"""What is wrong with a value, said so that a member understands it and knows which field to mend.

A ``Fault`` is found deep inside a body and gains its path on the way up; a ``Problem`` is what is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from mutunode.commons.words import Words

PROBLEMS_MAX = 50  # nobody reads more; a hostile body of 1,000 values cannot make more work than that


class Fault(msgspec.Struct, frozen=True):
    """Something wrong at a place relative to the value that was looked at."""

    code: str
    what: Words
    path: tuple[str, ...] = ()
    names: tuple[Words, ...] = ()

    def within(self, key: str, name: Words) -> Fault:
        """The same fault, seen from the value that holds this one under ``key``."""
        return Fault(self.code, self.what, (key, *self.path), (name, *self.names))


Faults = Sequence[Fault]
FINE: Faults = ()


class Problem(msgspec.Struct, frozen=True):
    """One thing to mend: the field's dotted name, a code for programs, a sentence in each language."""

    field: str
    code: str
    fr: str
    en: str


def problems(faults: Iterable[Fault]) -> list[Problem]:
    """What to show: at most one problem for a field and what is in it, the first found."""
    shown: list[Problem] = []
    told: set[tuple[str, ...]] = set()
    for fault in faults:
        if any(_touches(fault.path, path) for path in told):
            continue
        told.add(fault.path)
        shown.append(_problem(fault))
        if len(shown) == PROBLEMS_MAX:
            break
    return shown


def _touches(path: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one path is the other or leads to it; the whole record (no path) is a place of its own."""
    common = min(len(path), len(other))
    return path[:common] == other[:common] if common else path == other


def _problem(fault: Fault) -> Problem:
    if not fault.names:
        return Problem("", fault.code, fault.what.fr, fault.what.en)
    name = fault.names[0]
    for inner in fault.names[1:]:
        name = inner.after(name)
    return Problem(
        ".".join(fault.path),
        fault.code,
        f"{name.fr}\N{NO-BREAK SPACE}: {fault.what.fr}",
        f"{name.en}: {fault.what.en}",
    )


def required() -> Fault:
    """Nothing was given where something must be."""
    return Fault("required", Words("ce champ est obligatoire.", "this field is required."))


def wrong_type(fr: str, en: str) -> Fault:
    """The value is of another nature than the field's: ``fr`` and ``en`` say what is expected."""
    return Fault("type", Words(f"il faut {fr}.", f"it must be {en}."))


def too_long(size: int, size_max: int) -> Fault:
    """More bytes than the field holds."""
    return Fault(
        "too_long",
        Words(
            f"le texte est trop long ({size} octets, {size_max} au plus).",
            f"the text is too long ({size} bytes, {size_max} at most).",
        ),
    )


def too_many(count: int, count_max: int) -> Fault:
    """More items than a list holds."""
    return Fault(
        "too_many",
        Words(
            f"il y a trop d’éléments ({count}, {count_max} au plus).",
            f"there are too many items ({count}, {count_max} at most).",
        ),
    )


def unknown_field(key: str, known: Iterable[str]) -> Fault:
    """A name no field bears: a typing error, most often."""
    names = ", ".join(known)
    return Fault(
        "unknown_field",
        Words(f"ce champ n’existe pas. Champs possibles : {names}.", f"no such field. Fields: {names}."),
        (key,),
        (Words(key, key),),
    )
