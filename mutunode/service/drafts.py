"""Drafts: what is being written, kept on this computer, unsigned and unseen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mutunode.service import lookup
from mutunode.service.desk import Desk
from mutunode.store.interface import Draft

DRAFT_ID_BYTES = 12


def save(desk: Desk, id: str, kind: str, fields: Mapping[str, Any]) -> Draft:
    """Keep a draft under its id, or under a new one."""
    name = lookup.kind(desk, kind).name
    kept = Draft(id or desk.random(DRAFT_ID_BYTES).hex(), name, dict(fields), desk.now())
    desk.act(lambda turn: turn.ledger.put_draft(kept))
    return kept


def drop(desk: Desk, id: str) -> None:
    """Forget one."""
    desk.act(lambda turn: turn.ledger.drop_draft(id))
