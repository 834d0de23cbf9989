"""`recover`: the organisation comes back from its phrase and from those who know it."""

from __future__ import annotations

import os
import time
from typing import Any

import click

from mutunode_cli import exits, failure, screen, secret, words
from mutunode_cli.options import Verb, both, with_session
from mutunode_cli.progress import Progress
from mutunode_cli.secret import PHRASE_FILE
from mutunode_cli.session import Session


@click.command(
    cls=Verb,
    own_language=True,
    help=both(
        "Retrouver l’organisation sur une machine vide, avec sa phrase de secours et l’adresse de qui la "
        "connaît.",
        "Recover the organisation on an empty machine, with its phrase and the address of somebody who knows "
        "it.",
    ),
)
@PHRASE_FILE
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    metavar="HOST:PORT[#org_…]",
    help=both(
        "adresse d’une organisation qui vous connaît ; se répète, plus il y en a mieux c’est",
        "address of an organisation that knows you; repeatable, the more the better",
    ),
)
@click.option(
    "--org",
    default="",
    metavar="org_…",
    help=both("laquelle, si plusieurs s’en réclament", "which one, when several claim it"),
)
@click.option("--reason", default="", help=both("pourquoi (public)", "why (public)"))
@click.option(
    "--begin-empty",
    is_flag=True,
    help=both("elle n’avait encore rien publié", "it had not published anything yet"),
)
@click.option(
    "--language",
    type=click.Choice(words.LANGUAGES),
    help=both("langue de l’organisation", "language of the organisation"),
)
@click.option(
    "--passphrase-file",
    metavar="FILE",
    envvar="MUTUNODE_PASSPHRASE_FILE",
    help=both("mot de passe qui protégera la clé du nœud", "passphrase that will guard the node's key"),
)
@with_session
def recover_command(
    session: Session,
    phrase_file: str | None,
    seeds: tuple[str, ...],
    org: str,
    reason: str,
    begin_empty: bool,
    language: str | None,
    passphrase_file: str | None,
) -> int:
    """Recover an organisation."""
    session.language = language or session.language
    addresses = _addresses(seeds)
    phrase = secret.read_phrase(session, phrase_file)
    if passphrase_file:
        passphrase = secret.read_passphrase(passphrase_file)
    else:
        passphrase = secret.new_passphrase(session)
    answer = _recover(session, phrase, addresses, org, reason, passphrase, begin_empty)
    session.show(answer, lambda: _show(session, answer), [answer["org"]])
    return exits.DONE


def _addresses(seeds: tuple[str, ...]) -> list[Any]:
    from mutunode.recovery import read_given
    from mutunode.service.errors import Refusal

    if not seeds:
        raise failure.usage(
            "L’adresse d’une organisation qui vous connaît : --seed MACHINE:PORT (et d’autres, si possible).",
            "The address of an organisation that knows you: --seed HOST:PORT (and more, if you can).",
        )
    try:
        return list(read_given(seeds))
    except Refusal as refusal:
        raise failure.usage(f"--seed : {refusal.fr}", f"--seed: {refusal.en}") from None


def _recover(
    session: Session,
    phrase: str,
    seeds: list[Any],
    org: str,
    reason: str,
    passphrase: str,
    begin_empty: bool,
) -> dict[str, Any]:
    import msgspec

    from mutunode.config import ConfigError, load
    from mutunode.home import Home, HomeError
    from mutunode.recovery import recover
    from mutunode.service import phrases
    from mutunode.service.errors import Refusal

    label = session.tr("Registre retrouvé", "Register recovered")
    try:
        with Home.hold(session.home) as home, Progress(label, session.quiet) as progress:
            settings = load(home.path, os.environ, {})
            recovered = recover(
                home,
                phrases.read(phrase),
                seeds,
                store_url=settings.store,
                language=session.language,
                emit=lambda event: progress.show(_collected(event)),
                passphrase=passphrase,
                org=org,
                reason=reason,
                begin_empty=begin_empty,
            )
    except Refusal as refusal:
        raise failure.from_json(refusal.to_json()) from None
    except HomeError as error:
        raise failure.Failure(error.code, exits.CONFLICT, error.fr, error.en) from None
    except ConfigError as error:
        raise failure.usage(error.fr, error.en) from None
    answer: dict[str, Any] = msgspec.to_builtins(recovered)
    return answer


def _collected(event: dict[str, Any]) -> dict[str, Any] | None:
    """How much came back; who was asked first says nothing of that."""
    progress: dict[str, Any] = event.get("progress") or {}
    return progress if progress.get("step") == "collecting" and progress.get("total") else None


def _show_set_aside(session: Session, branch: dict[str, Any]) -> None:
    reason = branch["reason"] or session.tr("sans raison donnée", "no reason given")
    seen = words.age(branch["seen_at"], time.time(), session.language)
    said = words.pick(branch["check_words"], session.language)
    session.note(
        f"Laissée de côté : une autre reprise n° {branch['epoch']} de votre registre ({reason} ; vue "
        f"{seen} ; clé {branch['operating'][:14]}… [{said}]). Ce qui n’a été publié que là est à publier de "
        "nouveau.",
        f"Set aside: another new start no. {branch['epoch']} of your register ({reason}; seen {seen}; key "
        f"{branch['operating'][:14]}… [{said}]). What was published only there has to be published again.",
    )


def _show(session: Session, answer: dict[str, Any]) -> None:
    tr = session.tr
    screen.facts(
        [
            (tr("organisation", "organisation"), answer["name"]),
            (tr("identifiant", "id"), answer["org"]),
            (tr("mots de contrôle", "check words"), words.pick(answer["check_words"], session.language)),
            (tr("reprise du registre", "new start of the register"), f"n° {answer['epoch']}"),
            (tr("entrées retrouvées", "entries recovered"), str(answer["base"])),
            (tr("organisations suivies à nouveau", "organisations followed again"), len(answer["accepted"])),
        ]
    )
    if answer["roots_above"]:
        session.note(
            "ATTENTION : une autre clé de secours passe avant la vôtre et peut reprendre l’organisation. "
            "Comparez les mots de contrôle avec une organisation qui vous connaît.",
            "CAREFUL: another root key comes before yours and may take the organisation over. Compare the "
            "check words with an organisation that knows you.",
        )
    for branch in answer["set_aside"]:
        _show_set_aside(session, branch)
    if answer["set_aside"]:
        said = words.pick(answer["key_words"], session.language)
        session.note(
            "Les autres organisations devront dire laquelle suivre : lisez-leur, de vive voix, les six mots "
            f"de votre clé neuve : {said}",
            "Other organisations will have to say which one to follow: read them, by voice, the six words of "
            f"your new key: {said}",
        )
    if answer["shown"]:
        session.note(
            "Une autre organisation l’a déjà appris : l’ancienne clé n’y vaut plus rien.",
            "Another organisation has heard of it already: the old key is of no use there any more.",
        )
    session.note(
        f"C’est à nouveau vous. Ensuite : « mutunode run --home {session.home} », puis acceptez à nouveau "
        "celles que vous suiviez (« mutunode peer ls »).",
        f"This is you again. Next: `mutunode run --home {session.home}`, then accept again those you "
        "followed (`mutunode peer ls`).",
    )
