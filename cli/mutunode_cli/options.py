"""What all commands share: the common options, and help in the person's language.

The common options may stand before the verb or after it. Help is written ``both("…", "…")`` and the
formatter takes the half that the person reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from mutunode_cli.session import Session
from mutunode_cli.words import LANGUAGES, default_language

_BETWEEN = "\u2060¦\u2060"  # word joiners: a help text contains them nowhere else

P = ParamSpec("P")
R = TypeVar("R")

_HEADINGS = {"Options": "Options", "Commands": "Commandes", "Arguments": "Arguments"}


def both(fr: str, en: str) -> str:
    """A help text in both languages."""
    return fr + _BETWEEN + en


def one(text: str, language: str) -> str:
    """The half of `both` that a person reads; a plain text as it is."""
    fr, between, en = text.partition(_BETWEEN)
    if not between:
        return _CLICK_WORDS.get(text, text) if language == "fr" else text
    return fr if language == "fr" else en


_CLICK_WORDS = {
    "Show this message and exit.": "Afficher cette aide.",
    "Show the version and exit.": "Afficher la version.",
}


class _Formatter(click.HelpFormatter):
    """Writes help in one language."""

    def __init__(self, language: str, width: int | None, max_width: int | None) -> None:
        super().__init__(width=width, max_width=max_width)
        self._language = language

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, "Usage : " if self._language == "fr" else prefix)

    def write_heading(self, heading: str) -> None:
        super().write_heading(_HEADINGS.get(heading, heading) if self._language == "fr" else heading)

    def write_text(self, text: str) -> None:
        super().write_text(one(text, self._language))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl([(term, one(text, self._language)) for term, text in rows], col_max, col_spacing)


class Context(click.Context):
    """A context that knows the person's language."""

    def make_formatter(self) -> click.HelpFormatter:
        """The formatter of `both`."""
        session = self.find_object(Session)
        language = session.language if session else default_language()
        return _Formatter(language, self.terminal_width, self.max_content_width)


def common_options(language: bool = True) -> list[click.Parameter]:
    """``--home``, ``-q``, ``--json`` and ``--language``: fresh ones, as click keeps state in them."""
    options: list[click.Parameter] = [
        _option("--home", "home_given", both("dossier du nœud", "the node's folder"), metavar="DIR"),
        _option(
            "-q", "quiet", both("identifiants seulement", "ids only"), "--quiet", is_flag=True, default=None
        ),
        _option("--json", "json", both("un document JSON", "one JSON document"), is_flag=True, default=None),
    ]
    if language:
        # Eager: the help and the errors that follow are already in this language.
        options.append(
            _option(
                "--language",
                "language",
                both("langue des messages : fr ou en", "language of messages: fr or en"),
                type=click.Choice(LANGUAGES),
                is_eager=True,
            )
        )
    return options


def _option(flag: str, name: str, text: str, *more: str, **attributes: Any) -> click.Option:
    def keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value is not None:
            session = ctx.ensure_object(Session)
            setattr(session, name, value)
            session.said.add(name)

    return click.Option(
        [flag, *more, f"common_{name}"], help=text, expose_value=False, callback=keep, **attributes
    )


class Verb(click.Command):
    """A command with the common options.

    ``own_language``: its own ``--language`` means something else (the language of what is searched).
    """

    context_class = Context

    def __init__(self, *args: Any, own_language: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += common_options(language=not own_language)


class Family(click.Group):
    """A verb with verbs below it: ``peer ls``."""

    context_class = Context
    command_class = Verb

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += common_options()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Whole lines: click would cut a text in both languages after its first words."""
        rows = [(name, self.commands[name].help or "") for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def stream_option(command: Callable[P, R]) -> Callable[P, R]:
    """``--stream``: lists as one JSON object a line."""

    def keep(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        ctx.ensure_object(Session).stream = value

    return click.option(
        "--stream",
        is_flag=True,
        expose_value=False,
        callback=keep,
        help=both("un objet JSON par ligne", "one JSON object a line"),
    )(command)


def dry_run_option(command: Callable[P, R]) -> Callable[P, R]:
    """``--dry-run``: show what would be signed, sign nothing."""
    return click.option(
        "--dry-run",
        is_flag=True,
        help=both("montrer ce qui serait signé, sans signer", "show what would be signed, sign nothing"),
    )(command)


def with_session(command: Callable[Concatenate[Session, P], R]) -> Callable[P, R]:
    """Give the command its `Session` first."""
    return click.make_pass_decorator(Session, ensure=True)(command)
