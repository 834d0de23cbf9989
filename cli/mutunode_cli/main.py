"""``mutunode``: one verb, one module, loaded when asked for.

The table below is all that a start needs to know; a module behind it is imported when its verb runs, and the
libraries of the node itself only where a verb runs without a daemon. A verb the table does not know may be
that of a kind (`publish` by its own name): then the node is asked which kinds it has.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from mutunode import __version__
from mutunode_cli import exits, screen
from mutunode_cli.failure import Failure, broken
from mutunode_cli.options import Context, both, common_options, one
from mutunode_cli.session import Session

VERBS: dict[str, tuple[str, str]] = {  # verb → module, one line of help; in the order people need them
    "init": ("start", both("créer l’identité de l’organisation", "create the organisation's identity")),
    "recover": (
        "recover",
        both("retrouver l’organisation avec sa phrase", "recover the organisation by its phrase"),
    ),
    "run": ("start", both("faire tourner le nœud", "run the node")),
    "status": ("state", both("où en est ce nœud", "how this node stands")),
    "login-link": ("state", both("adresse à usage unique pour les pages", "one-time address of the pages")),
    "publish": ("publish", both("verser une fiche", "publish a record")),
    "import": ("catalogue", both("verser un catalogue CSV ou JSONL", "publish a CSV or JSONL catalogue")),
    "search": ("find", both("chercher dans ce qui est partagé", "search what is shared")),
    "show": ("find", both("lire une fiche", "read a record")),
    "get": ("files", both("obtenir les fichiers d’une fiche", "get the files of a record")),
    "use": ("usage", both("dire que l’on utilise une ressource", "declare that you use a resource")),
    "usage": ("usage", both("qui utilise une ressource", "who uses a resource")),
    "usage-count": (
        "usage",
        both("dire combien l’ont confié, dès trois", "say how many told so in confidence, from three on"),
    ),
    "todo": ("usage", both("ce qui attend une réponse", "what waits for an answer")),
    "answer": ("usage", both("répondre à un usage déclaré", "answer a declared usage")),
    "means": ("means", both("les moyens que l’on se prête", "the means that are lent")),
    "book": ("book", both("réserver, répondre, remettre, rendre", "book, answer, hand over, give back")),
    "revise": ("publish", both("publier une nouvelle version", "publish a new version")),
    "withdraw": ("withdraw", both("retirer une fiche", "withdraw a record")),
    "flag": ("usage", both("signaler une fiche", "flag a record")),
    "prove": ("proofs", both("écrire la preuve d’une fiche", "write the proof of a record")),
    "verify": (
        "proofs",
        both("vérifier une preuve, ou à qui est un fichier", "check a proof, or whose a file is"),
    ),
    "preserve": ("files", both("promettre de garder des copies", "promise to keep copies")),
    "peer": ("peers", both("les autres organisations", "the other organisations")),
    "sync": ("state", both("demander des nouvelles et en attendre", "ask for news and wait for it")),
    "export": (
        "catalogue",
        both("sortir les fiches en JSONL ou CSV", "export records as JSONL or CSV"),
    ),
    "kinds": ("publish", both("les natures de fiches", "the kinds of records")),
    "schema": ("publish", both("le schéma JSON d’une nature", "the JSON schema of a kind")),
    "log": ("log", both("le registre signé", "the signed register")),
    "backup": ("backup", both("sauvegarder le nœud", "back the node up")),
    "restore": ("backup", both("remettre une sauvegarde", "put a backup back")),
    "doctor": ("state", both("examiner ce nœud", "examine this node")),
    "key": ("keys", both("les clés de l’organisation", "the organisation's keys")),
    "epoch": ("keys", both("reprendre le registre, clé neuve", "start the register again, new key")),
}


class Root(click.Group):
    """Knows the verbs without importing them."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order people need them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command, or ``publish`` for a kind that names its own verb."""
        if cmd_name in VERBS:
            module = import_module(f"mutunode_cli.{VERBS[cmd_name][0]}")
            command = getattr(module, cmd_name.replace("-", "_") + "_command")
            assert isinstance(command, click.Command)
            return command
        if cmd_name.startswith("-"):
            return None
        from mutunode_cli.publish import shortcut

        return shortcut(ctx.ensure_object(Session), cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with suggestions from the table."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if not isinstance(error, click.exceptions.NoSuchCommand):
                raise
            raise click.exceptions.NoSuchCommand(args[0], possibilities=VERBS, ctx=ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table; importing every module for it would cost a second."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, text) for verb, (_, text) in VERBS.items()])


def _root() -> Root:
    return Root(
        "mutunode",
        params=common_options(),
        help=both(
            "Un nœud entre organisations : mettre en commun ce qu’elles savent, ce qu’elles ont et ce "
            "qu’elles risquent.",
            "A node between organisations: pool what they know, what they have and what they risk.",
        ),
        no_args_is_help=True,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A name that this terminal cannot show must not stop a command.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    session = Session()
    try:
        code = run(list(sys.argv[1:] if argv is None else argv), session)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        # `mutunode search | head`: the reader has enough (click makes a SystemExit of it, and of nothing
        # else here). Nothing may be written at exit any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.DONE
    return code


def run(argv: list[str], session: Session) -> int:
    """`main` without its care for the streams."""
    root = click.version_option(__version__, prog_name="mutunode")(_root())
    try:
        return int(root.main(argv, prog_name="mutunode", standalone_mode=False, obj=session) or exits.DONE)
    except Failure as failed:
        return _report(failed, session)
    except (KeyError, TypeError, AttributeError) as error:
        if not session.answered:
            raise
        # A verb reads its answer as CONTRACT writes it; a node of another version may write it otherwise.
        return _report(_other_shape(error), session)
    except click.ClickException as error:
        return _misused(error, session)
    except (click.Abort, KeyboardInterrupt):
        session.note("Interrompu.", "Interrupted.")
        return exits.INTERRUPTED


def _other_shape(error: Exception) -> Failure:
    detail = f"{type(error).__name__}: {error}"
    return broken(
        f"Le nœud répond autrement qu’attendu ({detail}) : est-il de la même version que cette commande ?",
        f"The node answers otherwise than expected ({detail}): is it of the same version as this command?",
    )


def _report(failed: Failure, session: Session) -> int:
    if session.json:
        screen.document({"error": failed.to_json()})
    for text in failed.lines(session.language):
        screen.say(screen.clean(text))
    return failed.exit


def _misused(error: click.ClickException, session: Session) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return exits.USAGE
    ctx = getattr(error, "ctx", None)
    screen.say(screen.clean(_in_words(error, session.language)))
    if ctx is not None:
        session.note(f"Voir : {ctx.command_path} --help", f"See: {ctx.command_path} --help")
    return exits.USAGE


def _in_words(error: click.ClickException, language: str) -> str:
    """click speaks English; the errors people meet every day have a French form here."""
    if language != "fr":
        return error.format_message()
    nearest = " ou ".join(getattr(error, "possibilities", None) or ())
    perhaps = f" Vouliez-vous dire {nearest} ?" if nearest else ""
    match error:
        case click.exceptions.NoSuchCommand():
            return f"Commande inconnue : {error.command_name}.{perhaps}"
        case click.NoSuchOption():
            return f"Option inconnue : {error.option_name}.{perhaps}"
        case click.MissingParameter(param=click.Parameter() as missing):
            return f"Il manque {missing.get_error_hint(error.ctx)}."
        case click.BadParameter(param=click.Parameter() as bad):
            return f"Valeur refusée pour {bad.get_error_hint(error.ctx)} : {error.message}"
        case _:
            return one(error.format_message(), language)


if __name__ == "__main__":
    sys.exit(main())
