"""Secrets on their way in: typed without an echo, from a file, or from stdin; never an argument.

A phrase is passed to the running node through its socket, which only its owner can open, and is in no
message of either side.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mutunode_cli import failure, fields
from mutunode_cli.failure import Failure
from mutunode_cli.options import both
from mutunode_cli.session import Session

PASSPHRASE_BYTES_MAX = 1_024  # a sentence, not a book
PHRASE_BYTES_MAX = 2_048  # 24 words are 240
STDIN = "-"

PHRASE_FILE = click.option(
    "--phrase-file",
    metavar="FILE",
    help=both(
        "la phrase de secours ; « - » : l’entrée standard ; sans cela, demandée au clavier",
        "the recovery phrase; `-`: standard input; otherwise asked for on the terminal",
    ),
)


def is_somebody_there() -> bool:
    """Whether a question would be answered."""
    return sys.stdin.isatty() and sys.stderr.isatty()


# --- the recovery phrase ------------------------------------------------------------------------
def read_phrase(session: Session, name: str | None) -> str:
    """The recovery phrase: from a file, from stdin (``-``), or typed; checked before anything is asked."""
    if name is not None:
        return _checked(_read(name, PHRASE_BYTES_MAX))
    if not is_somebody_there():
        raise failure.usage(
            "La phrase de secours : --phrase-file FICHIER, ou « - » pour l’entrée standard.",
            "The recovery phrase: --phrase-file FILE, or `-` for standard input.",
        )
    question = session.tr(
        "Phrase de secours (24 mots, rien ne s’affiche)", "Recovery phrase (24 words, nothing is shown)"
    )
    while True:
        typed: str = click.prompt(question, hide_input=True, err=True)
        try:
            return _checked(typed)
        except Failure as wrong:
            session.note(wrong.fr, wrong.en)


def _checked(text: str) -> str:
    from mutunode.service import phrases
    from mutunode.service.errors import Refusal

    try:
        phrases.read(text)
    except Refusal as refused:
        raise failure.from_json(refused.to_json()) from None
    return " ".join(text.split())


# --- the passphrase of the key file ---------------------------------------------------------------
def read_passphrase(name: str) -> str:
    """A passphrase from a file, or from stdin (``-``): one line."""
    passphrase = _read(name, PASSPHRASE_BYTES_MAX).rstrip("\r\n")
    if not passphrase:
        raise failure.usage(
            f"{name} : un mot de passe de 1 à {PASSPHRASE_BYTES_MAX} octets est attendu.",
            f"{name}: a passphrase of 1 to {PASSPHRASE_BYTES_MAX} bytes is expected.",
        )
    return passphrase


def read_text(name: str) -> str:
    """A small file that is no secret."""
    return _read(name, PHRASE_BYTES_MAX)


def _read(name: str, bytes_max: int) -> str:
    try:
        raw = sys.stdin.buffer.read(bytes_max + 1) if name == STDIN else _file(name, bytes_max)
    except OSError as error:
        raise fields.cannot_read(name, error) from error
    if len(raw) > bytes_max:
        raise failure.usage(f"{name} : plus de {bytes_max} octets.", f"{name}: more than {bytes_max} bytes.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise failure.usage(f"{name} : pas en UTF-8.", f"{name}: not UTF-8.") from None


def _file(name: str, bytes_max: int) -> bytes:
    with Path(name).open("rb") as file:
        return file.read(bytes_max + 1)


def new_passphrase(session: Session) -> str:
    """Asked twice on a terminal; empty, or no terminal: a file only its owner can read guards the key."""
    if not is_somebody_there():
        return ""
    question = session.tr("Mot de passe de la clé (vide : aucun)", "Passphrase of the key (empty: none)")
    again = session.tr("Encore une fois", "Once more")
    typed: str = click.prompt(
        question, default="", show_default=False, hide_input=True, confirmation_prompt=again, err=True
    )
    return typed


def known_passphrase(session: Session) -> str:
    """Asked on a terminal when this home's keys are wrapped; the daemon says what is missing otherwise."""
    from mutunode.home import Home, HomeError

    try:
        home = Home(session.home)
        if not (is_somebody_there() and home.has_identity and home.needs_passphrase):
            return ""
    except HomeError:
        return ""  # the daemon meets it again, and says it
    return ask_passphrase(session)


def ask_passphrase(session: Session) -> str:
    """The passphrase that guards the keys now, typed."""
    question = session.tr("Mot de passe de la clé", "Passphrase of the key")
    typed: str = click.prompt(question, hide_input=True, err=True)
    return typed
