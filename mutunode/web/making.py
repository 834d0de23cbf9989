"""A form made from a kind's declaration.

No kind is named here: a field's type says which control it gets, its section where it stands. Names are
dotted paths, as `Kind.from_input` takes them (``title.fr``, ``ack.policy``, ``based_on.0.changes.fr``); what
was typed is shown again exactly, whatever was wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from mutunode.commons.kind import (
    Blob,
    Bool,
    Choice,
    Context,
    Date,
    Field,
    File,
    Int,
    Kind,
    LangText,
    License,
    ListOf,
    Option,
    Text,
    ValueType,
)
from mutunode.commons.kind import Record as Members
from mutunode.web.controls import OTHER, Control, Offer, Part, Shape
from mutunode.web.i18n import Speech
from mutunode.web.lines import ITEMS_MAX, as_lines, as_texts, items, plain
from mutunode.web.settings import LANGUAGES
from mutunode.web.troubles import Trouble

RADIOS_MAX = 4  # more options are a list to unfold
NEVER_TYPED = frozenset({"supersedes"})  # the node writes it


class Maker:
    """Makes the controls of one form."""

    def __init__(
        self, words: Speech, own_language: str, given: Mapping[str, Any], troubles: Sequence[Trouble]
    ) -> None:
        self._words = words
        self._reader = words.language
        self._own = own_language
        self._given = given
        self._troubles = {trouble.field: trouble.text for trouble in troubles if trouble.field}

    def parts(self, kind: Kind) -> tuple[Part, ...]:
        """The whole form."""
        made = []
        for section in kind.all_sections:
            fields = [field for field in kind.in_section(section.name) if is_typed(field)]
            controls = tuple(self.field(field) for field in fields)
            if controls:
                made.append(Part(section.name, section.label.text(self._reader), controls, section.folded))
        return tuple(made)

    def field(self, field: Field) -> Control:
        """One top-level field."""
        return self._control(field, field.name, self._given.get(field.name))

    def _control(self, field: Field, name: str, given: Any) -> Control:
        label, about = field.label.text(self._reader), field.help.text(self._reader)
        decided = field.default is not None and not _in_a_list(name)
        if given is None and field.default is not None and decided:
            given = field.default(Context(self._own))
        make = _makers().get(field.type.name, Maker._line)
        if isinstance(field.type, File):
            make = Maker._one_file
        elif isinstance(field.type, Members):
            make = Maker._group
        control = make(self, field.type, name, label, about, given)
        error = control.error or self._troubles.get(name, "")
        must = field.mandatory and field.default is None
        return msgspec.structs.replace(control, mandatory=must, decided=decided, error=error)

    # --- one shape each ---

    def _line(self, type: ValueType, name: str, label: str, help: str, given: Any) -> Control:
        return Control(name, "line", label, help, plain(given), error=self._troubles.get(name, ""))

    def _text(self, type: ValueType, name: str, label: str, help: str, given: Any) -> Control:
        shape: Shape = "area" if "\n" in plain(given) else "line"
        return Control(name, shape, label, help, plain(given))

    def _choice(self, type: ValueType, name: str, label: str, help: str, given: Any) -> Control:
        assert isinstance(type, Choice)
        shape: Shape = "radios" if len(type.options) <= RADIOS_MAX else "select"
        return Control(name, shape, label, help, plain(given), offers=self._offers(type.options))

    def _bool(self, type: ValueType, name: str, label: str, help: str, given: Any) -> Control:
        value = (
            {True: "true", False: "false"}.get(given, plain(given))
            if isinstance(given, bool)
            else plain(given)
        )
        if "." not in name:
            return Control(name, "check", label, help, value)
        offers = (Offer("true", self._words.gettext("Yes")), Offer("false", self._words.gettext("No")))
        return Control(name, "radios", label, help, value, offers=offers)

    def _license(self, type: ValueType, name: str, label: str, help: str, given: Any) -> Control:
        assert isinstance(type, License)
        value = plain(given)
        listed = any(option.code == value for option in type.options)
        return Control(
            name,
            "license",
            label,
            help,
            value if listed or not value else OTHER,
            other="" if listed else value,
            offers=self._offers(type.options),
        )

    def _date(self, type: ValueType, name: str, label: str, help: str, given: Any) -> Control:
        assert isinstance(type, Date)
        held = given if isinstance(given, Mapping) else {"given": given}
        date = label or self._words.gettext("Date")
        line = Control(f"{name}.given", "line", date, help, plain(held.get("given")))
        if not type.events:
            return line
        event = Control(
            f"{name}.event",
            "select",
            self._words.gettext("What happened then"),
            value=plain(held.get("event")),
            offers=self._offers(type.events),
        )
        error = self._troubles.get(name, "")
        return Control(
            name, "group", label, parts=(msgspec.structs.replace(line, help=""), event), error=error
        )

    def _lang_text(self, type: ValueType, name: str, label: str, help: str, given: Any) -> Control:
        assert isinstance(type, LangText)
        texts = {tag or self._own: plain(text) for tag, text in as_texts(given, self._own).items()}
        others = [tag for tag in (*texts, *LANGUAGES) if tag != self._own]
        if "." in name:
            others = [tag for tag in others if tag in texts]
        shown = label if self._own == self._reader else self._in_language(label, self._own)
        main = self._text_in(type, name, shown, help, self._own, texts)
        more = tuple(
            self._text_in(type, name, self._in_language(label, tag), "", tag, texts)
            for tag in dict.fromkeys(others)
        )
        error = main.error or self._troubles.get(name, "")
        return msgspec.structs.replace(main, more=more, error=error)

    def _in_language(self, label: str, tag: str) -> str:
        return f"{label} ({self._words.language_name(tag)})"

    def _text_in(
        self, type: LangText, name: str, label: str, help: str, tag: str, texts: Mapping[str, str]
    ) -> Control:
        return Control(
            f"{name}.{tag}",
            "area" if type.multiline else "line",
            label,
            help,
            texts.get(tag, ""),
            error=self._troubles.get(f"{name}.{tag}", ""),
            language=tag,
        )

    def _group(self, type: ValueType, name: str, label: str, help: str, given: Any) -> Control:
        assert isinstance(type, Members)
        if isinstance(given, str) and given and type.short is not None:
            given = type.short(given)
        held = given if isinstance(given, Mapping) else {}
        parts = tuple(
            self._control(inner, f"{name}.{inner.name}", held.get(inner.name))
            for inner in type.fields
            if is_typed(inner)
        )
        return Control(name, "group", label, help, parts=parts)

    def _list(self, type: ValueType, name: str, label: str, help: str, given: Any) -> Control:
        assert isinstance(type, ListOf)
        if isinstance(type.item, File):
            return self._files(type, name, label, help, given)
        if isinstance(given, str) and given:  # typed as lines, and to be shown as typed
            return Control(name, self._list_shape(type), label, help, given, error=self._first_within(name))
        held = items(given)
        lines = as_lines(type, held)
        if lines is not None:
            return Control(name, self._list_shape(type), label, help, lines, error=self._first_within(name))
        item = Field("", type.item, _NO_WORDS)
        blank: list[Any] = [None] if len(held) < ITEMS_MAX else []
        parts = [self._control(item, f"{name}.{place}", value) for place, value in enumerate([*held, *blank])]
        if len(parts) == 1:
            return msgspec.structs.replace(parts[0], label=label)
        numbered = (
            msgspec.structs.replace(part, label=self._words.gettext("No. %(num)s") % {"num": number})
            for number, part in enumerate(parts, 1)
        )
        return Control(name, "group", label, parts=tuple(numbered))

    @staticmethod
    def _list_shape(type: ListOf) -> Shape:
        return "line" if type.separators.strip() else "area"

    def _files(self, type: ValueType, name: str, label: str, help: str, given: Any) -> Control:
        """Files attached so far, each with what may be said of it; more may come with the form."""
        held = [item for item in items(given) if isinstance(item, Mapping) and item.get("blob")]
        parts = tuple(self._file(f"{name}.{place}", item) for place, item in enumerate(held))
        return Control(
            name, "files", label, help, parts=parts, language=self._own, error=self._first_within(name)
        )

    def _one_file(self, type: ValueType, name: str, label: str, help: str, given: Any) -> Control:
        """A field that is one file: the same list, with room for one."""
        control = self._files(type, name, label, help, [given] if isinstance(given, Mapping) else [])
        return msgspec.structs.replace(control, single=True)

    def _file(self, name: str, item: Mapping[str, Any]) -> Control:
        alt = as_texts(item.get("alt"), self._own)
        words = self._words
        hidden = tuple(Offer(f"{name}.{key}", plain(item.get(key))) for key in ("blob", "size", "media_type"))
        parts = (
            Control(f"{name}.name", "line", words.gettext("Name"), value=plain(item.get("name"))),
            Control(
                f"{name}.alt.{self._own}",
                "line",
                words.gettext("What it shows or contains, in a sentence"),
                value=plain(alt.get(self._own) or alt.get("")),
                language=self._own,
            ),
            Control(
                f"{name}.lang", "line", words.gettext("Language code: fr, en…"), value=plain(item.get("lang"))
            ),
            Control(f"{name}.{DROP}", "check", words.gettext("Take it out")),
        )
        return Control(name, "group", plain(item.get("name")), offers=hidden, parts=parts)

    def _first_within(self, name: str) -> str:
        """A list typed on lines shows what is wrong with any of them."""
        return next(
            (text for field, text in self._troubles.items() if f"{field}.".startswith(f"{name}.")), ""
        )

    def _offers(self, options: Iterable[Option]) -> tuple[Offer, ...]:
        reader = self._reader
        return tuple(Offer(each.code, each.label.text(reader), each.help.text(reader)) for each in options)


DROP = "drop"  # the box that takes a file out again

Make = Callable[[Maker, ValueType, str, str, str, Any], Control]


def _makers() -> dict[str, Make]:
    return {
        Choice.name: Maker._choice,
        Bool.name: Maker._bool,
        License.name: Maker._license,
        Date.name: Maker._date,
        LangText.name: Maker._lang_text,
        ListOf.name: Maker._list,
        Text.name: Maker._text,
        Int.name: Maker._line,
    }


def is_typed(field: Field) -> bool:
    """Whether a person fills it in on a page; the node itself writes what a file's content is."""
    return field.name not in NEVER_TYPED and not isinstance(field.type, Blob)


def _in_a_list(name: str) -> bool:
    """An item nobody has begun stays blank: what it holds by default would begin it."""
    return any(part.isdecimal() for part in name.split("."))


class _NoWords:
    """An item of a list has no label of its own."""

    def text(self, language: str) -> str:
        return ""


_NO_WORDS: Any = _NoWords()
