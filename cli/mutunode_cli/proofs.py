"""For somebody outside: `prove` writes a file about one record, `verify` reads it, with no node at all."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from mutunode_cli import fields, kinds, screen, words
from mutunode_cli.failure import from_json, usage
from mutunode_cli.options import Verb, both, with_session
from mutunode_cli.session import Session

SETTLE_SECONDS = 60.0  # after its own timeout, the node still has to say so
FILE_BYTES_MAX = 1_024 * 1_024  # of a proof; a longer file is none
WITNESSES_NAMED_MAX = 20


@click.command(
    cls=Verb,
    help=both(
        "Écrire la preuve d’une fiche : un seul fichier, que « mutunode verify » vérifie sur une machine "
        "qui n’a rien d’autre. Les organisations en liaison qui tiennent ce registre l’attestent.",
        "Write the proof of a record: one file, which `mutunode verify` checks on a machine that has "
        "nothing else. Connected organisations that hold this register witness it.",
    ),
)
@click.argument("rec", required=False, default="")
@click.option(
    "--fork",
    default="",
    metavar="org_…",
    help=both(
        "au lieu d’une fiche : la preuve que cette organisation a signé deux registres",
        "instead of a record: the proof that this organisation signed two registers",
    ),
)
@click.option(
    "-o", "--output", metavar="FILE", help=both("fichier au lieu de la sortie", "a file instead of stdout")
)
@click.option(
    "--witnesses",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help=both("attendre N témoins au moins", "wait for at least N witnesses"),
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, 3_600),
    default=30.0,
    show_default=True,
    metavar="S",
    help=both("secondes au plus", "seconds at most"),
)
@with_session
def prove_command(
    session: Session, rec: str, fork: str, output: str | None, witnesses: int, timeout: float
) -> None:
    """Prove one record, or that an organisation signed two registers."""
    if bool(rec) == bool(fork):
        raise usage(
            "Donnez une fiche, ou --fork et une organisation.",
            "Give a record, or --fork and an organisation.",
        )
    if fork:
        _prove_fork(session, fork, output)
        return
    label = session.tr("Témoins", "Witnesses")
    answer = session.call_with_progress(
        "prove",
        {"rec": rec, "witnesses": witnesses, "timeout": timeout},
        label,
        silence_seconds_max=timeout + SETTLE_SECONDS,
    )
    if output is None and not session.json:
        sys.stdout.write(answer["proof"])  # also when quiet: it is what was asked for
    elif output is None:
        screen.document(answer)
    else:
        _write(Path(output), answer["proof"])
        answer["file"] = output
        written = (f"Preuve dans {output}.", f"Proof in {output}.")
        session.show(answer, lambda: session.note(*written), [answer["id"]])
    session.note(*_seen(answer))


def _prove_fork(session: Session, org: str, output: str | None) -> None:
    answer = session.call("prove_fork", {"org": org})
    if output is None and not session.json:
        sys.stdout.write(answer["proof"])
    elif output is None:
        screen.document(answer)
    else:
        _write(Path(output), answer["proof"])
        answer["file"] = output
        written = (f"Preuve dans {output}.", f"Proof in {output}.")
        session.show(answer, lambda: session.note(*written), [answer["org"]])


def _write(target: Path, text: str) -> None:
    try:
        target.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise fields.refused(target, error) from error


def _seen(answer: dict[str, Any]) -> tuple[str, str]:
    """« Vu par N organisations »."""
    count = answer["seen_by"]
    if not count:
        return (
            "Vu par aucune autre organisation : la preuve montre qui a publié quoi, pas encore depuis quand.",
            "Seen by no other organisation: the proof shows who published what, not yet since when.",
        )
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(answer["seen_at"]))
    if count == 1:
        return f"Vu par 1 organisation, le {when}.", f"Seen by 1 organisation, on {when}."
    return (
        f"Vu par {count} organisations, la première le {when}.",
        f"Seen by {count} organisations, first on {when}.",
    )


# --- verify ---------------------------------------------------------------------------------------
@click.command(
    cls=Verb,
    help=both(
        "Vérifier un fichier de preuve, sans nœud ni réseau : qui a publié quoi, et qui l’a vu quand. D’un "
        "autre fichier, dire à quelle fiche de quelle organisation il appartient, parmi celles d’ici. "
        "Code 7 si quoi que ce soit ne tient pas.",
        "Check a proof file, without node or network: who published what, and who saw it when. Of any other "
        "file, tell which record of which organisation it belongs to, among those held here. "
        "Exit code 7 if anything does not hold.",
    ),
)
@click.argument("file", metavar="FILE")
@click.option(
    "--org",
    default="",
    metavar="org_…",
    help=both("l’auteur attendu (identifiant ou son début)", "the expected author (id or its beginning)"),
)
@with_session
def verify_command(session: Session, file: str, org: str) -> None:
    """Verify a proof."""
    import msgspec

    from mutunode.protocol import forkfile
    from mutunode.protocol.proof import FIRST_LINE
    from mutunode.service.errors import Refusal
    from mutunode.service.verifying import verify
    from mutunode_cli.files import show_whose

    raw = _read(file)
    if forkfile.is_one(raw):
        _verify_fork(session, raw)
        return
    if not raw.startswith(FIRST_LINE.encode()) and file != "-" and not org and show_whose(session, file):
        return
    try:
        told = verify(raw, org, session.language)
    except Refusal as refusal:
        raise from_json(refusal.to_json()) from refusal
    answer = msgspec.to_builtins(told)
    declared = answer.pop("declared")
    session.show({"verified": True, **answer}, lambda: _show(session, answer, declared), [answer["id"]])


def _read(name: str) -> bytes:
    """The file, or stdin for ``-``; of a file too long to be a proof, enough to see that it is none."""
    try:
        if name == "-":
            return sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
        with Path(name).open("rb") as file:
            return file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise fields.cannot_read(name, error) from error


def _show(session: Session, answer: dict[str, Any], declared: dict[str, Any]) -> None:
    tr, language = session.tr, session.language
    kind = kinds.of_declared(declared) if declared else None
    label = words.pick(kind.label, language) if kind else answer["kind"]
    witnesses = answer["witnesses"][:WITNESSES_NAMED_MAX]
    entries = words.some(answer["size"], "entrée", "entry", "entries")
    screen.heading(tr("VÉRIFIÉ", "VERIFIED"), tr(*_seen(answer)))
    screen.facts(
        [
            (tr("publié par", "published by"), answer["org_name"]),
            (tr("organisation", "organisation"), answer["org"]),
            (tr("mots de contrôle", "check words"), words.pick(answer["check_words"], language)),
            (tr("titre", "title"), answer["title"]),
            (tr("nature", "kind"), label),
            (tr("daté par l’auteur du", "dated by its author"), _date(answer["time"])),
            *kinds.body_in_words(kind, answer["body"], language),
            (tr("identifiant", "id"), answer["id"]),
            (tr("registre", "register"), answer["log"]),
            (
                tr("place", "place"),
                tr(
                    f"{answer['index']} d’un registre de {entries[0]}, époque {answer['epoch']}",
                    f"{answer['index']} of a register of {entries[1]}, epoch {answer['epoch']}",
                ),
            ),
            (tr("page signée le", "page signed"), _date(answer["signed_at"])),
            *((tr("vu par", "seen by"), _witness(each)) for each in witnesses),
        ]
    )
    session.note(
        "Un nom est ce qu’une organisation s’est donné : comparez l’identifiant ou les mots de contrôle, "
        "et ne comptez que les témoins que vous connaissez.",
        "A name is what an organisation gave itself: compare the id or the check words, and count only "
        "witnesses that you know.",
    )
    if answer["ignored"]:
        session.note(
            f"{answer['ignored']} signature(s) de clés que le fichier ne présente pas : ignorées.",
            f"{answer['ignored']} signature(s) by keys that the file does not introduce: ignored.",
        )


WAYS = {
    "sizes": (
        "deux pages signées de même longueur, et de contenu différent",
        "two signed pages of one length, with different contents",
    ),
    "leaves": (
        "deux pages signées qui donnent deux entrées différentes à la même place",
        "two signed pages that have two different entries in one place",
    ),
    "bases": (
        "deux pages signées qui disent garder deux longueurs différentes d’avant",
        "two signed pages that say to keep two different lengths of what was before",
    ),
}


def _verify_fork(session: Session, raw: bytes) -> None:
    import msgspec

    from mutunode.service import forking
    from mutunode.service.errors import Refusal

    try:
        fork = msgspec.to_builtins(forking.verify(raw))
    except Refusal as refusal:
        raise from_json(refusal.to_json()) from refusal
    session.show({"verified": True, "fork": fork}, lambda: _show_fork(session, fork), [fork["org"]])


def _show_fork(session: Session, fork: dict[str, Any]) -> None:
    tr = session.tr
    one, other = (_date(at) for at in fork["signed_at"])
    screen.heading(
        tr("VÉRIFIÉ", "VERIFIED"),
        tr("cette organisation a signé deux registres.", "this organisation signed two registers."),
    )
    screen.facts(
        [
            (tr("organisation", "organisation"), fork["org_name"]),
            (tr("identifiant", "id"), fork["org"]),
            (tr("mots de contrôle", "check words"), words.pick(fork["check_words"], session.language)),
            (tr("registre", "register"), fork["log"]),
            (tr("ce qui se contredit", "what contradicts"), tr(*WAYS[fork["way"]])),
            (tr("signées le", "signed"), f"{one} · {other}"),
            (tr("contesté à partir de l’entrée", "contested from entry"), str(fork["first_index"])),
        ]
    )
    session.note(
        "Le plus souvent, deux ordinateurs ont servi une même copie. L’organisation le répare en gardant un "
        "seul ordinateur et en y tapant « mutunode epoch open ».",
        "Most often two computers used one copy. The organisation mends it by keeping one computer and "
        "typing `mutunode epoch open` there.",
    )


def _witness(witness: dict[str, Any]) -> str:
    return f"{_date(witness['time'])}  {witness['name']}  {witness['org']}"


def _date(seconds: int) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):  # an author may claim any number
        return str(seconds)
