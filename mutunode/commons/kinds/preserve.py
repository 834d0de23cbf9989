"""We keep copies: of one record's files, or of all that an organisation shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mutunode.commons.faults import Fault
from mutunode.commons.kind import EXAMPLE_ORG, Field, Kind, Org, Ref, Section, Sense, Show, Words


def _one_target(body: Mapping[str, Any]) -> Iterator[Fault]:
    if ("record" in body) == ("org" in body):
        yield Fault(
            "one_of",
            Words(
                "nommez une fiche ou une organisation, l’une des deux.",
                "name a record or an organisation, one of the two.",
            ),
        )


KIND = Kind(
    name="preserve",
    sense=Sense.NONE,
    label=Words("Promesse de copie", "Promise to keep copies"),
    plural=Words("Promesses de copie", "Promises to keep copies"),
    about=Words(
        "Votre organisation promet de garder une copie des fichiers d’une fiche, ou de tous ceux d’une "
        "organisation. Une promesse se retire.",
        "Your organisation promises to keep a copy of the files of a record, or of all those of an "
        "organisation. A promise can be withdrawn.",
    ),
    verb="preserve",
    listed=False,
    revisable=False,
    sections=(Section("preserve", Words("Garder des copies", "Keep copies")),),
    fields=(
        Field("record", Ref(), Words("Fiche", "Record"), section="preserve", show=Show.LINK),
        Field("org", Org(), Words("Organisation", "Organisation"), section="preserve", show=Show.LINK),
    ),
    rules=(_one_target,),
    example={"org": EXAMPLE_ORG},
)
