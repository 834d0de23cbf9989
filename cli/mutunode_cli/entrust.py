"""A second recovery key with a friend: `key root`, `entrust` and `request`, `epoch open --with-entrusted`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from mutunode_cli import exits, failure, screen, secret, words
from mutunode_cli.options import Verb, both, with_session
from mutunode_cli.secret import PHRASE_FILE
from mutunode_cli.session import Session


@click.command(
    "root",
    cls=Verb,
    help=both(
        "La clé de secours que vous garderiez pour une autre organisation ; à lui dire.",
        "The recovery key that you would keep for another organisation; to be told to it.",
    ),
)
@click.argument("org")
@PHRASE_FILE
@with_session
def root_command(session: Session, org: str, phrase_file: str | None) -> None:
    """What a friend gives."""
    answer = session.call("key_root", {"phrase": secret.read_phrase(session, phrase_file), "org": org})
    session.note(
        "À dire à cette organisation. Rien de plus n’est à garder ici : la clé naît de votre propre phrase.",
        "Tell it to that organisation. Nothing more is to be kept here: the key grows from your own phrase.",
    )
    session.show(answer, lambda: screen.line(answer["root"]), [answer["root"]])


@click.command(
    "entrust",
    cls=Verb,
    help=both(
        "Confier une seconde clé de secours à une organisation amie (root_…, qu’elle lit avec « key root »).",
        "Entrust a second recovery key to a friendly organisation (root_…, which it reads with `key root`).",
    ),
)
@click.argument("root")
@PHRASE_FILE
@click.option("--reason", default="", help=both("pourquoi (public)", "why (public)"))
@click.option("--remove", is_flag=True, help=both("la lui retirer", "take it back"))
@with_session
def entrust_command(session: Session, root: str, phrase_file: str | None, reason: str, remove: bool) -> None:
    """A second root, last in rank."""
    phrase = secret.read_phrase(session, phrase_file)
    asked = {"phrase": phrase, "root": root, "reason": reason, "remove": remove}
    answer = session.call("key_entrust", asked)
    session.show(answer, lambda: screen.line(answer["operating"]), answer["roots"])


@click.command(
    "request",
    cls=Verb,
    help=both(
        "Phrase et machine sont perdues : faire une phrase neuve, et la demande à porter à l’organisation "
        "qui garde votre seconde clé.",
        "Phrase and machine are lost: make a new phrase, and the request to take to the organisation that "
        "keeps your second key.",
    ),
)
@click.argument("org")
@click.option(
    "--phrase-file",
    metavar="FILE",
    help=both("écrire la phrase neuve dans ce fichier (0600)", "write the new phrase into this file (0600)"),
)
@click.option("-o", "out", required=True, metavar="FILE", help=both("la demande", "the request"))
@with_session
def request_command(session: Session, org: str, phrase_file: str | None, out: str) -> None:
    """What the one that lost everything brings."""
    from mutunode.protocol import ids
    from mutunode.protocol.errors import Malformed
    from mutunode.protocol.phrase import ENTROPY_BYTES
    from mutunode.protocol.phrase import words as phrase_words
    from mutunode.service import entrusting, phrases
    from mutunode_cli.start import phrase_given

    try:
        ids.parse(org, "org")
    except Malformed:
        raise failure.usage(
            "Donnez l’identifiant entier de votre organisation : org_… (ses partenaires l’ont).",
            "Give the whole id of your organisation: org_… (its partners have it).",
        ) from None
    entropy = os.urandom(ENTROPY_BYTES)
    with phrase_given(session, phrase_file, entropy):
        given = phrases.read(" ".join(phrase_words(entropy, session.language)))
        asked = entrusting.request(given, org)
        answer = {**entrusting.as_json(asked), "check_words": entrusting.words_of_request(asked)}
        Path(out).write_text(json.dumps(entrusting.as_json(asked), indent=2) + "\n", "utf-8")
    session.note(
        f"Portez {out} à l’organisation qui garde votre seconde clé, et lisez-lui ces mots de vive voix. "
        f"Elle tape : mutunode epoch open --with-entrusted {out}. Puis ici : "
        "mutunode recover --seed SON_ADRESSE.",
        f"Take {out} to the organisation that keeps your second key, and read it these words by voice. It "
        f"types: mutunode epoch open --with-entrusted {out}. Then here: mutunode recover --seed ITS_ADDRESS.",
    )
    session.show(answer, lambda: screen.line(words.pick(answer["check_words"], session.language)), [out])


def hand_back(session: Session, name: str, phrase_file: str | None, reason: str, yes: bool) -> int:
    from mutunode.service import entrusting
    from mutunode.service.errors import Refusal

    text = secret.read_text(name)
    try:
        asked = entrusting.read_request(text)
    except Refusal as refused:
        raise failure.from_json(refused.to_json()) from None
    said = words.pick(entrusting.words_of_request(asked), session.language)
    session.note(
        f"Demande pour {asked.org}. Ses six mots : {said}. Comparez-les de vive voix avec des gens que vous "
        "reconnaissez : qui fait cette demande aura l’organisation.",
        f"A request for {asked.org}. Its six words: {said}. Compare them by voice with people you recognise: "
        "whoever made this request will have the organisation.",
    )
    question = session.tr("Les mots sont-ils les mêmes ?", "Are the words the same?")
    if secret.is_somebody_there() and not yes and not click.confirm(question, default=False, err=True):
        session.note("Rien n’a été signé.", "Nothing was signed.")
        return exits.DONE
    phrase = secret.read_phrase(session, phrase_file)
    answer = session.call("hand_back", {"phrase": phrase, "request": text, "reason": reason})
    session.note(
        f"{answer['name']} peut revenir : mutunode recover --seed VOTRE_ADRESSE, avec sa phrase neuve.",
        f"{answer['name']} can come back: mutunode recover --seed YOUR_ADDRESS, with its new phrase.",
    )
    session.show(answer, lambda: screen.line(answer["operating"]), [answer["operating"]])
    return exits.DONE
