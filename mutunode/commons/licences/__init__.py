"""Licences as permissions: what may I do with this, and may my version bear the licence I chose?"""

from __future__ import annotations

from mutunode.commons.licences.reading import Understood, normalise, understand
from mutunode.commons.licences.telling import FACET, PERMISSIONS, Permission, explain, permission, short
from mutunode.commons.licences.verdicts import Verdict, compare

__all__ = [
    "FACET",
    "PERMISSIONS",
    "Permission",
    "Understood",
    "Verdict",
    "compare",
    "explain",
    "normalise",
    "permission",
    "short",
    "understand",
]
