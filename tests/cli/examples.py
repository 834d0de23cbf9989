"""Answers a node gives, as the service's own structs: the fake node speaks CONTRACT by construction."""

from __future__ import annotations

from typing import Any

import msgspec

from mutunode.service import shapes
from mutunode.service.disputes import WHAT_TO_DO
from mutunode.service.keys import EpochLine, KeysShown, RivalLine, Root

ORG = "org_" + "a" * 52
OTHER = "org_" + "b" * 52
REC = "rec_" + "c" * 52
USE = "rec_" + "d" * 52
LOG = "log_" + "e" * 52

# bytes 0 to 31, in the French list
PHRASE = (
    "abaisser agréable inductif agréable éligible achat bolide boucle amateur exister dérober bison abrasif "
    "justice écharpe inonder avancer piano adulte cobra papaye anonyme hangar tomate"
)


def field(name: str, type_: str, label: str = "", **more: Any) -> dict[str, Any]:
    """A field as the service describes it."""
    words = {"fr": label, "en": label}
    return {
        "name": name,
        "label": words,
        "help": {"fr": "", "en": ""},
        "required": False,
        "type": type_,
    } | more


_SOURCE = [field("uri", "uri", "Address"), field("changes", "lang_text", "Changes")]
_POLICY = [
    {"code": "indifferent", "fr": "Peu importe", "en": "Do not mind"},
    {"code": "welcome", "fr": "Avec plaisir", "en": "Gladly"},
]
KINDS = [
    {
        "name": "resource",
        "verb": "share",
        "sense": "aval",
        "label": {"fr": "Ressource", "en": "Resource"},
        "plural": {"fr": "Ressources", "en": "Resources"},
        "about": {"fr": "Ce que l’on partage.", "en": "What one shares."},
        "listed": True,
        "revisable": True,
        "fields": [
            field("title", "lang_text", required=True) | {"label": {"fr": "Titre", "en": "Title"}},
            field("license", "license", "Licence"),
            field("keywords", "list", "Keywords", of={"type": "text"}),
            field("based_on", "list", "Based on", of={"type": "record", "fields": _SOURCE}),
            field("ack", "record", "News", fields=[field("policy", "choice", "Wish", options=_POLICY)]),
            field("can_help", "bool", "Can help"),
            field("external_ref", "text", "Your own number"),
        ],
        "example": {},
    }
]


def plain(struct: Any) -> Any:
    """A struct as it travels."""
    return msgspec.json.decode(msgspec.json.encode(struct))


def hit(title: str = "Asqatasun", **more: Any) -> shapes.Hit:
    """A record found."""
    known: dict[str, Any] = {
        "id": REC,
        "kind": "resource",
        "sense": "aval",
        "title": title,
        "snippet": "Vérifie l’accessibilité d’un site.",
        "org": OTHER,
        "org_name": "Pôle numérique",
        "language": "fr",
        "license": "AGPL-3.0-only",
        "usage": shapes.UsageCount(declared=6, confirmed=4),
        "score": 1.5,
        "time": 1_700_000_000,
    }
    return shapes.Hit(**known | more)


def found(*hits: shapes.Hit, total: int | None = None) -> Any:
    """A search answer."""
    return plain(
        shapes.SearchAnswer(
            total=len(hits) if total is None else total,
            took_ms=1.2,
            hits=hits,
            facets={"sense": {"aval": 1}, "kind": {}, "language": {}, "license": {}, "org": {}},
        )
    )


def record(**more: Any) -> Any:
    """A record shown."""
    known: dict[str, Any] = {
        "id": REC,
        "kind": "resource",
        "sense": "aval",
        "org": OTHER,
        "org_name": "Pôle numérique",
        "time": 1_700_000_000,
        "body": {
            "title": {"fr": "Grille", "en": "Grid"},
            "keywords": ["embauche", "équité"],
            "can_help": True,
            "ack": {"policy": "welcome"},
        },
        "proof": shapes.Proof(log=LOG, index=3, epoch=0, size=9),
        "revisions": (),
        "usage": shapes.UsageCount(declared=2, confirmed=1),
        "erased": False,
        "title": "Grille",
    }
    return plain(shapes.Record(**known | more))


def usages() -> Any:
    """Who uses a resource."""
    line = shapes.UsageLine(
        id=USE,
        org=ORG,
        org_name="Atelier",
        type="adapted",
        period="2025",
        purpose={"fr": "former", "en": "train"},
        experience={},
        can_help=True,
        answer="thanks",
        state="confirmed",
    )
    return plain(shapes.UsageAnswer(declared=1, confirmed=1, contested=0, organisations=(line,)))


