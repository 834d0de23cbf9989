"""The other organisations: `peer ls`, `nearby`, `add`, `accept`, `invite`, `block`, `unblock`.

Accepting means listening to everything an organisation publishes, so the six check words are shown before: to
be compared by phone with what the other side reads on its own screen.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from mutunode_cli import failure, invite, screen, words
from mutunode_cli.options import Family, both, stream_option, with_session
from mutunode_cli.session import Session

ORG_LENGTH_MIN = len("org_") + 8


@click.group(
    cls=Family,
    help=both("Les autres organisations : les voir, les accepter, les bloquer.", "The other organisations."),
)
def peer_command() -> None:
    """Family of verbs on organisations."""


peer_command.add_command(invite.invite_command, "invite")
peer_command.add_command(invite.invitations_command, "invitations")
peer_command.add_command(invite.revoke_command, "revoke")


@peer_command.command("ls", help=both("Les organisations connues.", "The organisations known."))
@stream_option
@with_session
def ls_command(session: Session) -> None:
    """List organisations."""
    answer = session.call("peer_ls")
    known = _listed(answer, "organisations")
    session.show_list(
        answer, known, lambda: _show_organisations(session, known), [one["org"] for one in known]
    )


def _show_organisations(session: Session, known: list[dict[str, Any]]) -> None:
    if not known:
        session.note(
            "Aucune autre organisation. Voir « mutunode peer nearby » et « mutunode peer add ».",
            "No other organisation. See `mutunode peer nearby` and `mutunode peer add`.",
        )
        return
    now, language = time.time(), session.language
    columns = session.tr(
        "nom|décision|lien|fiches|nouvelles|identifiant", "name|stance|link|records|news|id"
    ).split("|")
    screen.table(columns, [_organisation_row(session, one, now, language) for one in known])
    for one in known:
        _warn(session, one)


def _organisation_row(session: Session, one: dict[str, Any], now: float, language: str) -> tuple[object, ...]:
    link = "connected" if one.get("connected") else "away"
    return (
        one["name"] or "?",
        _stance(session, one),
        "" if one.get("me") else words.both(words.STATES, link, language),
        one["records"],
        words.age(one["heard_at"], now, language),
        one["org"],
    )


def _stance(session: Session, one: dict[str, Any]) -> str:
    if one.get("me"):
        return session.tr("nous", "us")
    return words.both(words.STATES, one["stance"], session.language)


def _warn(session: Session, one: dict[str, Any]) -> None:
    name = one.get("name") or one["org"]
    if one.get("similar_to"):
        session.note(
            f"Attention : « {name} » ressemble à « {one['similar_to']} ». Comparez les mots de contrôle.",
            f"Careful: `{name}` looks like `{one['similar_to']}`. Compare the check words.",
        )
    if one.get("disputed") and not one.get("me"):
        session.note(
            f"{name} : deux reprises du registre se la disputent ; rien de neuf n’en est pris. Voir "
            f"« mutunode peer show {one['org'][:14]} ».",
            f"{name}: two new starts of its register dispute it; nothing new is taken. See "
            f"`mutunode peer show {one['org'][:14]}`.",
        )
    if one.get("contested"):
        session.note(
            f"{name} a signé deux registres différents : la suite est contestée.",
            f"{name} signed two different registers: what follows is contested.",
        )
    elif one.get("forked"):
        session.note(
            f"{name} avait signé deux registres et l’a repris depuis : plus rien n’est contesté.",
            f"{name} once signed two registers; since its new start nothing is contested any more.",
        )


@peer_command.command(
    "nearby",
    help=both(
        "Les organisations qui s’annoncent sur le réseau local, avec leurs mots de contrôle.",
        "The organisations that announce themselves on the local network, with their check words.",
    ),
)
@stream_option
@with_session
def nearby_command(session: Session) -> None:
    """List organisations nearby."""
    answer = session.call("peer_nearby")
    near = _listed(answer, "nearby")
    session.show_list(answer, near, lambda: _show_nearby(session, near), [one["org"] for one in near])


def _show_nearby(session: Session, near: list[dict[str, Any]]) -> None:
    if not near:
        session.note("Personne à proximité pour l’instant.", "Nobody nearby for now.")
        return
    columns = session.tr("nom|adresse|mots de contrôle|identifiant", "name|address|check words|id").split("|")
    rows = [
        (one["name"] or "?", one["address"], words.pick(one["check_words"], session.language), one["org"])
        for one in near
    ]
    screen.table(columns, rows)
    for one in near:
        _warn(session, one)


@peer_command.command(
    "add",
    help=both(
        "Donner une adresse de départ : hôte:port, ou wss://nom, suivi ou non de #org_….",
        "Give a starting address: host:port or wss://name, with or without #org_….",
    ),
)
@click.argument("address")
@with_session
def add_command(session: Session, address: str) -> None:
    """Add an address."""
    answer = session.call("peer_add", {"address": address})
    session.show(answer, lambda: session.note(f"Adresse retenue : {address}.", f"Address kept: {address}."))


@peer_command.command(
    "accept",
    help=both(
        "Accepter une organisation : tout ce qu’elle publie arrivera ici. Comparez avant ses six mots de "
        "contrôle, par téléphone. Avec --vouch, votre registre dit que vous la connaissez, et ceux qui vous "
        "suivent l’écoutent aussi. Une invitation reçue (mutunode://invite/…) se donne de même ; mieux, "
        "« - » la lit sur l’entrée standard : son jeton ne se voit alors pas dans la liste des processus.",
        "Accept an organisation: everything it publishes will arrive here. Compare its six check words "
        "first, by phone. With --vouch, your register says that you know it; those who follow you listen to "
        "it too. An invitation (mutunode://invite/…) is given in the same way; better, `-` reads it from "
        "standard input, so that its token shows in no list of processes.",
    ),
)
@click.argument("org")
@click.option("--address", metavar="A", help=both("où la joindre", "where to reach it"))
@click.option(
    "--vouch/--no-vouch", default=None, help=both("le dire dans votre registre", "say so in your register")
)
@click.option("--yes", is_flag=True, help=both("sans demander confirmation", "without asking"))
@with_session
def accept_command(
    session: Session, org: str, address: str | None, vouch: bool | None, yes: bool
) -> int | None:
    """Accept an organisation."""
    link = invite.given_link(org)
    if link is not None:
        return invite.take_up(session, link, yes)
    known = _find(session, org)
    if known:
        _show_check_words(session, known)
    if sys.stdin.isatty() and not yes and known and not _same_words(session):
        session.note("Rien n’a été décidé.", "Nothing was decided.")
        return None
    if vouch is None:
        vouch = sys.stdin.isatty() and not yes and _wants_to_vouch(session)
    if vouch and address:
        _say_what_stays_here(session, address)
    whole: str = known["org"] if known else org
    answer = session.call("peer_accept", {"org": whole, "address": address, "vouch": vouch})
    session.show(answer, lambda: session.note("Acceptée.", "Accepted."), [whole])
    return None


def _say_what_stays_here(session: Session, address: str) -> None:
    from mutunode.service.peers import is_local

    if is_local(address):
        session.note(
            f"L’adresse {address} est celle d’un réseau local : elle n’est pas dite dans votre registre, où "
            "elle ne mènerait personne.",
            f"The address {address} is one of a local network: it is not told in your register, where it "
            "would lead nobody anywhere.",
        )


def _find(session: Session, org: str) -> dict[str, Any] | None:
    """The organisation meant, if exactly one known or nearby begins so; else the node will tell."""
    if len(org) < ORG_LENGTH_MIN:  # nobody is accepted by a few letters, nor by an empty variable
        raise failure.usage(
            f"« {org} » n’est pas un identifiant : org_ et au moins 8 caractères, ou un lien d’invitation.",
            f"`{org}` is no id: org_ and at least 8 characters after it, or an invitation link.",
        )
    candidates = {
        one["org"]: one
        for one in _listed(session.call("peer_ls"), "organisations")
        + _listed(session.call("peer_nearby"), "nearby")
        if one["org"].startswith(org)
    }
    return next(iter(candidates.values())) if len(candidates) == 1 else None


def _show_check_words(session: Session, known: dict[str, Any]) -> None:
    text = words.pick(known["check_words"], session.language)
    session.note(
        f"{known['name'] or known['org']} — mots de contrôle : {text}",
        f"{known['name'] or known['org']} — check words: {text}",
    )
    _warn(session, known)


def _same_words(session: Session) -> bool:
    question = session.tr(
        "L’autre organisation lit-elle les mêmes mots ?", "Does the other organisation read the same words?"
    )
    return click.confirm(question, default=False, err=True)


def _wants_to_vouch(session: Session) -> bool:
    question = session.tr(
        "Le dire dans votre registre, pour que ceux qui vous suivent l’écoutent aussi ?",
        "Say so in your register, so that those who follow you listen to it too?",
    )
    return click.confirm(question, default=True, err=True)


@peer_command.command(
    "block", help=both("Ne plus rien recevoir d’une organisation.", "Take nothing more from an organisation.")
)
@click.argument("org")
@with_session
def block_command(session: Session, org: str) -> None:
    """Block an organisation."""
    answer = session.call("peer_block", {"org": org})
    session.show(answer, lambda: session.note("Bloquée.", "Blocked."))


@peer_command.command("unblock", help=both("Lever un blocage.", "Lift a block."))
@click.argument("org")
@with_session
def unblock_command(session: Session, org: str) -> None:
    """Unblock an organisation."""
    answer = session.call("peer_unblock", {"org": org})
    session.show(answer, lambda: session.note("Blocage levé.", "Block lifted."))


def _listed(answer: Any, name: str) -> list[dict[str, Any]]:
    """The list itself, or the network page that holds it."""
    return list(answer[name]) if isinstance(answer, dict) else list(answer)


@peer_command.command(
    "show",
    help=both(
        "Une organisation : qui elle est ici, et les clés avec lesquelles elle a signé.",
        "An organisation: who it is here, and the keys it has signed with.",
    ),
)
@click.argument("org")
@with_session
def show_command(session: Session, org: str) -> None:
    """Show one organisation."""
    answer = session.call("peer_show", {"org": org})
    session.show(answer, lambda: _show_one(session, answer), [answer["organisation"]["org"]])


def _show_one(session: Session, answer: dict[str, Any]) -> None:
    one, tr, language = answer["organisation"], session.tr, session.language
    screen.heading(one["name"], one["org"])
    screen.facts(
        [
            (tr("décision", "stance"), _stance(session, one)),
            (tr("fiches", "records"), str(one["records"])),
            (tr("nouvelles", "news"), words.age(one["heard_at"], time.time(), language)),
            (tr("mots de contrôle", "check words"), words.pick(one["check_words"], language)),
        ]
    )
    for epoch in answer.get("epochs", ()):
        screen.line(screen.clean(f"{epoch['epoch']:>3}. {_branch(session, epoch)}"))
    for rival in answer.get("rivals", ()):
        standing = words.both(words.STANDINGS, rival["standing"], language)
        screen.line(screen.clean(f"{rival['epoch']:>3}. ≠ {_branch(session, rival)} ({standing})"))
    _warn(session, one)
    if answer.get("to_decide") and one.get("me"):
        session.note(
            "Deux reprises de votre registre se contredisent. « mutunode key show », sur chacun de vos "
            "ordinateurs, dit les mots de sa clé ; puis choisissez celle à suivre : "
            f"« mutunode peer follow {one['org'][:14]} key_… ».",
            "Two new starts of your register contradict each other. `mutunode key show`, on each of your "
            "computers, tells the words of its key; then choose the one to follow: "
            f"`mutunode peer follow {one['org'][:14]} key_…`.",
        )
    elif answer.get("to_decide"):
        session.note(
            "Deux reprises du registre s’opposent. Demandez de vive voix à l’organisation les mots de sa clé "
            f"(« mutunode key show » les lui dit), puis : « mutunode peer follow {one['org'][:14]} key_… ».",
            "Two new starts of the register contradict each other. Ask the organisation by voice for the "
            "words of its key (`mutunode key show` tells it), then: "
            f"`mutunode peer follow {one['org'][:14]} key_…`.",
        )


def _branch(session: Session, epoch: dict[str, Any]) -> str:
    seen = words.age(epoch["seen_at"], time.time(), session.language)
    reason = epoch["reason"] or session.tr("sans raison donnée", "no reason given")
    said = words.pick(epoch["check_words"], session.language)
    return f"{epoch['operating']} [{said}] {reason} · {seen}"


@peer_command.command(
    "follow",
    help=both(
        "D’une organisation disputée, suivre la suite qui signe avec cette clé.",
        "Of a disputed organisation, follow the branch that signs with this key.",
    ),
)
@click.argument("org")
@click.argument("key")
@with_session
def follow_command(session: Session, org: str, key: str) -> None:
    """Decide a dispute, for this node."""
    answer = session.call("peer_follow", {"org": org, "key": key})
    session.show(answer, lambda: _show_followed(session, answer), [answer["operating"]])


def _show_followed(session: Session, answer: dict[str, Any]) -> None:
    if answer["ours"] and answer["signs"]:
        session.note(
            "Cet ordinateur signe de nouveau pour votre organisation. Dites de vive voix aux autres les six "
            "mots de sa clé (« mutunode key show ») : chacune doit choisir aussi.",
            "This computer signs for your organisation again. Tell the others the six words of its key by "
            "voice (`mutunode key show`): each of them has to choose too.",
        )
        return
    if answer["ours"]:
        session.note(
            "Cet ordinateur suit l’autre clé et ne signe plus rien. Continuez avec l’ordinateur qui a cette "
            "clé, ou prenez-en une neuve ici : « mutunode epoch open ».",
            "This computer follows the other key, and signs nothing any more. Go on with the computer that "
            "has that key, or take a new one here: `mutunode epoch open`.",
        )
        return
    session.note(
        f"{answer['name']} est suivie ici sous la clé {answer['operating']}. L’autre suite reste montrée, et "
        "rien de neuf n’en est pris.",
        f"{answer['name']} is followed here under the key {answer['operating']}. The other branch stays "
        "shown, and nothing new is taken from it.",
    )
