"""Begin: `init` makes the organisation's identity, `run` is the daemon.

The recovery phrase is shown once, on the terminal itself or in a file only its owner can read: never on the
standard output, in JSON or in an argument list. It is given out before the identity exists: a crash in
between leaves a phrase for nothing, never an identity nobody can recover.
"""

from __future__ import annotations

import os
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from mutunode_cli import exits, failure, fields, screen, secret, words
from mutunode_cli.failure import Failure
from mutunode_cli.options import Verb, both, with_session
from mutunode_cli.session import Session

ENTROPY_BYTES = 32  # 24 words
MAY_STAND_BEFORE = frozenset({"mutunode.toml"})  # settings may be laid down before the identity


@click.command(
    cls=Verb,
    own_language=True,
    help=both(
        "Créer l’identité de l’organisation, et donner une seule fois sa phrase de secours.",
        "Create the organisation's identity, and give its recovery phrase once.",
    ),
)
@click.option(
    "--name", required=True, metavar="NAME", help=both("nom de l’organisation", "the organisation's name")
)
@click.option(
    "--language",
    type=click.Choice(words.LANGUAGES),
    help=both("langue de l’organisation et de sa phrase", "language of the organisation and of its phrase"),
)
@click.option(
    "--phrase-file",
    metavar="FILE",
    help=both("écrire la phrase dans ce fichier (0600)", "write the phrase into this file (0600)"),
)
@click.option(
    "--passphrase-file",
    metavar="FILE",
    envvar="MUTUNODE_PASSPHRASE_FILE",
    help=both("mot de passe qui protège la clé du nœud", "passphrase that protects the node's key"),
)
@with_session
def init_command(
    session: Session, name: str, language: str | None, phrase_file: str | None, passphrase_file: str | None
) -> None:
    """Create an identity."""
    session.language = language or session.language
    _refuse_existing(session.home)
    _check_name(name)
    passphrase = (
        secret.read_passphrase(passphrase_file) if passphrase_file else secret.new_passphrase(session)
    )
    entropy = os.urandom(ENTROPY_BYTES)
    with phrase_given(session, phrase_file, entropy):
        org = _create(session, name, entropy, passphrase)
    session.note(
        f"Identité créée dans {session.home}. Ensuite : « mutunode run ».",
        f"Identity created in {session.home}. Next: `mutunode run`.",
    )
    session.show({"org": org, "name": name, "home": str(session.home)}, lambda: screen.line(org), [org])


def _refuse_existing(home: Path) -> None:
    try:
        found = {entry.name for entry in home.iterdir()} - MAY_STAND_BEFORE
    except FileNotFoundError:
        return
    except NotADirectoryError:
        found = {home.name}
    if found:
        raise Failure(
            "home_exists",
            exits.CONFLICT,
            f"{home} n’est pas vide ({', '.join(sorted(found)[:3])}…) : rien n’y a été touché. "
            "Choisissez un autre --home.",
            f"{home} is not empty ({', '.join(sorted(found)[:3])}…): nothing in it was touched. "
            "Choose another --home.",
        )


def _check_name(name: str) -> None:
    from mutunode.protocol.limits import NAME_BYTES_MAX

    if not name.strip() or "\0" in name or len(name.encode("utf-8", "replace")) > NAME_BYTES_MAX:
        raise failure.usage(
            f"--name : un nom de 1 à {NAME_BYTES_MAX} octets est attendu.",
            f"--name: a name of 1 to {NAME_BYTES_MAX} bytes is expected.",
        )
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in name):
        raise failure.usage(
            "--name : le nom contient un caractère invisible. Tapez-le plutôt que de le coller.",
            "--name: the name holds an invisible character. Type it rather than pasting it.",
        )


def _create(session: Session, name: str, entropy: bytes, passphrase: str) -> str:
    from mutunode.home import Home, HomeError
    from mutunode.protocol.ids import org_text

    try:
        home = Home.create(
            session.home,
            name=name,
            language=session.language,
            entropy=entropy,
            now=int(time.time()),
            passphrase=passphrase,
        )
    except HomeError as error:
        raise Failure(error.code, exits.CONFLICT, error.fr, error.en) from error
    except OSError as error:
        from mutunode import system

        fr, en = system.why(error)
        where = session.home
        raise Failure("cannot_write", exits.READ_ONLY, f"{where} : {fr}.", f"{where}: {en}.") from error
    return org_text(home.genesis.org)


