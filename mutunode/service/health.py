"""``doctor``: what is well with this node, what is not, and what to do; for a person, in both languages.

Everything on the disk is recomputed for it, so that damage is found when somebody looks and not when it is
too late.
"""

from __future__ import annotations

import shutil

import msgspec

from mutunode.protocol.entry import Header, parse_header
from mutunode.protocol.errors import Broken
from mutunode.service import disputes, network, readonly
from mutunode.service.backup import LAST
from mutunode.service.desk import Desk
from mutunode.service.files import keeping
from mutunode.service.params import Emit
from mutunode.store.interface import StoreError

BACKUP_DAYS_MAX = 31
DAY_SECONDS = 86_400
CLOCK_SECONDS_MAX = 3_600  # minutes are nobody's concern
ROOM_BYTES_MIN = 64 * 1_024 * 1_024  # four times what erasing keeps aside


class Finding(msgspec.Struct, frozen=True):
    """One line of ``doctor``: what it is about, whether it is well, and in words what to do."""

    name: str
    well: bool
    fr: str
    en: str


def doctor(desk: Desk, emit: Emit) -> tuple[Finding, ...]:
    """What is well and what is not, each with what to do; what is not well comes first."""
    status, seen = network.status(desk), network.network(desk)
    findings = (
        _signing(status.read_only, status.read_only_reason),
        _registers(desk, emit),
        _clock(desk),
        _files(desk),
        _disk(desk),
        _room([each.name for each in seen.organisations if each.full]),
        _search(desk),
        _neighbours(len(status.peers)),
        Finding("reach", seen.reach.state != "closed", seen.reach.fr, seen.reach.en),
        _copies(status.holders),
        _backup(desk),
        _forks([each.name for each in (*seen.organisations, seen.me) if each.contested]),
        _disputes([each.org_name for each in disputes.to_decide(desk)]),
    )
    return tuple(sorted(findings, key=lambda finding: finding.well))


def _signing(read_only: bool, reason: dict[str, str]) -> Finding:
    return Finding(
        "signing",
        not read_only,
        reason.get("fr", "Cet ordinateur peut signer."),
        reason.get("en", "This computer may sign."),
    )


def _registers(desk: Desk, emit: Emit) -> Finding:
    """Everything that is held, against what was signed."""
    damaged = entries = registers = 0
    try:
        held = [each for each in desk.reader.organisations() if each.size]
        for done, each in enumerate(held):
            emit({"progress": {"done": done, "total": len(held)}})
            damaged += desk.store.damage(each.log) is not None
            entries += each.size
        registers = len(held)
        is_sound = desk.store.is_sound()
    except StoreError:
        is_sound = False
    if not is_sound:
        words = readonly.READ_ONLY["damaged"]
        return Finding("registers", False, words.fr, words.en)
    if damaged:
        return Finding(
            "registers",
            False,
            f"{damaged} registre(s) ne sont plus tels qu’ils ont été signés : le disque les a abîmés. Ce "
            "qui diffère n’est ni montré ni transmis. Tapez « mutunode doctor --repair ».",
            f"{damaged} register(s) are not as they were signed any more: the disk has damaged them. What "
            "differs is neither shown nor passed on. Type `mutunode doctor --repair`.",
        )
    return Finding(
        "registers",
        True,
        f"{registers} registre(s), {entries} entrées : tout est comme signé.",
        f"{registers} register(s), {entries} entries: all is as it was signed.",
    )


def _clock(desk: Desk) -> Finding:
    """What others sign lies ahead of a clock that is behind: it is held, and shown when its time comes."""
    now = desk.now()
    own = _dated_ahead(desk, now + DAY_SECONDS)
    if own:
        return Finding(
            "clock",
            False,
            f"{own} de vos fiches portent une date de plus d’un jour en avance, d’une horloge qui était "
            "fausse. Les autres ne les montreront qu’à cette date : corrigez-les (« mutunode revise ») pour "
            "qu’elles se voient dès maintenant.",
            f"{own} of your records bear a date more than a day ahead, of a wrong clock. Others show "
            "them on that date only: correct them (`mutunode revise`) to have them seen now.",
        )
    heads = [each.head for each in desk.reader.organisations() if each.head and each.org != desk.org]
    ahead = [head for head in heads if head.time > now + CLOCK_SECONDS_MAX]
    if not ahead:
        return Finding(
            "clock", True, "L’horloge s’accorde avec celles des autres.", "The clock agrees with others'."
        )
    hours = max(head.time - now for head in ahead) // 3_600
    fr, en = (f"{hours} h", f"{hours} h") if hours < 48 else (f"{hours // 24} jours", f"{hours // 24} days")
    return Finding(
        "clock",
        False,
        f"{len(ahead)} organisation(s) signent {fr} en avance sur l’horloge de cet ordinateur : si elle "
        "retarde, mettez-la à l’heure. Ce qui a plus d’un jour d’avance est gardé et montré en son temps.",
        f"{len(ahead)} organisation(s) sign {en} ahead of this computer's clock: if it is behind, set "
        "it. What is more than a day ahead is held, and shown in its time.",
    )


