"""Who says that they use a resource, and what its author answered.

A use is *declared* by its user alone, *confirmed* once the author thanked or took note, *contested* when
the author says why not: shown, and out of every count. An answer speaks of the very version it cites: a use
that was changed since is declared anew. Nobody confirms a use of their own work by themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from mutunode.commons.kinds.usage import KIND as USAGE
from mutunode.commons.kinds.usage_answer import KIND as ANSWER
from mutunode.commons.kinds.usage_count import KIND as COUNT
from mutunode.commons.states.acts import Act, Held, Place, Ref, field, readable
from mutunode.commons.words import LangMap


class Acknowledgement(msgspec.Struct, frozen=True):
    """One organisation's word on its use of one version of a resource, and the author's answer."""

    act: Act
    type: str
    state: str  # declared · confirmed · contested
    version: int  # index, in its author's log, of the version used
    period: str = ""
    purpose: LangMap = {}
    experience: LangMap = {}
    scale: str = ""
    can_help: bool = False
    author_only: bool = False
    answer: str = ""  # "" · thanks · noted · contest
    reason: LangMap = {}  # of contesting

    @property
    def confided(self) -> bool:
        """Whether it was told to the author alone, who does not contest it."""
        return self.author_only and self.act.sealed and self.state != "contested"


class Told(msgspec.Struct, frozen=True):
    """How many organisations told the author in confidence, by the author's own word."""

    act: Act
    type: str
    n: int


class Counts(msgspec.Struct, frozen=True):
    """Figures over what is public. ``declared`` includes the confirmed, never the contested.

    ``can_help`` and ``organisations`` count organisations, each once.
    """

    declared: int = 0
    confirmed: int = 0
    contested: int = 0
    can_help: int = 0
    organisations: int = 0
    organisations_confirmed: int = 0
    by_type: dict[str, int] = {}


class UsageState(msgspec.Struct, frozen=True):
    """What is known of a resource's uses. ``counts`` is None while data is awaited."""

    counts: Counts | None
    acknowledgements: tuple[Acknowledgement, ...]  # newest first, as their authors date them
    told: tuple[Told, ...] = ()  # one a type, by type

    @property
    def pending(self) -> bool:
        """Whether data is awaited: show no figure."""
        return self.counts is None


def usage_state(records: Iterable[Act], now: int, of: Ref) -> UsageState:
    """The uses of the resource of which ``of`` names any version.

    ``records``: every version of the resource, every ``usage`` that cites one of them, and every
    ``usage_answer`` that cites one of those; and every ``usage_count`` that cites one of the versions.
    """
    held = Held(records, now)
    return Uses(held).of((of[0], of[1]))


class Uses:
    """Uses and answers of many resources, looked through once."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._awaited = any(act.state == "missing" for act in held.of_kind(USAGE.name))
        self._cited: dict[Place, list[Act]] = {}
        for act in held.standing(USAGE):
            resource = field(act, "resource", None)
            self._cited.setdefault(held.root((resource[0], resource[1])), []).append(act)
        self._answers: dict[tuple[Place, bytes], list[Act]] = {}
        for act in held.of_kind(ANSWER.name):
            if act.stands and readable(act, ANSWER):
                used = field(act, "usage", None)
                self._answers.setdefault(((used[0], used[1]), used[2]), []).append(act)

    def of(self, place: Place) -> UsageState:
        """The uses of the resource at a place, whichever of its versions that is."""
        versions = self._held.versions(place)
        author = versions[0].org if versions else None
        acts = self._last_words(self._cited.get(self._held.root(place), ()))
        said = [self._acknowledgement(act, author) for act in acts]
        said.sort(key=lambda each: (-each.act.time, each.act.place))
        sure = author is not None and not self._awaited and not _gap(self._held, versions)
        return UsageState(_counts(said) if sure else None, tuple(said), self._told(place, author))

    def _told(self, place: Place, author: bytes | None) -> tuple[Told, ...]:
        """The author's last word for each type, in public: of others, or sealed, it would mean nothing."""
        last: dict[str, Told] = {}
        for act in self._held.standing(COUNT):  # by place: the later ones of the author's log stay
            resource = field(act, "resource", None)
            is_of_it = self._held.root((resource[0], resource[1])) == self._held.root(place)
            if is_of_it and act.org == author and not act.sealed:
                told = Told(act, field(act, "type", ""), field(act, "n", 0))
                last[told.type] = told
        return tuple(last[each] for each in sorted(last))

    def answer(self, act: Act, author: bytes | None) -> Act | None:
        """The author's last answer to the very version ``act`` is."""
        given = self._answers.get((act.place, act.leaf), ())
        own = [answer for answer in given if answer.org == author and answer.org != act.org]
        return max(own, key=lambda answer: (answer.index, answer.log), default=None)

    def _last_words(self, acts: Iterable[Act]) -> list[Act]:
        """One for each organisation, version and type: the one its author wrote last."""
        last: dict[tuple[bytes, int, str], Act] = {}
        for act in acts:
            resource = field(act, "resource", None)
            used = self._held.at(resource)
            if used is None and self._held.holds((resource[0], resource[1])):
                continue  # another leaf stands there: the ref resolves to nothing
            key = (act.org, resource[1], field(act, "type", ""))
            known = last.get(key)
            if known is None or (act.index, act.log) > (known.index, known.log):
                last[key] = act
        return list(last.values())

    def _acknowledgement(self, act: Act, author: bytes | None) -> Acknowledgement:
        answer = self.answer(act, author)
        word = field(answer, "answer", "") if answer else ""
        return Acknowledgement(
            act=act,
            type=field(act, "type", ""),
            state={"": "declared", "contest": "contested"}.get(word, "confirmed"),
            version=field(act, "resource", (b"", 0))[1],
            period=field(act, "period", ""),
            purpose=field(act, "purpose", {}),
            experience=field(act, "experience", {}),
            scale=field(act, "scale", ""),
            can_help=field(act, "can_help", False),
            author_only=act.sealed or field(act, "visibility", "public") == "author_only",
            answer=word,
            reason=field(answer, "reason", {}) if answer else {},
        )


def _gap(held: Held, versions: Iterable[Act]) -> bool:
    """Whether a version is known of and not held: uses of it may be missing too."""
    return any(
        act.superseded_by is not None and not held.holds((act.log, act.superseded_by)) for act in versions
    )


def _counts(said: Iterable[Acknowledgement]) -> Counts:
    """What was told to the author alone, or brought to it, is in no figure: every node must show the same."""
    public = [each for each in said if not each.author_only and not each.act.brought]
    counted = [each for each in public if each.state != "contested"]
    confirmed = [each for each in counted if each.state == "confirmed"]
    return Counts(
        declared=len(counted),
        confirmed=len(confirmed),
        contested=len(public) - len(counted),
        can_help=len({each.act.org for each in counted if each.can_help}),
        organisations=len({each.act.org for each in counted}),
        organisations_confirmed=len({each.act.org for each in confirmed}),
        by_type=dict(sorted(Counter(each.type for each in counted).items())),
    )
