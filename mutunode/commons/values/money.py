"""Amounts of money: whole minor units and a currency of ISO 4217. Nothing here moves any."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from babel.numbers import format_currency, get_currency_precision

from mutunode.commons.fields import Field
from mutunode.commons.values.parts import Record
from mutunode.commons.values.text import Int, Text
from mutunode.commons.words import Words

_AMOUNT = re.compile(r"(\d{1,12})(?:[.,](\d{1,3}))?\s*(€|[A-Za-z]{3})?")
_SIGNS = {"€": "EUR"}


class Money(Record):
    """``{minor, currency}``: 850 and EUR are 8.50 €."""

    name = "money"
    in_words = True

    def __init__(self) -> None:
        super().__init__(fields=_FIELDS, short=_short)

    def text(self, value: Any, language: str) -> str:
        digits = get_currency_precision(value["currency"])
        locale = "fr" if language.startswith("fr") else "en"
        return str(format_currency(Decimal(value["minor"]).scaleb(-digits), value["currency"], locale=locale))


def _short(text: str) -> dict[str, Any]:
    """``8,50 €``, ``12 EUR``, ``300``."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        return {"minor": text}
    currency = _SIGNS.get(match[3] or "€") or match[3].upper()
    digits = get_currency_precision(currency)
    fraction = (match[2] or "").ljust(digits, "0")
    return {"minor": text if len(fraction) > digits else match[1] + fraction, "currency": currency}


_FIELDS = (
    Field(
        "minor",
        Int(),
        Words("Montant en centimes", "Amount in cents"),
        Words("850 pour 8,50 €.", "850 for €8.50."),
        required=True,
    ),
    Field(
        "currency",
        Text(
            pattern=r"[A-Z]{3}",
            wrong=Words("il faut un code comme EUR.", "it must be a code such as EUR."),
        ),
        Words("Monnaie", "Currency"),
        required=True,
        default=lambda context: "EUR",
    ),
)