# --- the phrase ---------------------------------------------------------------------------------
@contextmanager
def phrase_given(session: Session, phrase_file: str | None, entropy: bytes) -> Iterator[None]:
    """Give the phrase out, then let the identity be made; a phrase that leads nowhere is taken back."""
    from mutunode.protocol.phrase import words as phrase_words

    phrase = " ".join(phrase_words(entropy, session.language))
    if phrase_file:
        _write_secret(Path(phrase_file), phrase)
    else:
        _show_on_terminal(session, phrase)
    try:
        yield
    except BaseException:
        if phrase_file:
            Path(phrase_file).unlink(missing_ok=True)
        session.note(
            "L’identité n’a pas été créée : cette phrase ne sert à rien.",
            "The identity was not created: this phrase is good for nothing.",
        )
        raise


def _write_secret(path: Path, phrase: str) -> None:
    """A new file, ours alone from its first byte, on the disk before the identity."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Failure(
            "phrase_file_exists",
            exits.CONFLICT,
            f"{path} existe déjà : choisissez un autre nom, une phrase n’en efface pas une autre.",
            f"{path} exists already: choose another name, one phrase does not overwrite another.",
        ) from error
    except OSError as error:
        raise fields.cannot_read(str(path), error) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(phrase + "\n")
        file.flush()
        os.fsync(file.fileno())


def _show_on_terminal(session: Session, phrase: str) -> None:
    """On the terminal, past whatever stderr was turned to; on stderr only where there is no terminal."""
    listed = phrase.split()
    rows = ["  ".join(f"{n + 1:>2}. {listed[n]:<12}" for n in range(row, len(listed), 6)) for row in range(6)]
    text = "\n".join(
        [
            session.tr(
                "Phrase de secours, montrée cette seule fois. Recopiez ces 24 mots sur papier :",
                "Recovery phrase, shown this once only. Copy these 24 words on paper:",
            ),
            "",
            *rows,
            "",
        ]
    )
    try:
        with Path("/dev/tty").open("w", encoding="utf-8") as terminal:
            terminal.write(text + "\n")
    except OSError:  # no terminal at all: whoever captures stderr asked for it
        screen.say(text)


# --- the daemon ---------------------------------------------------------------------------------
@click.command(
    cls=Verb,
    help=both(
        "Faire tourner le nœud, au premier plan ; Ctrl-C ou SIGTERM l’arrête. Sans identité, la page de "
        "premier démarrage la crée.",
        "Run the node, in the foreground; Ctrl-C or SIGTERM stops it. Without an identity, the first-run "
        "page makes one.",
    ),
)
@click.option(
    "--peer-listen", metavar="HOST:PORT", help=both("où les autres nous joignent", "where others reach us")
)
@click.option("--web-listen", metavar="HOST:PORT", help=both("où sont les pages", "where the pages are"))
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    metavar="HOST:PORT[#org_…]",
    help=both("adresse de départ ; se répète", "starting address; repeatable"),
)
@click.option(
    "--no-lan", is_flag=True, help=both("ne pas s’annoncer sur le réseau local", "no local announcements")
)
@click.option(
    "--peer-tls-proxy",
    metavar="NAME[:PORT]",
    help=both("nom du mandataire TLS devant le nœud", "name of the TLS proxy before the node"),
)
@click.option(
    "--passphrase-file",
    metavar="FILE",
    envvar="MUTUNODE_PASSPHRASE_FILE",
    help=both("mot de passe de la clé du nœud", "passphrase of the node's key"),
)
@with_session
def run_command(
    session: Session,
    /,
    seeds: tuple[str, ...],
    no_lan: bool,
    passphrase_file: str | None,
    **given: str | None,
) -> int:
    """Run the daemon."""
    overrides: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if seeds:
        overrides["seeds"] = seeds
    if no_lan:
        overrides["lan"] = False
    passphrase = (
        secret.read_passphrase(passphrase_file) if passphrase_file else secret.known_passphrase(session)
    )
    if passphrase:
        overrides["passphrase"] = passphrase
    from mutunode.daemon import main

    code: int = main(session.home, overrides, session.language)
    return code
