"""Files of records: `--file` of `publish`, `get`, `preserve`; whose a file on the disk is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mutunode_cli import fields, screen
from mutunode_cli.failure import Failure, usage
from mutunode_cli.options import Verb, both, with_session
from mutunode_cli.session import Session

FILE, LOGO = "--file", "--logo"
ABOUT_FILE = {"--alt": "alt", "--lang": "lang", "--media-type": "media_type"}  # of the file named before
SETTLE_SECONDS = 120.0  # after its own timeout: a large file is still written out


# --- publish --file -------------------------------------------------------------------------------
def split(given: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Fields of files (``--file PATH…``, ``--logo PATH``, what is said of each), and all other words."""
    files: list[dict[str, str]] = []
    logo: dict[str, str] = {}
    named = logo  # last, whom the words about a file speak of
    rest: list[str] = []
    left = list(given)
    while left:
        word = left.pop(0)
        flag, equals, value = word.partition("=")
        if flag == FILE:
            paths = [value] if equals else _values(left)
            if not all(paths) or not paths:
                raise usage(f"{FILE} attend un chemin.", f"{FILE} needs a path.")
            files += [{"path": str(Path(path).expanduser().absolute())} for path in paths]
            named = files[-1]
        elif flag == LOGO:
            path = value if equals else _one(flag, left)
            logo["path"] = str(Path(path).expanduser().absolute())
            named = logo
        elif flag.partition(".")[0] in ABOUT_FILE and named:
            name = ABOUT_FILE[flag.partition(".")[0]] + "".join(flag.partition(".")[1:])
            named[name] = value if equals else _one(flag, left)
        else:
            rest.append(word)
    return ({"files": files} if files else {}) | ({"logo": logo} if logo else {}), rest


def _values(left: list[str]) -> list[str]:
    taken = []
    while left and not left[0].startswith("--"):
        taken.append(left.pop(0))
    return taken


def _one(flag: str, left: list[str]) -> str:
    if not left or left[0].startswith("--"):
        raise usage(f"{flag} attend une valeur.", f"{flag} needs a value.")
    return left.pop(0)


def absolute(named: Any, folder: Path) -> Any:
    """Files of a manifest: relative paths start from where the manifest is."""
    items = [part.strip() for part in named.splitlines() if part.strip()] if isinstance(named, str) else named
    if not isinstance(items, list):
        return named
    return [_absolute(item, folder) for item in items]


def _absolute(item: Any, folder: Path) -> Any:
    if isinstance(item, str):
        item = {"path": item}
    if isinstance(item, dict) and isinstance(item.get("path"), str):
        return item | {"path": str((folder / Path(item["path"]).expanduser()).absolute())}
    return item


def added_to(body: dict[str, Any], new: list[dict[str, str]]) -> list[Any]:
    """The files of a record with new ones: those of the same name take the place of the old ones."""
    names = {Path(each["path"]).name for each in new}
    return [each for each in body.get("files", ()) if each.get("name") not in names] + list(new)


def call(session: Session, verb: str, params: dict[str, Any]) -> Any:
    """``publish`` or ``revise`` with files: their progress is shown."""
    return session.call_with_progress(verb, params, session.tr("Fichiers, Mo", "Files, MB"))


# --- get ------------------------------------------------------------------------------------------
@click.command(
    cls=Verb,
    help=both(
        "Obtenir les fichiers d’une fiche, vérifiés, de qui les a : « mutunode get rec_… -o DOSSIER ». "
        "Code 6 si personne de joignable ne les a (ils restent demandés), 7 si ce qui arrive n’est pas eux.",
        "Get the files of a record, verified, from whoever has them: `mutunode get rec_… -o FOLDER`. "
        "Exit code 6 if nobody in reach has them (they stay asked for), 7 if what comes is not them.",
    ),
)
@click.argument("rec")
@click.option(
    "-o", "--output", metavar="DIR", default=".", help=both("dossier d’arrivée", "folder to write to")
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, 86_400),
    default=60.0,
    show_default=True,
    metavar="S",
    help=both("secondes sans rien recevoir, au plus", "seconds without receiving anything, at most"),
)
@with_session
def get_command(session: Session, rec: str, output: str, timeout: float) -> None:
    """Get the files of one record."""
    answer = session.call_with_progress(
        "get",
        {"rec": rec, "path": str(Path(output).expanduser().absolute()), "timeout": timeout},
        session.tr("Fichiers, Mo", "Files, MB"),
        silence_seconds_max=timeout + SETTLE_SECONDS,
    )
    session.show(answer, lambda: _show_got(session, answer), [each["path"] for each in answer["files"]])