def _dated_ahead(desk: Desk, latest: int) -> int:
    """How many of our records that stand are dated later than that."""
    walk = desk.reader.log_walk(desk.own_log) if desk.reader.organisation(desk.org) else ()
    dated = [index for index, entry in enumerate(walk) if _time(entry.header) > latest]
    found = [desk.reader.at(desk.own_log, index) for index in dated]
    standing = [each for each in found if each and each.superseded_by is None and each.withdrawn_by is None]
    return sum(each.state == "ok" for each in standing)


def _time(header: bytes) -> int:
    """What its author dated it; 0 where that cannot be read."""
    try:
        read = parse_header(header)
    except Broken:
        return 0
    return read.time if isinstance(read, Header) else 0


def _files(desk: Desk) -> Finding:
    swept, lost = keeping.tidy(desk)
    return Finding(
        "files",
        not lost,
        (
            f"{lost} fichier(s) manquaient sur le disque : redemandés à qui les a."
            if lost
            else "Tous les fichiers des fiches sont à leur place."
        )
        + (f" {swept} reste(s) dont plus rien ne parle, retirés." if swept else ""),
        (
            f"{lost} file(s) were missing on the disk: asked for again from whoever has them."
            if lost
            else "All files of records are in their place."
        )
        + (f" {swept} leftover(s) that nothing speaks of, removed." if swept else ""),
    )


def _room(full: list[str]) -> Finding:
    names = ", ".join(full)
    return Finding(
        "room",
        not full,
        f"Plus de place pour ce que publient : {names}. Leur page dit pourquoi."
        if full
        else "Tout ce qui est suivi a sa place sur le disque.",
        f"No more room for what these publish: {names}. Their pages say why."
        if full
        else "All that is followed has its room on the disk.",
    )


def _disk(desk: Desk) -> Finding:
    free = shutil.disk_usage(desk.folder).free
    megabytes = free // 1_000_000
    if free < ROOM_BYTES_MIN:
        return Finding(
            "disk",
            False,
            f"Il ne reste que {megabytes} Mo sur le disque : libérez de la place. Disque plein, on lit, on "
            "cherche et on efface encore, mais rien ne se publie.",
            f"Only {megabytes} MB are left on the disk: free some room. On a full disk one still reads, "
            "searches and erases, but nothing can be published.",
        )
    return Finding("disk", True, f"{megabytes} Mo libres sur le disque.", f"{megabytes} MB free on the disk.")


def _search(desk: Desk) -> Finding:
    behind = desk.reader.newest_change() - desk.index.place.change
    if behind <= 0:
        return Finding("search", True, "La recherche est à jour.", "Search is up to date.")
    return Finding(
        "search",
        False,
        f"La recherche rattrape {behind} changements ; patientez.",
        f"Search is catching up with {behind} changes; wait a moment.",
    )


def _neighbours(count: int) -> Finding:
    if count:
        return Finding(
            "neighbours", True, f"{count} organisation(s) en liaison.", f"{count} organisation(s) connected."
        )
    return Finding(
        "neighbours",
        False,
        "Aucune liaison : sans gravité si vous êtes seul ; sinon, ajoutez une adresse.",
        "No connection: fine if you are alone; otherwise add an address.",
    )


def _copies(holders: int) -> Finding:
    if holders:
        return Finding(
            "copies",
            True,
            f"{holders} organisation(s) gardent tout ce que vous avez publié.",
            f"{holders} organisation(s) hold all you published.",
        )
    return Finding(
        "copies",
        False,
        "Personne d’autre n’a encore copie de vos fiches.",
        "Nobody else holds a copy of your records yet.",
    )


def _backup(desk: Desk) -> Finding:
    try:
        days = int(desk.clock() - (desk.folder / LAST).stat().st_mtime) // DAY_SECONDS
    except OSError:
        return Finding(
            "backup",
            False,
            "Aucune sauvegarde faite d’ici : « mutunode backup DOSSIER » en fait une, le nœud continue.",
            "No backup was made here: `mutunode backup DIR` makes one, the node goes on.",
        )
    if days > BACKUP_DAYS_MAX:
        return Finding(
            "backup",
            False,
            f"La dernière sauvegarde a {days} jours : « mutunode backup DOSSIER ».",
            f"The last backup is {days} days old: `mutunode backup DIR`.",
        )
    return Finding(
        "backup", True, f"Dernière sauvegarde il y a {days} jour(s).", f"Last backup {days} day(s) ago."
    )


def _forks(forked: list[str]) -> Finding:
    if not forked:
        return Finding("forks", True, "Aucun registre double.", "No register was signed twice.")
    names = ", ".join(forked)
    return Finding("forks", False, f"Registre signé en double : {names}.", f"Register signed twice: {names}.")


def _disputes(names: list[str]) -> Finding:
    """Of whom a person has to say which key is followed."""
    if not names:
        return Finding("disputes", True, "Aucune organisation disputée.", "No organisation is disputed.")
    listed = ", ".join(names)
    return Finding(
        "disputes",
        False,
        f"Deux clés se disputent : {listed}. « mutunode todo » dit quoi faire.",
        f"Two keys claim: {listed}. `mutunode todo` says what to do.",
    )
