"""Organisations that accepted each other and do not run: all of a home in two turns of the node's own code.

A command for each of ten thousand acceptances would take half an hour.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from mutunode.alone import _engine
from mutunode.config import Settings
from mutunode.home import Home
from mutunode.protocol.ledger import Stance
from mutunode.turns import Turn

ACCEPTED = Stance(accepted=True)


def home_of(folder: Path, number: int) -> Path:
    """Where one lives."""
    return folder / f"org{number}"


def make(folder: Path, count: int) -> None:
    """So many, each with a record of its own, who accepted all others."""
    now, orgs = int(time.time()), []
    for number in range(count):
        home = Home.create(
            home_of(folder, number), name=f"Org{number}", language="fr", entropy=os.urandom(32), now=now
        )
        orgs.append(home.genesis.org)
    for number in range(count):
        acquaint(home_of(folder, number), orgs)


def acquaint(path: Path, orgs: list[bytes]) -> None:
    """It publishes one record and accepts all the others."""
    with Home.hold(path) as home, _engine(home, Settings(), "", outward=False) as engine:
        own, name = home.genesis.org, home.genesis.name
        engine.office.call(
            "publish", {"kind": "resource", "fields": {"title": f"Fiche de {name}"}}, lambda _: None
        )

        def accept_others(turn: Turn) -> None:
            for org in orgs:
                if org != own:
                    turn.ledger.put_stance(org, ACCEPTED)

        engine.office.desk.act(accept_others)
