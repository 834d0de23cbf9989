"""Values that name something else: a record, an organisation, a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from msgspec import UNSET

from mutunode.commons.faults import FINE, Fault, Faults, wrong_type
from mutunode.commons.values.base import (
    NOT_GIVEN,
    Context,
    Reading,
    ValueType,
    is_blank,
    one,
    without_default,
)
from mutunode.commons.words import Words
from mutunode.protocol import ids
from mutunode.protocol.entry import is_ref, rec_id
from mutunode.protocol.errors import Malformed
from mutunode.protocol.limits import ID_BYTES, INTEGER_MAX

_REC = re.compile(r"rec_[a-z2-7]{8,52}")
_NOT_A_REF = wrong_type("l’identifiant d’une fiche (rec_…)", "the id of a record (rec_…)")
_NOT_AN_ORG = wrong_type("l’identifiant d’une organisation (org_…)", "the id of an organisation (org_…)")
_NOT_A_BLOB = wrong_type("l’identifiant d’un fichier (blob_…)", "the id of a file (blob_…)")


def _not_held(text: str) -> Fault:
    return Fault(
        "not_found",
        Words(
            f"« {text[:64]} » n’est pas connu ici, ou désigne plusieurs choses. Donnez l’identifiant entier.",
            f"“{text[:64]}” is not known here, or names several things. Give the whole id.",
        ),
    )


@dataclass(frozen=True)
class Ref(ValueType):
    """A record: ``[log32, index, leaf32]`` in the body, ``rec_…`` outside. ``kinds`` it may be of; () any."""

    name: ClassVar[str] = "ref"
    kinds: tuple[str, ...] = ()

    def check(self, value: Any) -> Faults:
        return FINE if is_ref(value) and 0 <= value[1] <= INTEGER_MAX else one(_NOT_A_REF)

    def read(self, given: Any, context: Context) -> Reading:
        given = without_default(given)
        if is_blank(given):
            return NOT_GIVEN
        if not isinstance(given, str):
            resolved = list(given) if isinstance(given, list | tuple) else given
            return (resolved, FINE) if not self.check(resolved) else (UNSET, one(_NOT_A_REF))
        text = given.strip()
        if not _REC.fullmatch(text):
            return UNSET, one(_NOT_A_REF)
        found = context.resolve(text) if context.resolve else None
        return (UNSET, one(_not_held(text))) if found is None else (list(found), FINE)

    def to_json(self, value: Any) -> str:
        return ids.rec_text(rec_id(value[0], value[2]))

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^rec_[a-z2-7]{8,52}$"}

    def text(self, value: Any, language: str) -> str:
        return self.to_json(value)

    def texts(self, value: Any) -> Iterator[tuple[str, str]]:
        return iter(())

    def refs(self, value: Any) -> Iterator[tuple[str, list[Any]]]:
        yield "", value

    def refs_given(self, given: Any) -> Iterator[tuple[str, str]]:
        given = without_default(given)
        if isinstance(given, str) and _REC.fullmatch(given.strip()):
            yield "", given.strip()


@dataclass(frozen=True)
class _Id(ValueType):
    """32 bytes in the body, prefixed text outside."""

    prefix: ClassVar[str] = ""
    wrong: ClassVar[Fault] = _NOT_AN_ORG

    def check(self, value: Any) -> Faults:
        return FINE if type(value) is bytes and len(value) == ID_BYTES else one(self.wrong)

    def read(self, given: Any, context: Context) -> Reading:
        given = without_default(given)
        if is_blank(given):
            return NOT_GIVEN
        if not isinstance(given, str):
            return (given, FINE) if not self.check(given) else (UNSET, one(self.wrong))
        text = given.strip()
        try:
            _, low, high = ids.prefix_range(text, self.prefix)
        except Malformed:
            return UNSET, one(self.wrong)
        if low == high:
            return low, FINE
        found = context.resolve(text) if context.resolve else None
        return (UNSET, one(_not_held(text))) if found is None else (found, FINE)

    def to_json(self, value: Any) -> str:
        return ids.text(self.prefix, value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self.prefix}_[a-z2-7]{{8,52}}$"}

    def text(self, value: Any, language: str) -> str:
        return self.to_json(value)

    def texts(self, value: Any) -> Iterator[tuple[str, str]]:
        return iter(())

    def refs_given(self, given: Any) -> Iterator[tuple[str, str]]:
        given = without_default(given)
        if isinstance(given, str) and given.strip().startswith(f"{self.prefix}_"):
            yield "", given.strip()


@dataclass(frozen=True)
class Org(_Id):
    """An organisation."""

    name: ClassVar[str] = "org"
    prefix: ClassVar[str] = "org"
    wrong: ClassVar[Fault] = _NOT_AN_ORG


@dataclass(frozen=True)
class Blob(_Id):
    """A file's content."""

    name: ClassVar[str] = "blob"
    prefix: ClassVar[str] = "blob"
    wrong: ClassVar[Fault] = _NOT_A_BLOB
