"""``python -m tests.realnet.homes FOLDER COUNT PART PARTS``: homes that accepted each other; no node runs.

Made by the node's own code in one process, because a command of its own for each of ten thousand acceptances
would take half an hour. Every home is made before any is opened: who stands in them, all parts know.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from mutunode.alone import _engine
from mutunode.config import Settings
from mutunode.home import Home
from mutunode.protocol.ids import org_text


def home_of(folder: Path, number: int) -> Path:
    """Where one lives."""
    return folder / f"org{number}"


def make(folder: Path, count: int) -> list[bytes]:
    """Identities; their organisations."""
    now, orgs = int(time.time()), []
    for number in range(count):
        home = Home.create(
            home_of(folder, number), name=f"Org{number}", language="fr", entropy=os.urandom(32), now=now
        )
        orgs.append(home.genesis.org)
    return orgs


def acquaint(path: Path, orgs: list[bytes]) -> None:
    """It publishes one record and accepts all the others."""
    with Home.hold(path) as home, _engine(home, Settings(), "", outward=False) as engine:
        own, name = home.genesis.org, home.genesis.name
        engine.office.call(
            "publish", {"kind": "resource", "fields": {"title": f"Fiche de {name}"}}, lambda _: None
        )
        for org in orgs:
            if org != own:
                engine.office.call("peer_accept", {"org": org_text(org)}, lambda _: None)


if __name__ == "__main__":
    folder, count, part, parts = Path(sys.argv[1]), *map(int, sys.argv[2:])
    everybody = []
    for number in range(count):
        with Home.hold(home_of(folder, number)) as home:
            everybody.append(home.genesis.org)
    for number in range(part, count, parts):
        acquaint(home_of(folder, number), everybody)
