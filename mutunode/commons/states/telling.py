"""What is said of a booking: a word for its state, and sentences that say who did what and what follows.

Declared and confirmed are told apart by word: what one side signed is *declared*, what both signed
*confirmed*.
"""

from __future__ import annotations

from mutunode.commons.states.bookings import Booking
from mutunode.commons.words import Words

# How it looks on a page: the classes of `.state` (shape and word, never colour alone).
LOOK = {
    "requested": "waiting",
    "expired": "lost",
    "refused": "lost",
    "withdrawn": "lost",
    "released": "lost",
    "accepted": "confirmed",
    "overbooked": "contested",
    "checked_out": "declared",
    "returned": "declared",
    "closed": "confirmed",
    "pending": "waiting",
    "erased": "lost",
}
WORDS = {
    "requested": Words("demandé", "requested"),
    "expired": Words("demande tombée", "request lapsed"),
    "refused": Words("refusé", "refused"),
    "withdrawn": Words("retiré", "withdrawn"),
    "released": Words("annulé par le propriétaire", "released by the owner"),
    "accepted": Words("réservé", "booked"),
    "overbooked": Words("promis deux fois", "overbooked"),
    "checked_out": Words("emporté", "out"),
    "returned": Words("rendu", "back"),
    "closed": Words("rendu", "back"),
    "pending": Words("données attendues", "pending data"),
    "erased": Words("contenu effacé", "content erased"),
}
_SENTENCES = {
    "requested": Words(
        "Demandé. Le créneau reste libre jusqu’à la réponse.",
        "Requested. The time stays free until the answer.",
    ),
    "expired": Words(
        "Personne n’a répondu à temps : la demande est tombée.",
        "Nobody answered in time: the request lapsed.",
    ),
    "refused": Words("Refusé par le propriétaire.", "Refused by the owner."),
    "withdrawn": Words("Le demandeur s’est retiré.", "Who asked for it withdrew."),
    "released": Words("Le propriétaire a annulé, en disant pourquoi.", "The owner released it, saying why."),
    "accepted": Words("Réservé, confirmé par les deux.", "Booked, confirmed by both."),
    "overbooked": Words(
        "Promis deux fois : ce qui fut inscrit avant prend déjà ce créneau. Le propriétaire doit annuler "
        "l’une des réservations en disant pourquoi, ou le demandeur se retirer.",
        "Overbooked: what was entered before already has this time. The owner must release one of the "
        "bookings, saying why, or who asked withdraw.",
    ),
    "checked_out": Words("Emporté, confirmé par les deux.", "Out, confirmed by both."),
    "closed": Words("Rendu, confirmé par les deux.", "Back, confirmed by both."),
    "pending": Words(
        "Données attendues : un acte cité n’est pas encore arrivé ici.",
        "Pending data: an act that is cited has not arrived here yet.",
    ),
    "erased": Words(
        "Contenu effacé par son auteur : on ne peut plus dire ce qu’il en est.",
        "Content erased by its author: what became of it can no longer be told.",
    ),
}
_STILL_TAKEN = Words(
    "Le créneau reste pris jusqu’à ce que le propriétaire annule ou reprenne.",
    "The time stays taken until the owner releases it or takes it back.",
)
_HALF_OUT = {
    "checkout": Words(
        "Remise déclarée par le propriétaire seul.", "Handing over declared by the owner alone."
    ),
    "pickup": Words("Emporté, déclaré par le demandeur seul.", "Picked up, declared by who asked alone."),
}
_HALF_BACK = {
    "return": Words("Retour déclaré par le propriétaire seul.", "Return declared by the owner alone."),
    "give_back": Words("Rendu, déclaré par le demandeur seul.", "Given back, declared by who asked alone."),
}
_CONDITIONS = {
    ("ok", "ok"): Words("En bon état, disent les deux.", "In good order, both say."),
    ("damaged", "damaged"): Words("Abîmé, disent les deux.", "Damaged, both say."),
    ("damaged", "ok"): Words(
        "Abîmé, dit le propriétaire ; en bon état, dit le demandeur.",
        "Damaged, says the owner; in good order, says who asked.",
    ),
    ("ok", "damaged"): Words(
        "En bon état, dit le propriétaire ; abîmé, dit le demandeur.",
        "In good order, says the owner; damaged, says who asked.",
    ),
    ("damaged", ""): Words("Abîmé, dit le propriétaire.", "Damaged, says the owner."),
    ("ok", ""): Words("En bon état, dit le propriétaire.", "In good order, says the owner."),
    ("", "damaged"): Words("Abîmé, dit le demandeur.", "Damaged, says who asked."),
    ("", "ok"): Words("En bon état, dit le demandeur.", "In good order, says who asked."),
}
_SAID = {
    "withdraw": Words(
        "Le demandeur dit s’être retiré ; le registre du propriétaire n’en a pas encore pris acte.",
        "Who asked says it withdrew; the owner’s register has not taken note of it yet.",
    ),
    "pickup": Words(
        "Le demandeur dit l’avoir emporté ; le registre du propriétaire n’en a pas encore pris acte.",
        "Who asked says it was picked up; the owner’s register has not taken note of it yet.",
    ),
    "give_back": Words(
        "Le demandeur dit l’avoir rendu ; le registre du propriétaire n’en a pas encore pris acte.",
        "Who asked says it was given back; the owner’s register has not taken note of it yet.",
    ),
}
_VOID = {
    "accept": Words(
        "Une acceptation est venue trop tard : sans effet.", "An acceptance came too late: no effect."
    ),
    "refuse": Words(
        "Un refus est venu après la réponse : sans effet.", "A refusal came after the answer: no effect."
    ),
    "withdraw": Words(
        "Un retrait est venu trop tard : sans effet. À régler entre vous.",
        "A withdrawal came too late: no effect. To be settled between you.",
    ),
    "release": Words(
        "Une annulation est venue trop tard : sans effet.", "A release came too late: no effect."
    ),
    "checkout": Words(
        "Une remise est notée alors que ce n’était pas réservé : sans effet.",
        "A handing over is noted though nothing was booked: no effect.",
    ),
    "pickup": Words(
        "Le demandeur dit l’avoir emporté alors que ce n’était pas réservé : à régler entre vous.",
        "Who asked says it was picked up though nothing was booked: to be settled between you.",
    ),
    "return": Words(
        "Un retour est noté sans départ : sans effet.", "A return is noted without a handing over: no effect."
    ),
    "give_back": Words(
        "Le demandeur dit l’avoir rendu sans l’avoir emporté : sans effet.",
        "Who asked says it was given back without a picking up: no effect.",
    ),
}
_FLAGS = {
    "blocked": Words(
        "Le propriétaire l’a dit indisponible depuis ; à lui d’annuler, en disant pourquoi, ou de rouvrir.",
        "The owner said since that it is not available: it must release, saying why, or open again.",
    ),
    "late_accept": Words(
        "Accepté après l’échéance de la demande ; le demandeur peut se retirer.",
        "Accepted after the request had lapsed; who asked may withdraw.",
    ),
    "erased_request": Words(
        "Le demandeur a effacé sa demande ; ce qui fut accordé reste.",
        "Who asked erased the request; what was granted stays.",
    ),
    "retracted": Words(
        "Un nouveau départ du registre a écarté une de ces pages ; citée avant, elle engage toujours.",
        "A new start of the register dropped one of these pages; cited before, it still binds.",
    ),
}