def _show_got(session: Session, answer: dict[str, Any]) -> None:
    for each in answer["files"]:
        if not each["written"]:
            session.note(f"Déjà là : {each['path']}", f"Here already: {each['path']}")
        screen.line(screen.clean(each["path"]))


# --- preserve -------------------------------------------------------------------------------------
@click.command(
    cls=Verb,
    help=both(
        "Promettre de garder une copie des fichiers d’une fiche (rec_…) ou d’une organisation (org_…). La "
        "promesse est publique et signée. Avec --stop, elle est retirée, et ce que vous aviez demandé ou "
        "promis n’est plus gardé ici, sauf si autre chose le garde.",
        "Promise to keep a copy of the files of a record (rec_…) or of an organisation (org_…). The promise "
        "is public and signed. With --stop it is withdrawn, and what you asked for or promised is not kept "
        "here any more, unless something else keeps it.",
    ),
)
@click.argument("target", metavar="REC|ORG")
@click.option("--stop", is_flag=True, help=both("ne plus garder ces fichiers", "stop keeping these files"))
@with_session
def preserve_command(session: Session, target: str, stop: bool) -> None:
    """Promise to keep copies, or no longer."""
    if stop:
        answer = session.call("release", {"target": target})
        session.show(answer, lambda: _show_released(session, answer), answer["withdrawn"])
        return
    from mutunode_cli.publish import show_written

    field = "org" if target.startswith("org_") else "record"
    show_written(session, session.call("publish", {"kind": "preserve", "fields": {field: target}}))


def _show_released(session: Session, answer: dict[str, Any]) -> None:
    screen.facts(
        [
            (session.tr("promesses retirées", "promises withdrawn"), str(len(answer["withdrawn"]))),
            (session.tr("fichiers plus gardés ici", "files no longer kept here"), str(answer["dropped"])),
            (
                session.tr("fichiers gardés pour autre chose", "files kept for something else"),
                str(answer["kept"]),
            ),
        ]
    )


# --- whose file is this ---------------------------------------------------------------------------
def show_whose(session: Session, name: str) -> bool:
    """``verify FILE`` for anything but a proof: which records carry this very content; False for none."""
    blob, size = _blob_of(Path(name))
    try:
        records = session.call("whose", {"blob": blob})
    except Failure:
        records = []  # without a node there is nobody to ask
    if not records:
        return False
    answer = {"verified": True, "blob": blob, "size": size, "records": records}
    session.show(answer, lambda: _show_whose(session, answer), [each["id"] for each in records])
    return True


def _show_whose(session: Session, answer: dict[str, Any]) -> None:
    tr = session.tr
    screen.heading(
        tr("VÉRIFIÉ", "VERIFIED"), tr("contenu identique, à l’octet près", "identical, to the byte")
    )
    for each in answer["records"]:
        old = "" if each["current"] else tr("oui", "yes")
        screen.facts(
            [
                (tr("fiche", "record"), each["title"]),
                (tr("de", "by"), each["org_name"]),
                (tr("organisation", "organisation"), each["org"]),
                (tr("nom du fichier", "file name"), each["name"]),
                (tr("version remplacée ou retirée", "replaced or withdrawn version"), old),
                (tr("identifiant", "id"), each["id"]),
            ]
        )
    screen.facts([(tr("contenu", "content"), answer["blob"])])


def _blob_of(path: Path) -> tuple[str, int]:
    from mutunode.protocol.blobs import blob_of
    from mutunode.protocol.ids import blob_text
    from mutunode.protocol.limits import CHUNK_BYTES

    try:
        with path.open("rb") as file:
            blob, size, _ = blob_of(iter(lambda: file.read(CHUNK_BYTES), b""))
    except OSError as error:
        raise fields.cannot_read(str(path), error) from error
    return blob_text(blob), size
