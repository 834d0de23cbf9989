"""``python -m tests.realnet SCENE [--write]``: real nodes on real networks; prints what it measured.

On Linux; scenes with networks of their own make namespaces and devices, and take them away at the end (root).
"""

from __future__ import annotations

import argparse
import os
import signal
import sys

from tests.realnet import report
from tests.realnet.crowd import crowd
from tests.realnet.lan import lan
from tests.realnet.lines import half_open, slow
from tests.realnet.relay import relay
from tests.realnet.siege import siege

SCENES = {"slow": slow, "half-open": half_open, "lan": lan, "siege": siege, "relay": relay, "crowd": crowd}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.realnet", description=__doc__)
    parser.add_argument("scene", choices=sorted(SCENES))
    parser.add_argument("--count", type=int, default=100, help="processes of `crowd`")
    parser.add_argument("--write", action="store_true", help="put what was measured into docs/network.md")
    given = parser.parse_args()
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit("ended before its end")
    )  # what was started is ended too
    load = os.getloadavg()[0]
    table = crowd(given.count) if given.scene == "crowd" else SCENES[given.scene]()
    table.row("load of the machine by others when it began (1 min)", load)
    print(table)
    if given.write:
        report.write(given.scene, str(table))
