"""Nothing leaves unseen: what will be signed is shown first, and only what was shown is signed.

The page that asks for the signature carries a mark of the exact content it showed. When the content has
changed since (somebody edited the form, or another window did), it is shown again instead of being signed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from mutunode.service.shapes import Preview
from mutunode.web import render, shown
from mutunode.web.clerk import ask
from mutunode.web.visit import Visit


class Proposal(msgspec.Struct, frozen=True):
    """Something to sign, as a page shows it."""

    preview: Preview
    nature: str
    lines: tuple[shown.Line, ...]

    @property
    def seen(self) -> str:
        """The mark of this very content."""
        return hashlib.sha256(self.preview.text.encode("utf-8")).hexdigest()[:32]


class SigningPage(msgspec.Struct, frozen=True):
    """A page with nothing but what will be signed, for acts that are said elsewhere."""

    title: str
    lede: str
    proposal: Proposal
    action: str
    typed: tuple[tuple[str, str], ...]
    consequence: str
    button: str
    back: str


async def propose(visit: Visit, kind: str, fields: Mapping[str, Any]) -> Proposal:
    """What publishing these fields would sign.

    Raises:
        Refusal: they cannot be published as they are.
    """
    return proposal(visit, await ask(visit.clerk.preview, kind, fields, visit.language))


async def propose_revision(visit: Visit, rec: str, fields: Mapping[str, Any]) -> Proposal:
    """What revising a record with these fields would sign."""
    return proposal(visit, await ask(visit.clerk.preview_revision, rec, fields, visit.language))


def proposal(visit: Visit, preview: Preview) -> Proposal:
    """A preview with the words of its kind."""
    kind = visit.clerk.registry()[preview.kind]
    lines = shown.everything(kind, preview.body, visit.language)
    return Proposal(preview, kind.label.text(visit.language), lines)


async def show(request: web.Request, page: SigningPage) -> web.StreamResponse:
    """The page that asks for the signature."""
    return await render.page(request, "signing.html", {"page": page})
