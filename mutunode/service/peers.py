"""Deciding about organisations: follow, block, add an address, and wait until others hold what we have."""

from __future__ import annotations

import ipaddress
import time
from urllib.parse import urlsplit

import msgspec

from mutunode.protocol.errors import Malformed
from mutunode.protocol.ids import org_text
from mutunode.protocol.ledger import Address, Stance
from mutunode.service import brought, lookup, network, publishing
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.service.params import Emit
from mutunode.service.shapes import Organisation
from mutunode.turns import Turn

LOCAL_NAMES = (".local", ".lan", ".home", ".internal", ".home.arpa", ".localhost")
WAIT_SECONDS_MAX = 86_400.0
WAIT_STEP_SECONDS = 0.2


class Synced(msgspec.Struct, frozen=True):
    """Answer of ``sync``."""

    holders: int
    wanted: int
    connected: int


def accept(desk: Desk, text: str, address: str, *, vouch: bool, listed: bool) -> Organisation:
    """Follow an organisation: its records are stored, searched and passed on from now on."""
    org = lookup.organisation(desk, text, unknown=True)
    if org == desk.org:
        raise Refusal(
            "ourselves", Exit.REFUSED, "C’est votre propre organisation.", "This is your own organisation."
        )
    _decide(desk, org, Stance(accepted=True), address)
    if vouch:
        endpoints = [address] if address and not is_local(address) else []
        publishing.publish(desk, "vouch", {"org": org_text(org), "endpoints": endpoints, "listed": listed})
    return network.organisation(desk, org)


def is_local(address: str) -> bool:
    """Whether an address leads somewhere on one's own premises only: of no use in public."""
    place = address.strip().partition("#")[0]
    host = urlsplit(place if "://" in place else f"//{place}").hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:  # a name
        return "." not in host or host.endswith(LOCAL_NAMES)


def block(desk: Desk, text: str) -> Organisation:
    """Take nothing from an organisation any more, on any way in."""
    org = lookup.organisation(desk, text, unknown=True)
    if org == desk.org:
        raise Refusal(
            "ourselves", Exit.REFUSED, "C’est votre propre organisation.", "This is your own organisation."
        )
    _decide(desk, org, Stance(blocked=True), "")
    desk.act(lambda turn: brought.ignore_all_of(desk, turn, org))
    return network.organisation(desk, org)


def unblock(desk: Desk, text: str) -> Organisation:
    """Neither follow nor block."""
    org = lookup.organisation(desk, text, unknown=True)
    _decide(desk, org, Stance(), "")
    return network.organisation(desk, org)


def add(desk: Desk, text: str) -> dict[str, str]:
    """Dial an address that a person gave: ``host:port`` or ``wss://name``, optionally ``#org_…``."""
    address = read_address(desk, text)
    desk.act(lambda turn: dial(turn, address))
    return {"address": address.address, "org": org_text(address.org) if address.org else ""}


def sync(desk: Desk, wait: int, timeout: float, emit: Emit) -> Synced:
    """Ask everybody for news; with ``wait``, until that many hold our latest signed page.

    Raises:
        Refusal: ``NOT_REPLICATED`` when time is over first; what is done here stays done.
    """
    if wait < 0 or not 0 <= timeout <= WAIT_SECONDS_MAX:
        raise Refusal(
            "usage",
            Exit.USAGE,
            "« wait » est un nombre d’organisations, « timeout » un nombre de secondes, un jour au plus.",
            "`wait` is a number of organisations, `timeout` a number of seconds, at most a day.",
        )
    desk.act(_ask_for_news)
    end = time.monotonic() + timeout
    while True:
        sight = desk.turns.sight
        connected = sum(link.ready for link in sight.links)
        done = Synced(len(network.holders(desk, sight)), wait, connected)
        if done.holders >= wait:
            return done
        if time.monotonic() >= end:
            raise Refusal(
                "not_replicated",
                Exit.NOT_REPLICATED,
                f"Noté ici ; {done.holders} organisation(s) sur {wait} en ont copie pour l’instant. "
                "La suite se fera dès qu’elles seront joignables.",
                f"Kept here; {done.holders} of {wait} organisations hold a copy so far. "
                "The rest follows when they can be reached.",
            )
        emit({"progress": {"done": done.holders, "total": wait}})
        time.sleep(WAIT_STEP_SECONDS)


def allow_signing(desk: Desk) -> dict[str, bool]:
    """A person takes the responsibility: no newer copy of our register exists elsewhere."""
    desk.act(Turn.trust_store)
    return {"may_sign": True}


def _ask_for_news(turn: Turn) -> None:
    turn.tell(lambda node, now: node.repair(now))


def _decide(desk: Desk, org: bytes, stance: Stance, address: str) -> None:
    given = read_address(desk, address, org) if address else None

    def job(turn: Turn) -> None:
        turn.ledger.put_stance(org, stance)
        turn.tell(lambda node, now: node.interest_changed(now))
        if given is not None:
            dial(turn, given)

    desk.act(job)
    desk.look_at_files()


def dial(turn: Turn, address: Address) -> None:
    """Keep the address, and have the core try it at once."""
    if all(held.address != address.address for held in turn.ledger.addresses()):
        turn.ledger.put_address(address)
    turn.tell(lambda node, now: node.add_address(address.address, address.org, now))


def read_address(desk: Desk, text: str, org: bytes | None = None) -> Address:
    """An address that a person gave; ``org`` is whom we expect there."""
    try:
        found = desk.live.read_address(text)
    except Malformed as error:
        trouble = Trouble(
            "address",
            f"« {text} » n’est pas une adresse : machine:port ou wss://nom, comme 192.168.1.20:7447.",
            str(error),
        )
        raise Refusal("bad_address", Exit.USAGE, trouble.fr, trouble.en, (trouble,)) from None
    return msgspec.structs.replace(found, source="person", org=org or found.org)
