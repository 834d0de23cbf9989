"""The author of a resource answers a use of it, a work based on it, a problem reported: never a duty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mutunode.commons.faults import required
from mutunode.commons.kind import (
    EXAMPLE_REC,
    Choice,
    Fault,
    Field,
    Kind,
    LangText,
    Option,
    Ref,
    Section,
    Sense,
    Show,
    Words,
)

_ANSWER = Choice(
    options=(
        Option(
            "thanks",
            Words("Remercier", "Thank them"),
            Words("confirmé, avec un merci", "confirmed, with thanks"),
        ),
        Option("noted", Words("Prendre note", "Take note"), Words("confirmé", "confirmed")),
        Option(
            "contest",
            Words("Contester, en disant pourquoi", "Contest it, saying why"),
            Words("contesté", "contested"),
        ),
    )
)

_REASON = Field(
    "reason",
    LangText(),
    Words("Pourquoi ?", "Why?"),
    Words("Votre motif sera lu par l’organisation.", "The organisation will read your reason."),
    section="answer",
    show=Show.PROSE,
)


def _contest_says_why(body: Mapping[str, Any]) -> Iterable[Fault]:
    if body.get("answer") == "contest" and "reason" not in body:
        yield required().within(_REASON.name, _REASON.label)


KIND = Kind(
    name="usage_answer",
    sense=Sense.AVAL,
    label=Words("Réponse", "Answer"),
    plural=Words("Réponses", "Answers"),
    about=Words(
        "L’auteur d’une fiche remercie, prend note ou conteste l’usage qu’une organisation en déclare.",
        "The author of a resource thanks for, takes note of or contests the use an organisation declares.",
    ),
    verb="answer",
    listed=False,
    nature_field="answer",
    sections=(Section("answer", Words("Votre réponse", "Your answer")),),
    fields=(
        Field(
            "usage",
            Ref(kinds=("usage", "resource", "flag")),
            Words("Ce à quoi vous répondez", "What you answer"),
            required=True,
            section="answer",
            show=Show.LINK,
        ),
        Field("answer", _ANSWER, Words("Réponse", "Answer"), required=True, section="answer"),
        _REASON,
    ),
    rules=(_contest_says_why,),
    example={"usage": EXAMPLE_REC, "answer": "thanks"},
)
