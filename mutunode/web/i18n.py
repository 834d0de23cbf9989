"""What a reader's language changes: the words, and how ages, dates, numbers and names of languages read.

The pages are written in English and translated by ``locale/<language>.po``, compiled when first asked for; a
third language is one more file. A `Speech` is everything a template needs to speak one language.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from importlib import resources

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from mutunode.commons import languages
from mutunode.web.settings import LANGUAGES, Language

SOURCE_LANGUAGE: Language = "en"
MINUTE, HOUR, DAY = 60, 3_600, 86_400
NUMBERS_REMEMBERED = 1_024  # a page of results says fifty
ACCEPT_LANGUAGE_LENGTH_MAX = 256  # browsers send a few dozen characters


def N_(text: str) -> str:  # noqa: N802 - the name the extractor looks for
    """Mark a text for translation where it stands; it is translated where it is shown."""
    return text


class Speech:
    """One language: translations, and the forms of figures."""

    def __init__(self, language: Language, catalogue: gettext.NullTranslations) -> None:
        self.language: Language = language
        self.locale = Locale.parse(language)
        self.gettext = catalogue.gettext
        self.ngettext = catalogue.ngettext
        self.pgettext = catalogue.pgettext
        self.npgettext = catalogue.npgettext
        self._said = lru_cache(NUMBERS_REMEMBERED)(partial(format_decimal, locale=self.locale))

    def number(self, value: int | float) -> str:
        """``12 345`` or ``12,345``."""
        return self._said(value)

    def counted(self, singular: str, plural: str, number: int) -> str:
        """What pages say of so many: the figure in it is written as elsewhere on them, ``12 345``."""
        return self.ngettext(singular, plural, number).replace("%(num)s", self.number(number))

    def date(self, seconds: int | float) -> str:
        """The day of a Unix time, in full."""
        return format_date(_local(seconds), format="long", locale=self.locale)

    def moment(self, seconds: int | float) -> str:
        """Day, hour and minute: for what is compared with a clock."""
        return format_datetime(_local(seconds), format="medium", locale=self.locale)

    def age(self, then: int | float, now: int | float) -> str:
        """How long ago, as a person would say it; the date when it is long ago."""
        elapsed = max(0, int(now - then))
        if elapsed < MINUTE:
            return self.gettext("just now")
        if elapsed < HOUR:
            count = elapsed // MINUTE
            return self.ngettext("%(num)s minute ago", "%(num)s minutes ago", count) % {"num": count}
        if elapsed < 2 * DAY:
            count = elapsed // HOUR
            return self.ngettext("%(num)s hour ago", "%(num)s hours ago", count) % {"num": count}
        if elapsed < 60 * DAY:
            count = elapsed // DAY
            return self.ngettext("%(num)s day ago", "%(num)s days ago", count) % {"num": count}
        return self.gettext("on %(date)s") % {"date": self.date(then)}

    def names(self, values: Sequence[str]) -> str:
        """``A, B and C``."""
        return format_list(list(values), locale=self.locale)

    def size(self, count: int) -> str:
        """A number of bytes in a unit people know."""
        units = ((self.gettext("GB"), 10**9), (self.gettext("MB"), 10**6), (self.gettext("kB"), 10**3))
        for unit, factor in units:
            if count >= factor:
                return f"{self.number(round(count / factor, 1))}\u00a0{unit}"
        return self.ngettext("%(num)s byte", "%(num)s bytes", count) % {"num": self.number(count)}

    def language_name(self, tag: str) -> str:
        """A language's name in this language; the tag itself when nobody knows it."""
        return languages.display_name(tag, self.language)


def _local(seconds: int | float) -> datetime:
    return datetime.fromtimestamp(max(0, min(seconds, 253_402_300_799)), UTC).astimezone()


@cache
def speech(language: Language) -> Speech:
    """The speech of a language; its catalogue is compiled once."""
    return Speech(language, _catalogue(language))


def _catalogue(language: Language) -> gettext.NullTranslations:
    if language == SOURCE_LANGUAGE:
        return gettext.NullTranslations()
    source = resources.files("mutunode.web").joinpath("locale", f"{language}.po").read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source), locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def preferred(accept_language: str, otherwise: Language) -> Language:
    """The first language of an ``Accept-Language`` header that we speak."""
    ranked: list[tuple[float, int, Language]] = []
    for place, item in enumerate(accept_language[:ACCEPT_LANGUAGE_LENGTH_MAX].split(",")):
        tag, _, weight = item.strip().partition(";q=")
        primary = tag.lower().split("-")[0]
        ranked.extend((-_weight(weight), place, ours) for ours in LANGUAGES if ours == primary)
    return min(ranked)[2] if ranked else otherwise


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
