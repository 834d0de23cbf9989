"""From what a person typed to what is meant: records, organisations and kinds by id, prefix or name."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from mutunode.commons.kind import Kind
from mutunode.protocol.errors import Malformed
from mutunode.protocol.ids import org_text, prefix_range, rec_text
from mutunode.protocol.limits import FUTURE_SECONDS_MAX
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.store.interface import Stored


def record(desk: Desk, text: str) -> Stored:
    """The record of an id or unique prefix; one whose time is more than a day ahead waits until that comes.

    Ours do not wait: what a wrong clock dated is to be corrected or taken back.

    Raises:
        Refusal: not an id (2), unknown (3), or several records begin so (2).
    """
    rec = _unique(text, "rec", desk.reader.records_like, rec_text)
    found = desk.reader.record(rec)
    if found is None or (found.org != desk.org and found.time > desk.now() + FUTURE_SECONDS_MAX):
        raise not_found(text)
    return found


def organisation(desk: Desk, text: str, *, unknown: bool = False) -> bytes:
    """An organisation's id. ``unknown``: a whole id of one never heard of will do."""
    low, high = _range(text, "org")
    if unknown and low == high:
        return low
    known = {org.org for org in desk.reader.organisations()} | {desk.org}
    known |= {org for org, _, _ in desk.live.candidates()}
    known |= {link.org for link in desk.turns.sight.links if link.org}
    return _unique(text, "org", lambda a, b: sorted(org for org in known if a <= org <= b), org_text)


def kind(desk: Desk, name: str) -> Kind:
    """A kind by its name or by the verb that goes for it."""
    found = desk.registry.get(name) or desk.registry.by_verb(name)
    if found is None:
        names = list(desk.registry)
        near = difflib.get_close_matches(name, names, n=1)
        hint_fr = f" Vouliez-vous dire « {near[0]} » ?" if near else f" Connues : {', '.join(names)}."
        hint_en = f" Did you mean `{near[0]}`?" if near else f" Known: {', '.join(names)}."
        raise Refusal(
            "unknown_kind",
            Exit.USAGE,
            f"Nature de fiche inconnue : « {name} ».{hint_fr}",
            f"Unknown kind of record: `{name}`.{hint_en}",
        )
    return found


def no_head() -> Refusal:
    """Of a register that a new start keeps, and of which its author has signed nothing since."""
    return Refusal(
        "no_head",
        Exit.NOT_FOUND,
        "Ce registre a été repris, et ce qui en est gardé est ici ; mais son auteur n’a encore montré à "
        "personne, parmi vos voisines, la page qui le signe. Recommencez quand il aura été en liaison.",
        "This register was started again, and what is kept of it is here; but its author has not shown any "
        "of your neighbours the page that signs it yet. Try again when it has been connected.",
    )


def not_found(text: str) -> Refusal:
    """Nothing here bears this id."""
    return Refusal(
        "not_found",
        Exit.NOT_FOUND,
        f"Rien ici ne porte l’identifiant « {text} ». La fiche n’est peut-être pas encore arrivée.",
        f"Nothing here has the id `{text}`. The record may not have arrived yet.",
    )


def _range(text: str, prefix: str) -> tuple[bytes, bytes]:
    try:
        _, low, high = prefix_range(text.strip(), prefix)
    except Malformed as error:
        raise Refusal(
            "bad_id",
            Exit.USAGE,
            f"« {text} » n’est pas un identifiant {prefix}_… : au moins 8 caractères après le tiret bas.",
            str(error),
        ) from None
    return low, high


def _unique(
    text: str, prefix: str, like: Callable[[bytes, bytes], list[bytes]], to_text: Callable[[bytes], str]
) -> bytes:
    """The one id that begins so, among those that ``like`` gives between two."""
    low, high = _range(text, prefix)
    found = like(low, high)
    if not found:
        raise not_found(text)
    if len(found) > 1:
        listed = ", ".join(to_text(each)[:20] for each in found[:5])
        raise Refusal(
            "ambiguous",
            Exit.USAGE,
            f"« {text} » désigne plusieurs identifiants : {listed}… Donnez quelques caractères de plus.",
            f"`{text}` begins several ids: {listed}… Give a few more characters.",
        )
    return found[0]