def published(**more: Any) -> Any:
    """A record published."""
    known: dict[str, Any] = {"id": REC, "index": 42, "log": LOG, "created": True}
    return plain(shapes.Published(**known | more))


def preview(**more: Any) -> Any:
    """A record that would be."""
    known: dict[str, Any] = {
        "kind": "resource",
        "sense": "aval",
        "org_name": "Atelier",
        "index": 42,
        "body": {"title": {"fr": "Grille"}},
        "text": '[title]\n  fr = "Grille"\n',
        "title": "Grille",
    }
    return plain(shapes.Preview(**known | more))


def status(**more: Any) -> Any:
    """A node's standing."""
    known: dict[str, Any] = {
        "org": ORG,
        "name": "Atelier Passerelle",
        "epoch": 0,
        "logs": {"public": {"log": LOG, "size": 7, "root": "AAAA", "signed_at": 1_700_000_000}},
        "organisations": 3,
        "records": 900,
        "peers": (shapes.PeerLine(OTHER, "192.0.2.7:7447", "connected"),),
        "version": "0.1.0",
        "web": "http://127.0.0.1:8420",
        "peer": "[::]:7447",
        "read_only": False,
    }
    return plain(shapes.Status(**known | more))


def keys(**more: Any) -> Any:
    """Its keys, with an epoch that was opened and a rival."""
    epoch = EpochLine(1, "Ordinateur volé", 5, "key_b", {}, "root_c", 1, 1_700_000_000)
    rival = RivalLine(1, "tied", "Une autre", 4, "key_d", {}, 1, 1_700_000_000, 1)
    known: dict[str, Any] = {
        "org": ORG,
        "name": "Atelier Passerelle",
        "log": LOG,
        "check_words": {},
        "epoch": 1,
        "operating": "key_b",
        "key_words": {},
        "operating_here": "key_b",
        "current": True,
        "disputed": False,
        "words_here": {"fr": "huit", "en": "eight"},
        "roots": (Root("root_c", 1, 0),),
        "sealing_epochs": (0, 1),
        "wrapped": True,
        "epochs": (epoch,),
        "rivals": (rival,),
    }
    return plain(KeysShown(**known | more))


def organisation(org: str = OTHER, **more: Any) -> Any:
    """An organisation as seen from here."""
    known: dict[str, Any] = {
        "org": org,
        "name": "Pôle numérique",
        "me": False,
        "stance": "",
        "records": 500,
        "by_sense": {"aval": 500},
        "heard_at": 1_700_000_000,
        "signed_at": 1_700_000_000,
        "connected": True,
        "address": "192.0.2.7:7447",
        "known_by": (),
        "check_words": WORDS,
    }
    return plain(shapes.Organisation(**known | more))


WORDS = {
    "fr": "abaisser abandon abdiquer abeille abolir aborder",
    "en": "abandon ability able about above absent",
}


def nearby(org: str = OTHER, **more: Any) -> Any:
    """An organisation on the local network."""
    known: dict[str, Any] = {
        "org": org,
        "address": "192.0.2.7:7447",
        "seen_at": 1_700_000_000,
        "name": "Pôle numérique",
        "check_words": WORDS,
    }
    return plain(shapes.Nearby(**known | more))


def todo() -> Any:
    """One usage to answer."""
    waiting = shapes.Todo(
        id=USE,
        kind="usage_answer",
        sense="aval",
        org=OTHER,
        org_name="Pôle numérique",
        time=1_700_000_000,
        title="Grille",
        target=REC,
        type="adapted",
    )
    return plain(shapes.TodoList(waiting=(waiting,)))


def disputes() -> Any:
    """An organisation that two keys claim."""
    waiting = shapes.Todo(
        id=OTHER,
        kind="decision",
        sense="",
        org=OTHER,
        org_name="Pôle numérique",
        time=1_700_000_000,
        title="",
        target="",
        type="tied",
        text=WHAT_TO_DO["tied"].as_map(),
        about="dispute",
    )
    return plain(shapes.TodoList(waiting=(waiting,)))


def imported(**more: Any) -> Any:
    """An import that went well but for one line."""
    known: dict[str, Any] = {
        "read": 3,
        "created": 2,
        "revised": 0,
        "unchanged": 0,
        "refused": 1,
        "bad": (shapes.BadLine(line=3, field="title", fr="il manque un titre", en="a title is missing"),),
        "ids": (REC, USE),
    }
    return plain(shapes.Imported(**known | more))
