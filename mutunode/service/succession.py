"""The op that opens an epoch: which keys it names, how much of the public register it keeps, who signs it.

The same for every way to it: a key that is changed, an organisation that comes back, one that is handed back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mutunode.keyfile import Keys
from mutunode.protocol import crypto, evidence, messages
from mutunode.protocol.errors import Malformed
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.identity import Base, Chain, make_op, sign_op
from mutunode.protocol.ledger import HeldLog
from mutunode.service.errors import Exit, Refusal
from mutunode.service.phrases import Phrase
from mutunode.turns import Turn


def agreed(turn: Turn, chain: Chain, held: HeldLog, parted: int | None = None) -> int:
    """All of it; where two registers were signed, what both have in common, as far as anybody can say.

    ``parted``: the first index at which a peer holds something else than we do.
    """
    frame = turn.ledger.evidence(held.log, chain.epoch) if held.frozen else None
    if frame is None:
        return held.size
    fork = messages.decode(frame)
    assert isinstance(fork, messages.Fork), "nothing else is kept as evidence"
    first = evidence.first_index(fork) if isinstance(fork.evidence, messages.TwoLeaves) else held.size
    return min(first, held.size if parted is None else parted, held.size)


def next_keys(chain: Chain, given: Phrase, operating: bytes, held: Mapping[int, bytes]) -> Keys:
    """The keys of the next epoch; the sealing keys of all others stay, so that what was sealed for us can be
    read.
    """
    epoch = chain.epoch + 1
    return Keys(chain.org, operating, {**given.sealing_of(chain), **held, epoch: given.sealing(epoch)})


def signed(
    turn: Turn,
    chain: Chain,
    given: Phrase,
    keys: Keys,
    base: int,
    reason: str,
    roots: Sequence[bytes] | None = None,
) -> Chain:
    """The chain with the next epoch, which keeps ``base`` entries of what is held of the public register."""
    try:
        op = make_op(
            chain,
            operating=keys.operating_public,
            roots=roots or chain.roots,
            sealing=crypto.sealing_public_of(keys.sealing[chain.epoch + 1]),
            base=Base(base, turn.ledger.root_at(log_id(chain.org, PUBLIC), base)),
            reason=reason,
        )
    except Malformed as error:
        fr, en = f"Cette reprise ne peut pas être signée : {error}.", f"This cannot be signed: {error}."
        raise Refusal("bad_op", Exit.REFUSED, fr, en) from None
    return sign_op(chain, op, given.sign, int(turn.now))
