"""Something an organisation lends to others: a room, a van, a machine, a skill, a seat. Upstream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mutunode.commons.faults import required
from mutunode.commons.kind import (
    TITLE_BYTES_MAX,
    Choice,
    Fault,
    Field,
    Hours,
    Int,
    Kind,
    LangText,
    ListOf,
    Money,
    Option,
    Place,
    Record,
    Section,
    Sense,
    Show,
    Text,
    Words,
    Zone,
)

UNITS_MAX = 10_000  # the chairs of a town

_TYPE = Choice(
    options=(
        Option("equipment", Words("Équipement", "Equipment")),
        Option("room", Words("Salle", "Room")),
        Option("vehicle", Words("Véhicule", "Vehicle")),
        Option("skill", Words("Compétence", "Skill")),
        Option("seat", Words("Place", "Seat")),
    )
)
_PER = Choice(
    options=(
        Option("booking", Words("par réservation", "per booking")),
        Option("hour", Words("de l’heure", "per hour")),
        Option("day", Words("par jour", "per day")),
        Option("km", Words("du kilomètre", "per kilometre")),
        Option("person", Words("par personne", "per person")),
    )
)
_COST = Record(
    fields=(
        Field(
            "type",
            Choice(
                options=(
                    Option("free", Words("Gratuit", "Free"), Words("gratuit", "free")),
                    Option("deposit", Words("Caution", "Deposit"), Words("caution", "deposit")),
                    Option("per_unit", Words("Participation", "Contribution")),
                )
            ),
            Words("Ce qu’il en coûte", "What it costs"),
            required=True,
        ),
        Field(
            "money",
            Money(),
            Words("Montant", "Amount"),
            Words(
                "Aucun paiement ne passe par ici : c’est une information.",
                "No payment goes through here: this only informs.",
            ),
        ),
        Field("per", _PER, Words("Compté", "Counted")),
    ),
    short=lambda text: {"type": text},
)
_QUOTA = Record(
    fields=(
        Field(
            "open_max",
            Int(low=1),
            Words(
                "Réservations en cours par organisation, au plus",
                "Open bookings of one organisation, at most",
            ),
        ),
        Field(
            "hours_max", Int(low=1), Words("Heures par réservation, au plus", "Hours of one booking, at most")
        ),
        Field("ahead_days_max", Int(low=1), Words("Jours à l’avance, au plus", "Days ahead, at most")),
    )
)
# circles come with a later version; whoever reads a circle's id here knows that it is not for everybody
_WHO = Text(
    pattern=r"public|circle_[a-z2-7]{52}",
    wrong=Words("il faut « public ».", "it must be `public`."),
)
_APPROVAL = Choice(
    options=(
        Option(
            "manual",
            Words("Une personne répond", "A person answers"),
            Words("par une personne", "by a person"),
        ),
        Option(
            "auto",
            Words("Oui d’office, si c’est libre", "Yes at once, if it is free"),
            Words("oui d’office, si c’est libre", "yes at once, if it is free"),
        ),
    )
)
_CALENDAR = Choice(
    options=(
        Option(
            "names",
            Words("Qui réserve, et pour quoi", "Who books, and what for"),
            Words("tout le monde voit qui réserve", "everybody sees who books"),
        ),
        Option(
            "occupied",
            Words("Seulement « occupé »", "Only “occupied”"),
            Words(
                "les demandes sont scellées ; l’agenda dit « occupé »",
                "requests are sealed; the calendar says “occupied”",
            ),
        ),
    )
)


def _cost_says_how_much(body: Mapping[str, Any]) -> Iterable[Fault]:
    cost = body.get("cost")
    if isinstance(cost, Mapping) and cost.get("type") in ("deposit", "per_unit") and "money" not in cost:
        yield required().within("money", Words("Montant", "Amount")).within("cost", Words("Coût", "Cost"))


KIND = Kind(
    name="means",
    sense=Sense.AMONT,
    label=Words("Moyen partagé", "Shared means"),
    plural=Words("Moyens partagés", "Shared means"),
    about=Words(
        "Une salle, un véhicule, une machine, une compétence que votre organisation prête à d’autres.",
        "A room, a vehicle, a machine, a skill that your organisation lends to others.",
    ),
    title_field="name",
    summary_field="abstract",
    nature_field="type",
    sections=(
        Section("means", Words("Ce que vous prêtez", "What you lend")),
        Section("place", Words("Où", "Where")),
        Section("terms", Words("À quelles conditions", "On which terms")),
        Section("times", Words("Quand, et combien", "When, and how much"), folded=True),
    ),
    fields=(
        Field(
            "name",
            LangText(bytes_max=TITLE_BYTES_MAX, multiline=False),
            Words("Nom", "Name"),
            Words(
                "Dites ce que c’est, avec sa taille ou sa force.", "Say what it is, with its size or power."
            ),
            required=True,
            section="means",
            show=Show.LEAD,
            weight=4.0,
        ),
        Field(
            "abstract",
            LangText(),
            Words("En quelques phrases", "In a few sentences"),
            Words("Pour quoi faire, et ce qui va avec.", "What it is for, and what comes with it."),
            section="means",
            show=Show.LEAD,
            weight=1.0,
        ),
        Field(
            "type",
            _TYPE,
            Words("Quelle sorte ?", "Which kind?"),
            required=True,
            section="means",
            facet="nature",
            facet_label=Words("Nature", "Kind"),
        ),
        Field(
            "units",
            Int(low=1, high=UNITS_MAX),
            Words("Combien y en a-t-il ?", "How many are there?"),
            Words("Autant peuvent être réservés en même temps.", "So many can be booked at the same time."),
            required=True,
            default=lambda context: 1,
            section="means",
        ),
        Field("place", Place(), Words("Lieu", "Place"), section="place", weight=2.0),
        Field(
            "tz",
            Zone(),
            Words("Fuseau horaire", "Time zone"),
            required=True,
            default=lambda context: context.zone,
            section="place",
            show=Show.HIDDEN,
        ),
        Field(
            "conditions",
            LangText(),
            Words("Conditions", "Conditions"),
            Words("Ce qu’il faut savoir faire, apporter, rendre.", "What one must know, bring, give back."),
            section="terms",
            show=Show.PROSE,
        ),
        Field("cost", _COST, Words("Coût", "Cost"), section="terms"),
        Field(
            "allowed",
            ListOf(_WHO, separators=", "),
            Words("Ouvert à", "Open to"),
            asked=True,
            default=lambda context: ["public"],
            section="terms",
            show=Show.HIDDEN,
        ),
        Field(
            "approval",
            _APPROVAL,
            Words("Réponse aux demandes", "Answer to requests"),
            asked=True,
            default=lambda context: "manual",
            section="terms",
        ),
        Field(
            "calendar",
            _CALENDAR,
            Words("Ce que l’agenda montre", "What the calendar shows"),
            asked=True,
            default=lambda context: "names",
            section="terms",
        ),
        Field(
            "availability",
            ListOf(Hours()),
            Words("Heures d’ouverture", "Opening hours"),
            Words(
                "Une ligne par plage : lu-ve 08:00-18:00. Sans rien, toujours.",
                "A line for each: mo-fr 08:00-18:00. With nothing, always.",
            ),
            section="times",
        ),
        Field("quota", _QUOTA, Words("Limites", "Limits"), section="times"),
    ),
    rules=(_cost_says_how_much,),
    example={
        "name": {"fr": "Pressoir mobile, 300 kg à l’heure", "en": "Mobile press, 300 kg an hour"},
        "abstract": {"fr": "Presse, broyeur et pasteurisateur sur remorque."},
        "type": "equipment",
        "units": 1,
        "place": {
            "label": "Savenay",
            "insee": "44195",
            "lat": "47.361",
            "lon": "-1.942",
            "precision": "town",
        },
        "tz": "Europe/Paris",
        "conditions": {"fr": "Rendu lavé ; l’état est noté par les deux."},
        "cost": {"type": "deposit", "money": {"minor": 30_000, "currency": "EUR"}},
        "allowed": ["public"],
        "approval": "manual",
        "calendar": "names",
        "availability": [
            {"days": ["mo", "tu", "we", "th", "fr"], "from": "08:00", "to": "21:00", "until": "2027-06-30"}
        ],
        "quota": {"open_max": 3, "hours_max": 48, "ahead_days_max": 180},
    },
)
