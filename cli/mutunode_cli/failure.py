"""A command that cannot be done: what happened and what to do, in both languages, and the exit code.

What the node refuses arrives as JSON and what goes wrong on this side is raised here; both end as one
``Failure``, so that there is one place that prints them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mutunode_cli import exits


class Trouble(NamedTuple):
    """One field to blame, and why."""

    field: str
    fr: str
    en: str


class Failure(Exception):
    """Ends a command with a message and an exit code."""

    def __init__(
        self, code: str, exit_code: int, fr: str, en: str, troubles: tuple[Trouble, ...] = ()
    ) -> None:
        super().__init__(en)
        self.code = code
        self.exit = exit_code
        self.fr = fr
        self.en = en
        self.troubles = troubles

    def lines(self, language: str) -> list[str]:
        """The message, then one line for each field to blame."""
        french = language == "fr"
        lines = [self.fr if french else self.en]
        told = [(t.field, t.fr if french else t.en) for t in self.troubles]
        if len(told) == 1 and told[0][1] == lines[0]:
            return [f"{told[0][0]}: {lines[0]}"]
        return lines + [f"  {field}: {text}" for field, text in told]

    def to_json(self) -> dict[str, Any]:
        """The object of the control socket: ``--json`` prints it as ``{"error": …}``."""
        return {
            "code": self.code,
            "exit": self.exit,
            "fr": self.fr,
            "en": self.en,
            "fields": [t._asdict() for t in self.troubles],
        }


def usage(fr: str, en: str) -> Failure:
    """The command line itself is wrong: nothing was asked of the node."""
    return Failure("usage", exits.USAGE, fr, en)


def not_found(fr: str, en: str) -> Failure:
    """What was named is not there."""
    return Failure("not_found", exits.NOT_FOUND, fr, en)


def broken(fr: str, en: str) -> Failure:
    """The conversation with the node failed: nobody knows what it did."""
    return Failure("no_answer", exits.FAILED, fr, en)


def from_json(error: object) -> Failure:
    """What the node refused, as it came over the socket; a strange one is shown as such."""
    if not isinstance(error, Mapping) or not isinstance(error.get("exit"), int):
        return broken(
            f"Le nœud refuse sans dire pourquoi : {error!r}",
            f"The node refuses without saying why: {error!r}",
        )
    english = str(error.get("en") or error.get("code") or "refused")
    return Failure(
        code=str(error.get("code", "")),
        exit_code=error["exit"] if 0 < error["exit"] < 126 else exits.FAILED,
        fr=str(error.get("fr") or english),
        en=english,
        troubles=tuple(_trouble(t) for t in error.get("fields") or () if isinstance(t, Mapping)),
    )


def _trouble(given: Mapping[str, Any]) -> Trouble:
    english = str(given.get("en", ""))
    return Trouble(str(given.get("field", "?")), str(given.get("fr") or english), english)
