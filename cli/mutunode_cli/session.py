"""One run of the command: which home, which language, how to print; and how the node is asked.

A running daemon is asked through its socket. Without one the same verb runs in this process under the
home's lock: one writer, always.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mutunode_cli import exits, failure, screen, words
from mutunode_cli.progress import Progress

if TYPE_CHECKING:
    from mutunode_cli.client import Event

# Asking these a second time changes nothing, so that a node that vanished may be asked again.
READS = frozenset(
    "search get files whose show usage peer_ls peer_nearby todo status log_show schema kinds "
    "key_show peer_show".split()
)

# Somebody holds the home but no socket is there: a daemon that is starting, or another command at work.
BUSY = "home_busy"
BUSY_SECONDS_MAX, BUSY_STEP_SECONDS = 30.0, 0.1  # several commands, one after the other on a busy machine

SILENCE_SECONDS_MAX = 120.0  # a publish behind a large import waits some seconds; a minute more is a fault


def _silent(event: dict[str, Any]) -> None:
    """Progress nobody asked for."""


@dataclass
class Session:
    """What the common options said."""

    language: str = field(default_factory=words.default_language)
    quiet: bool = False
    json: bool = False
    stream: bool = False
    home_given: str | None = None
    said: set[str] = field(default_factory=set)  # which of these an option gave
    passphrase: str = ""  # of the keys, when this process works without a daemon
    answered: bool = False  # a node said something: what goes wrong later may be its answer's shape

    @property
    def home(self) -> Path:
        """``--home``, else ``MUTUNODE_HOME``, else where this system keeps a person's data."""
        given = self.home_given or os.environ.get("MUTUNODE_HOME")
        if given:
            return Path(given).expanduser().absolute()
        from platformdirs import user_data_path

        return user_data_path("mutunode")

    @property
    def is_language_said(self) -> bool:
        """Whether somebody chose the language: by the option, or in the system's settings."""
        return "language" in self.said or words.is_language_set(os.environ)

    def tr(self, fr: str, en: str) -> str:
        """The text in the person's language."""
        return fr if self.language == "fr" else en

    def note(self, fr: str, en: str) -> None:
        """A message on stderr, unless the person asked for silence."""
        if not self.quiet:
            screen.say(screen.clean(self.tr(fr, en)))

    # --- asking the node ------------------------------------------------------------------------
    def call(
        self,
        verb: str,
        params: dict[str, Any] | None = None,
        on_event: Event = _silent,
        silence_seconds_max: float = SILENCE_SECONDS_MAX,
    ) -> Any:
        """Ask the daemon, or do it here when there is none.

        Raises:
            Failure: refused, or nobody can say what became of it.
        """
        from mutunode_cli import client  # `--help` does without

        given = {name: value for name, value in (params or {}).items() if value not in (None, "")}
        patience, may_ask_again = time.monotonic() + BUSY_SECONDS_MAX, verb in READS
        while True:
            try:
                answer = client.call(self.home, verb, given, on_event, silence_seconds_max)
                self.answered = True
                return answer
            except client.NoDaemon:
                try:
                    return self._alone(verb, given, on_event)
                except failure.Failure as failed:
                    if failed.code != BUSY or time.monotonic() > patience:
                        raise
                time.sleep(BUSY_STEP_SECONDS)
            except client.Vanished as error:
                if not may_ask_again:
                    raise _vanished(verb) from error
                may_ask_again = False

    def call_with_progress(self, verb: str, params: dict[str, Any], label: str, **limits: float) -> Any:
        """`call`, showing its progress."""
        with Progress(label, self.quiet) as progress:
            return self.call(verb, params, lambda event: progress.show(event.get("progress")), **limits)

    def _alone(self, verb: str, params: dict[str, Any], on_event: Event) -> Any:
        if not self.home.is_dir():
            raise self.no_node()
        import logging

        import msgspec
        import structlog

        from mutunode.alone import call
        from mutunode.service.errors import Refusal

        # A daemon keeps a journal; of a command, what goes wrong is its answer, and stdout is for that alone.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        try:
            # the same JSON as over the socket
            return msgspec.to_builtins(call(self.home, verb, params, on_event, self.passphrase))
        except Refusal as refusal:
            from mutunode_cli import secret

            if refusal.code == "passphrase_needed" and not self.passphrase and secret.is_somebody_there():
                self.passphrase = secret.ask_passphrase(self)
                return self._alone(verb, params, on_event)
            raise failure.from_json(refusal.to_json()) from refusal

    def no_node(self) -> failure.Failure:
        """There is nothing in this home."""
        return failure.not_found(
            f"Pas de nœud dans {self.home} : créez-le avec « mutunode init », ou indiquez --home.",
            f"No node in {self.home}: create it with `mutunode init`, or give --home.",
        )

    # --- printing -------------------------------------------------------------------------------
    def show(self, answer: Any, human: Callable[[], None], ids: Iterable[str] = ()) -> None:
        """One answer: JSON, ids alone, or words, as was asked."""
        if self.json or self.stream:
            screen.document(answer)
        elif self.quiet:
            for one in ids:
                screen.line(one)
        else:
            human()

    def show_list(
        self, answer: Any, items: list[Any], human: Callable[[], None], ids: Iterable[str] = ()
    ) -> None:
        """As `show`, for a list: ``--stream`` prints one item a line."""
        if self.stream:
            screen.documents(items)
        else:
            self.show(answer, human, ids)


def _vanished(verb: str) -> failure.Failure:
    fr, en = "Rien n’a été changé.", "Nothing was changed."
    if verb not in READS:
        fr = "La demande a pu aboutir ou non : vérifiez avec « mutunode status » avant de recommencer."
        en = "It may or may not have done what was asked: check with `mutunode status` before asking again."
    return failure.Failure(
        "vanished",
        exits.FAILED,
        f"Le nœud s’est arrêté avant d’avoir répondu. {fr}",
        f"The node stopped before it answered. {en}",
    )