def word(booking: Booking) -> Words:
    """The state in a word or two, with whose word it is."""
    plain = WORDS[booking.state]
    if booking.state in ("checked_out", "returned", "closed"):
        return (
            Words(f"{plain.fr}, confirmé", f"{plain.en}, confirmed")
            if booking.confirmed
            else Words(f"{plain.fr}, déclaré", f"{plain.en}, declared")
        )
    return plain


def look(booking: Booking) -> str:
    """The class of its mark."""
    return "confirmed" if booking.state == "checked_out" and booking.confirmed else LOOK[booking.state]


def tell(booking: Booking) -> Words:
    """Whole sentences: what it is, and what stands out about it."""
    told = [_main(booking), *_conditions(booking)]
    told += [_STILL_TAKEN] if booking.state == "erased" and booking.holds else []
    told += [_SAID[name] for name in sorted(booking.said) if name in _SAID and booking.state != "pending"]
    told += [_VOID[name] for name in dict.fromkeys(name for name, _ in booking.void)]
    told += [_FLAGS[flag] for flag in sorted(booking.flags) if flag in _FLAGS and _matters(flag, booking)]
    return Words(" ".join(each.fr for each in told), " ".join(each.en for each in told))


def _main(booking: Booking) -> Words:
    if booking.state == "checked_out" and not booking.confirmed:
        return next(words for name, words in _HALF_OUT.items() if name in booking.halves)
    if booking.state == "returned":
        return next(words for name, words in _HALF_BACK.items() if name in booking.halves)
    return _SENTENCES[booking.state]


def _conditions(booking: Booking) -> list[Words]:
    said = booking.condition("return"), booking.condition("give_back")
    return [_CONDITIONS[said]] if said in _CONDITIONS else []


def _matters(flag: str, booking: Booking) -> bool:
    """What was true of an acceptance matters while it stands."""
    if flag == "erased_request":
        return booking.taken
    return flag == "retracted" or booking.state in ("accepted", "overbooked")
