"""What a proof file says, for somebody who has this program and nothing else: no node, no network, no home.

A proof stands on ids, not on names: a name is what an organisation called itself when it was made, and
anybody can take any name. So the answer gives the id and its check words, to be compared by voice or on
paper, and a reader who knows which author to expect may say so.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import msgspec

from mutunode.commons.kind import Kind
from mutunode.commons.languages import pick
from mutunode.commons.registry import load
from mutunode.commons.words import LangMap, Words
from mutunode.protocol import proof
from mutunode.protocol.errors import Malformed
from mutunode.protocol.ids import log_text, org_text, prefix_range, rec_text
from mutunode.protocol.phrase import check_words
from mutunode.service.describing import describe
from mutunode.service.errors import Exit, Refusal

DOUBTS = {
    proof.FILE: Words(
        "Ce n’est ni un fichier d’une fiche connue ici, ni une preuve que ce programme puisse lire ; il a pu "
        "être changé ou abîmé en chemin",
        "This is neither a file of a record known here, nor a proof that this program can read; it may have "
        "been changed or damaged on its way",
    ),
    proof.AUTHOR: Words(
        "L’identité de l’auteur ne tient pas : son acte de naissance ou l’une de ses clés a été changé",
        "The author's identity does not hold: its birth certificate or one of its keys was changed",
    ),
    proof.REGISTER: Words(
        "La page de registre n’est pas celle de cette organisation",
        "The page of the register is not one of this organisation",
    ),
    proof.SIGNATURE: Words(
        "La signature de l’auteur ne correspond pas : il n’a pas signé cette page de registre",
        "The author's signature does not match: it did not sign this page of the register",
    ),
    proof.CONTENT: Words(
        "Le contenu n’est pas celui qui a été publié",
        "The content is not the one that was published",
    ),
    proof.PLACE: Words(
        "La page signée ne contient pas cette fiche à cette place",
        "The signed page does not hold this record in this place",
    ),
    proof.WITNESS: Words(
        "La déclaration d’un témoin ne tient pas",
        "The statement of a witness does not hold",
    ),
}


class Witnessed(msgspec.Struct, frozen=True):
    """One organisation that saw the register."""

    org: str
    name: str
    time: int


class Verified(msgspec.Struct, frozen=True):
    """Answer of ``verify``: all of it was checked, and follows from the file alone."""

    id: str
    kind: str
    sense: str
    title: str
    org: str
    org_name: str  # as it was born; a claim of its own
    check_words: LangMap
    time: int  # the author's claim
    signed_at: int  # the author's claim
    body: dict[str, Any]
    log: str
    index: int
    epoch: int
    size: int
    root: str
    seen_by: int
    seen_at: int  # it existed by then, says the earliest witness; 0 without one
    witnesses: tuple[Witnessed, ...]
    ignored: int  # signatures by keys that the file does not introduce
    declared: dict[str, Any]  # the kind's words, to show the body with; {} for a kind not known here


def verify(raw: bytes, org: str = "", reader_language: str = "fr") -> Verified:
    """Check a proof file; ``org`` (an id, or its beginning) is the author that the reader expects.

    Raises:
        Refusal: ``NOT_VERIFIED``, naming what does not hold.
    """
    try:
        found = proof.read(raw)
    except proof.Doubt as doubt:
        words = DOUBTS[doubt.part]
        raise Refusal(
            f"not_verified_{doubt.part}",
            Exit.NOT_VERIFIED,
            f"NON VÉRIFIÉ. {words.fr} (détail technique : {doubt.what}).",
            f"NOT VERIFIED. {words.en} ({doubt.what}).",
        ) from None
    if org:
        _check_author(found, org)
    return _told(found, reader_language)


def witnessed(found: proof.Proof) -> tuple[Witnessed, ...]:
    """The witnesses of a proof, the earliest first, by the names that they were born with."""
    ordered = sorted(found.witnesses, key=lambda each: each.cosignature.time)
    return tuple(
        Witnessed(org_text(each.chain.org), each.chain.name, each.cosignature.time) for each in ordered
    )


def _check_author(found: proof.Proof, org: str) -> None:
    try:
        _, low, high = prefix_range(org.strip(), "org")
    except Malformed as error:
        raise Refusal(
            "bad_id",
            Exit.USAGE,
            f"« {org} » n’est pas un identifiant org_… : au moins 8 caractères après le tiret bas.",
            str(error),
        ) from None
    if not low <= found.chain.org <= high:
        author = org_text(found.chain.org)
        raise Refusal(
            "another_author",
            Exit.NOT_VERIFIED,
            f"NON VÉRIFIÉ. La preuve tient, mais l’auteur est {author}, et non {org}.",
            f"NOT VERIFIED. The proof holds, but the author is {author}, not {org}.",
        )


def _told(found: proof.Proof, reader_language: str) -> Verified:
    record, head, org = found.record, found.head, found.chain.org
    kind = load().get(record.kind)
    body = proof.body_of(found)
    understood = kind if kind is not None and not kind.check(body) else None
    return Verified(
        id=rec_text(found.rec),
        kind=record.kind,
        sense=str(kind.sense) if kind is not None else "",
        title=_title(understood, body, reader_language),
        org=org_text(org),
        org_name=found.chain.name,
        check_words={language: " ".join(check_words(org, language)) for language in ("fr", "en")},
        time=record.time,
        signed_at=head.time,
        body=understood.to_json(body) if understood is not None else plain(body),
        log=log_text(head.log),
        index=found.index,
        epoch=head.epoch,
        size=head.size,
        root=b64encode(head.root).decode("ascii"),
        seen_by=len(found.witnesses),
        seen_at=found.seen_at or 0,
        witnesses=witnessed(found),
        ignored=found.ignored,
        declared=describe(kind) if kind is not None else {},
    )


def _title(kind: Kind | None, body: Mapping[str, Any], reader_language: str) -> str:
    return pick(kind.title(body), reader_language, ())[0] if kind is not None else ""


def plain(value: Any) -> Any:
    """A body of a kind that is not known here, as JSON: bytes in hexadecimal."""
    match value:
        case bytes():
            return value.hex()
        case dict():
            return {name: plain(inner) for name, inner in value.items()}
        case list():
            return [plain(inner) for inner in value]
        case _:
            return value
