"""Recovering an organisation on an empty machine, from its phrase and the address of somebody who knows it.

We come as a passer-by, with an identity made for the moment, and ask everybody we meet whose root key this
is. Then the register is fetched and verified like anybody's; and with all of it here, a new epoch is opened
in the same turn as anywhere else: op and first head, key file, mark (``Turn.open_epoch``). Until that turn
nothing was signed and nobody was told; a crash before it leaves records without an identity, and the command
goes on from there when it is given again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from mutunode.home import IDENTITY, Home, HomeError
from mutunode.keyfile import Keys
from mutunode.net.peers import NetSettings, PeerNet
from mutunode.protocol import crypto
from mutunode.protocol.core import Me, NodeSettings
from mutunode.protocol.effects import Effect
from mutunode.protocol.errors import Malformed
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.identity import Chain, Standing, make_genesis
from mutunode.protocol.ids import key_text, org_text, root_text
from mutunode.protocol.ledger import Address, Stance
from mutunode.protocol.limits import GENESIS_NONCE_BYTES, SEED_BYTES, VOUCHES_READ_MAX
from mutunode.protocol.node import Node
from mutunode.protocol.recovering import Sought
from mutunode.protocol.rivals import settled
from mutunode.protocol.signing import Mark
from mutunode.service import phrases, readonly, succession
from mutunode.service.claims import SeveralClaims
from mutunode.service.desk import words_of
from mutunode.service.errors import Exit, Refusal
from mutunode.service.keys import RivalLine, rival_line
from mutunode.service.phrases import Phrase
from mutunode.shell import Shell, read_address
from mutunode.store import open_store
from mutunode.store.interface import Store, StoreError
from mutunode.turns import Turn, Turns

__all__ = ["Recovered", "read_given", "recover"]

ANSWER_SECONDS_MAX = 20.0  # to be reached, and to say whose root key this is
OTHERS_SECONDS_MAX = 5.0  # for the other addresses, once one has answered
STALLED_SECONDS_MAX = 60.0  # without a byte of the register; strangers are served slowly, but served
SHOWN_SECONDS_MAX = 5.0  # to show the new epoch to whoever is met
STEP_SECONDS = 0.05
ADDRESS_SHOWN_MAX = 80  # letters of one that cannot be read

Emit = Callable[[dict[str, Any]], None]


class Recovered(msgspec.Struct, frozen=True):
    """Answer of ``recover``."""

    org: str
    name: str
    epoch: int
    base: int  # entries of the public register that came back
    check_words: dict[str, str]
    roots_above: tuple[str, ...]  # root keys in force that come before this phrase's
    accepted: tuple[str, ...]  # organisations it vouched for, followed again
    met: int  # organisations that answered
    shown: bool  # somebody has taken the new epoch already
    operating: str  # the new key
    key_words: dict[str, str]  # of that key, for the others to compare by voice
    set_aside: tuple[RivalLine, ...] = ()  # new starts that disputed it, and that were not gone on from


def read_given(texts: Sequence[str]) -> tuple[Address, ...]:
    """The addresses that a person gave.

    Raises:
        Refusal: naming the one that cannot be one (2).
    """
    found: list[Address] = []
    for text in texts:
        try:
            found.append(read_address(text, "seed"))
        except Malformed:
            shown = "".join(letter if letter.isprintable() else "?" for letter in text[:ADDRESS_SHOWN_MAX])
            raise Refusal(
                "address",
                Exit.USAGE,
                f"« {shown} » n’est pas une adresse : machine:port ou wss://nom, comme 192.168.1.20:7447.",
                f"`{shown}` is no address: host:port or wss://name, like 192.168.1.20:7447.",
            ) from None
    return tuple(found)


def recover(
    home: Home,
    given: Phrase,
    seeds: Sequence[Address],
    *,
    store_url: str = "",
    language: str = "fr",
    passphrase: str = "",
    org: str = "",
    reason: str = "",
    begin_empty: bool = False,
    emit: Emit = lambda event: None,
    clock: Callable[[], float] = time.time,
) -> Recovered:
    """Bring an organisation back into a home that nobody lives in; ``org`` chooses among several.

    ``begin_empty`` says that the register may begin anew with nothing in it.

    Raises:
        Refusal: nobody answers or knows, or nobody met holds any of the register (3), several claim it or
            somebody lives here (5).
    """
    _make_room(home)
    try:
        store = open_store(store_url or f"sqlite:{home.path / 'records.sqlite'}", clock)
        with contextlib.closing(store), _passing(home, store, seeds, given.root, clock) as passer:
            chain = _whose(passer, given, org, len(seeds), emit)
            passer.collect(chain)
            _collect(passer, chain, emit)
            return _take_over(passer, chain, given, language, passphrase, reason, begin_empty)
    except StoreError as error:
        raise readonly.disk_fails(error) from error


def _make_room(home: Home) -> None:
    if not home.has_identity:
        return
    try:
        name = home.chain.name
    except HomeError as error:
        if error.code != "identity_damaged":
            raise Refusal(error.code, Exit.CONFLICT, error.fr, error.en) from None
        # of no use to anybody, and still not ours to throw away
        (home.path / IDENTITY).replace(home.path / f"{IDENTITY}.damaged")
        return
    raise Refusal(
        "home_exists",
        Exit.CONFLICT,
        f"« {name} » habite déjà {home.path} : rien n’y a été touché. Pour changer sa clé : "
        "« mutunode epoch open » ; pour retrouver une autre organisation : un autre --home.",
        f"`{name}` lives in {home.path} already: nothing in it was touched. To change its key: "
        "`mutunode epoch open`; to recover another organisation: another --home.",
    )


# --- passing by -----------------------------------------------------------------------------------
class Passer:
    """A core with doors that open outwards only, as somebody nobody knows."""

    def __init__(self, home: Home, store: Store, seeds: Sequence[Address], root: bytes, shell: Shell) -> None:
        self.home = home
        self.store = store
        self.seeds = tuple(seeds)
        self.settings = NodeSettings(seeds=self.seeds, recovers=root)
        self.turns = Turns(_somebody(), store, home, self._make_node, time.time, shell.perform)

    def _make_node(self, me: Me) -> Node:
        marks = [Mark(log, mark.epoch, mark.size, mark.root) for log, mark in self.home.marks().items()]
        return Node(me, self.store.ledger, self.settings, secrets.token_bytes, marks)

    def act(self, job: Callable[[Turn], Any]) -> Any:
        """Something to write, or to read as the writer sees it."""
        return self.turns.act(job).result()

    def collect(self, chain: Chain) -> None:
        """From now on the register of this organisation is what we came for."""
        self.settings = NodeSettings(seeds=self.seeds, collects=chain.org)

        def job(turn: Turn) -> None:
            turn.ledger.put_chain(chain)
            turn.ledger.forget_cursors()  # whoever was met has shown its heads to one who wanted none
            turn.successor = turn.me  # a core that wants it

        self.act(job)

    def sought(self) -> Sought:
        """What those met have answered."""
        found: list[Sought] = []

        def look(node: Node, now: float) -> list[Effect]:
            found.append(node.sought())
            return []

        self.act(lambda turn: turn.tell(look))
        return found[0] if found else Sought()


def _somebody() -> Me:
    """An identity for the moment: its key is forgotten with this process."""
    seed = secrets.token_bytes(SEED_BYTES)
    genesis = make_genesis(
        name="?",
        created=0,
        nonce=secrets.token_bytes(GENESIS_NONCE_BYTES),
        operating=crypto.public_of(seed),
        roots=[crypto.public_of(secrets.token_bytes(SEED_BYTES))],
        sealing=crypto.sealing_public_of(secrets.token_bytes(SEED_BYTES)),
    )
    keys = Keys(genesis.org, seed, {})
    return Me(genesis.org, keys.operating_public, keys.sign, Chain(genesis))


@contextlib.contextmanager
def _passing(
    home: Home, store: Store, seeds: Sequence[Address], root: bytes, clock: Callable[[], float]
) -> Iterator[Passer]:
    shell = Shell(clock)
    passer = Passer(home, store, seeds, root, shell)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="doors", daemon=True)
    thread.start()
    net = PeerNet(shell, NetSettings(host="127.0.0.1", port=0, folder=home.path))
    try:
        shell.attach(loop, passer.turns, net)
        asyncio.run_coroutine_threadsafe(net.start(), loop).result(10)
        passer.turns.start()
        yield passer
    finally:
        passer.turns.stop()
        asyncio.run_coroutine_threadsafe(net.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


# --- whose phrase is this? --------------------------------------------------------------------------
def _whose(passer: Passer, given: Phrase, org: str, seeds: int, emit: Emit) -> Chain:
    """The organisation of the root key, as those who know it agree."""
    sought, until = Sought(), time.monotonic() + ANSWER_SECONDS_MAX
    while len(sought.chains) < seeds and time.monotonic() < until:
        time.sleep(STEP_SECONDS)
        before, sought = sought, passer.sought()
        emit({"progress": {"done": len(sought.chains), "total": seeds, "step": "asking"}})
        if any(sought.chains.values()) and len(sought.chains) > len(before.chains):
            until = min(until, time.monotonic() + OTHERS_SECONDS_MAX)
    found: dict[bytes, Chain] = {}
    for chain in sought.chains.values():
        if chain is not None and (chain.org not in found or chain.epoch > found[chain.org].epoch):
            found[chain.org] = chain
    held = passer.act(lambda turn: turn.ledger.org_of_root(given.root))
    if held is not None and held not in found:  # of an earlier try, or of a store without its key file
        found[held] = passer.act(lambda turn: turn.ledger.chain(held))
    if not found:
        raise _nobody(len(sought.chains), seeds)
    return settled(_chosen(found, org), [each for each in sought.chains.values() if each is not None])


def _nobody(answered: int, seeds: int) -> Refusal:
    if not answered:
        return Refusal(
            "no_answer",
            Exit.NOT_FOUND,
            "Aucune adresse donnée ne répond. Vérifiez-les auprès d’une organisation qui vous connaît "
            "(« mutunode status » y montre l’adresse de son nœud), et que son nœud tourne.",
            "None of the addresses given answers. Check them with an organisation that knows you "
            "(`mutunode status` shows the address of its node), and that its node runs.",
        )
    return Refusal(
        "unknown_root",
        Exit.NOT_FOUND,
        f"{answered} adresse(s) sur {seeds} ont répondu, mais aucune ne connaît d’organisation avec cette "
        "phrase. Essayez l’adresse d’une organisation qui vous avait acceptée.",
        f"{answered} of {seeds} addresses answered, but none knows an organisation with this phrase. Try the "
        "address of an organisation that had accepted you.",
    )


def _chosen(found: dict[bytes, Chain], org: str) -> Chain:
    if org:
        chosen = [chain for each, chain in found.items() if org_text(each).startswith(org)]
        if len(org) < len("org_") + 8 or len(chosen) != 1:
            raise Refusal(
                "not_found",
                Exit.NOT_FOUND,
                f"Personne ne connaît d’organisation {org} avec cette phrase.",
                f"Nobody knows an organisation {org} with this phrase.",
            )
        return chosen[0]
    if len(found) > 1:
        raise SeveralClaims(list(found.values()))
    return next(iter(found.values()))


# --- its register -----------------------------------------------------------------------------------
def _collect(passer: Passer, chain: Chain, emit: Emit) -> None:
    """Wait until everything that those met hold of the register is here."""
    log = log_id(chain.org, PUBLIC)
    met_until = time.monotonic() + OTHERS_SECONDS_MAX
    moved, before = time.monotonic(), -1
    while True:
        time.sleep(STEP_SECONDS)
        heads = passer.sought().heads
        held = passer.act(lambda turn: turn.ledger.log(log))
        shown = max((head.order for head in heads.values() if head is not None), default=(0, 0, 0))
        here = held.head.order if held is not None and held.head is not None else (0, 0, 0)
        done = held.size + held.pending if held is not None else 0
        emit({"progress": {"done": min(done, shown[1]), "total": shown[1], "step": "collecting"}})
        if done != before:
            moved, before = time.monotonic(), done
        met = bool(heads) and (len(heads) >= len(passer.seeds) or time.monotonic() > met_until)
        if met and (here[:2] >= shown[:2] or (held is not None and held.frozen)):
            return
        if time.monotonic() > moved + STALLED_SECONDS_MAX:
            raise Refusal(
                "stalled",
                Exit.NOT_REPLICATED,
                f"Le registre n’arrive plus : {done} entrées sur {shown[1]}. Ce qui est là est gardé ; "
                "recommencez quand la liaison est meilleure.",
                f"The register no longer comes: {done} of {shown[1]} entries. What is here is kept; begin "
                "again when the connection is better.",
            )


def _take_over(
    passer: Passer,
    chain: Chain,
    given: Phrase,
    language: str,
    passphrase: str,
    reason: str,
    begin_empty: bool,
) -> Recovered:
    """Open the next epoch, with everything that came back."""
    operating = secrets.token_bytes(SEED_BYTES)
    met = len(passer.sought().heads)
    passer.settings = NodeSettings(seeds=passer.seeds)

    def job(turn: Turn) -> Recovered:
        held_chain = turn.ledger.chain(chain.org) or chain
        phrases.must_be_of(held_chain, given, held_chain.name)
        held = turn.ledger.log(log_id(chain.org, PUBLIC))
        keep = succession.agreed(turn, held_chain, held) if held is not None else 0
        if not keep and not begin_empty:
            raise _nothing_came(held_chain.name)
        keys = succession.next_keys(held_chain, given, operating, {})
        opened = succession.signed(turn, held_chain, given, keys, keep, reason)
        turn.ledger.put_own(chain.org)
        accepted = _follow_again(turn, chain.org)
        turn.ledger.forget_cursors()
        me = Me(chain.org, keys.operating_public, keys.sign)
        turn.open_epoch(
            opened, me, lambda: passer.home.save_identity(opened, keys, language, passphrase, os.urandom)
        )
        above = opened.roots[: opened.roots.index(given.root)]
        return Recovered(
            org=org_text(chain.org),
            name=chain.name,
            epoch=opened.epoch,
            base=keep,
            check_words=words_of(chain.org),
            roots_above=tuple(root_text(root) for root in above),
            accepted=tuple(org_text(each) for each in accepted),
            met=met,
            shown=False,
            operating=key_text(opened.operating),
            key_words=words_of(opened.operating),
            set_aside=tuple(
                rival_line(rival) for rival in opened.rivals if rival.standing is Standing.DECIDED
            ),
        )

    recovered: Recovered = passer.act(job)
    return msgspec.structs.replace(recovered, shown=_is_shown(passer, recovered.epoch))


def _nothing_came(name: str) -> Refusal:
    """A new epoch over nothing would take the whole register away from everybody who holds it."""
    return Refusal(
        "nothing_came",
        Exit.NOT_FOUND,
        f"« {name} » est connue, mais aucune des adresses données ne tient de page de son registre. Rien n’a "
        "été signé : donnez l’adresse d’une organisation qui la suit. Si elle n’avait encore rien publié, "
        "« mutunode recover … --begin-empty » repart d’un registre vide.",
        f"`{name}` is known, but none of the addresses given holds a page of its register. Nothing was "
        "signed: give the address of an organisation that follows it. If it had not published anything yet, "
        "`mutunode recover … --begin-empty` begins with an empty register.",
    )


def _follow_again(turn: Turn, org: bytes) -> list[bytes]:
    """Whom we accepted, only the lost machine knew; whom we vouched for, everybody does."""
    vouched = [vouch.org for vouch in turn.ledger.vouches(org, VOUCHES_READ_MAX)]
    again = [each for each in vouched if not turn.ledger.stance(each).blocked]
    for each in again:
        turn.ledger.put_stance(each, Stance(accepted=True))
    return again


def _is_shown(passer: Passer, epoch: int) -> bool:
    """Whether somebody holds the new epoch by now: from then on the old key is of no use there."""
    until = time.monotonic() + SHOWN_SECONDS_MAX
    while time.monotonic() < until:
        if any(order[0] >= epoch for order in passer.turns.sight.holders.values()):
            return True
        time.sleep(STEP_SECONDS)
    return False
