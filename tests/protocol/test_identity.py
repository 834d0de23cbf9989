"""An organisation is not its key: genesis, epochs, and rivals for one of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mutunode.protocol import codec, crypto, identity
from mutunode.protocol.errors import Invalid, Malformed
from mutunode.protocol.identity import Base, Chain, extend, make_genesis, make_op, parse_genesis, parse_op
from mutunode.protocol.phrase import root_seed
from tests.vectors import mutunode

VECTORS = mutunode("identity")
GENESIS = parse_genesis(bytes.fromhex(VECTORS["genesis"]))
OP = parse_op(bytes.fromhex(VECTORS["op"]))
SIGNATURE = bytes.fromhex(VECTORS["op_signature"])
ROOT = root_seed(bytes.fromhex(mutunode("phrase")["entropy"]))
LOW_ROOT = bytes.fromhex(VECTORS["low_root_seed"])


def test_the_published_genesis() -> None:
    assert GENESIS.org.hex() == VECTORS["org"]
    made = make_genesis(
        name=GENESIS.name,
        created=GENESIS.created,
        nonce=GENESIS.nonce,
        operating=crypto.public_of(bytes.fromhex(VECTORS["operating_seed"])),
        roots=[crypto.public_of(ROOT), crypto.public_of(LOW_ROOT)],
        sealing=bytes.fromhex(mutunode("phrase")["sealing"][0]["public"]),
    )
    assert made == GENESIS


def test_the_published_op_opens_epoch_1() -> None:
    assert OP.signed.hex() == VECTORS["op_signed"]
    assert OP.prev.hex() == VECTORS["prev"]
    chain = extend(Chain(GENESIS), OP, SIGNATURE, now=7)
    assert (chain.org, chain.epoch, chain.name) == (GENESIS.org, 1, GENESIS.name)
    assert (chain.operating, chain.operating_at(0)) == (OP.operating, GENESIS.operating)
    assert (chain.base(0), chain.base(1)) == (0, 3)
    assert (chain.op(1).place, chain.op(1).held_since) == (0, 7)
    assert chain.sealing == OP.sealing
    assert not chain.disputed


def test_the_published_op_can_be_made_and_signed_again() -> None:
    made = make_op(
        Chain(GENESIS),
        operating=crypto.public_of(bytes.fromhex(VECTORS["operating2_seed"])),
        roots=OP.roots,
        sealing=OP.sealing,
        base=OP.base,
        reason=OP.reason,
    )
    assert made == OP
    assert crypto.sign(ROOT, made.signed) == SIGNATURE


@pytest.mark.parametrize("epoch", [0, 2])
def test_epochs_that_are_not_there_have_no_op(epoch: int) -> None:
    with pytest.raises(KeyError, match="ends at 1"):
        extend(Chain(GENESIS), OP, SIGNATURE, 0).op(epoch)


# --- what cannot be signed -----------------------------------------------------------------------


def _fields(raw: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = codec.decode(raw)
    return fields


SMALL_ORDER = bytes.fromhex(mutunode("keys")["ed25519_refused"][2])
LOW_ORDER = bytes.fromhex(mutunode("keys")["x25519_low_order"][2])
WRONG: dict[str, list[Any]] = {
    "created": ["1800000000", True],
    "name": [b"bytes", "é" * 128, 1],
    "nonce": [bytes(15), bytes(17), "text"],
    "operating": [bytes(31), SMALL_ORDER, GENESIS.roots[0], "A" * 43 + "="],
    "roots": [[], [GENESIS.roots[0]] * 2, [SMALL_ORDER], GENESIS.roots[0]],
    "sealing": [LOW_ORDER, bytes(33)],
    "v": [0, 2, "1", True],
    "base": [[1], [1, bytes(31)], [1, bytes(32), 0], {"size": 1, "root": bytes(32)}, []],
    "epoch": [0, "1"],
    "org": [bytes(31)],
    "prev": [bytes(33)],
    "reason": ["r" * 256, b"reason"],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field in WRONG for value in WRONG[field]])
def test_a_wrong_field_is_refused_and_named(field: str, value: Any) -> None:
    for raw, parse in ((GENESIS.raw, parse_genesis), (OP.raw, parse_op)):
        fields = _fields(raw)
        if field in fields:
            with pytest.raises(Malformed, match=r"genesis|op") as caught:
                parse(codec.encode({**fields, field: value}))
            named = (field, "root", "name or reason", "operating")
            assert any(name in caught.value.what for name in named)


@pytest.mark.parametrize("parse", [parse_genesis, parse_op])
def test_exactly_these_fields(parse: Any) -> None:
    raw = GENESIS.raw if parse is parse_genesis else OP.raw
    fields = _fields(raw)
    for extra in ("raw", "x", "w"):
        with pytest.raises(Malformed):
            parse(codec.encode({**fields, extra: raw}))
    for field in fields:
        with pytest.raises(Malformed):
            parse(codec.encode({name: value for name, value in fields.items() if name != field}))
    for other in (b"\x90", b"\x01", b"", raw + b"\0", codec.encode([raw])):
        with pytest.raises(Malformed):
            parse(other)


def test_the_operating_key_is_none_of_the_roots() -> None:
    for raw, parse in ((GENESIS.raw, parse_genesis), (OP.raw, parse_op)):
        fields = _fields(raw)
        with pytest.raises(Malformed, match="operating key"):
            parse(codec.encode({**fields, "roots": [*fields["roots"], fields["operating"]]}))


def test_six_roots_are_one_too_many() -> None:
    keys = [crypto.public_of(bytes([number]) * 32) for number in range(7)]
    fields = _fields(GENESIS.raw) | {"operating": keys[6]}
    assert len(parse_genesis(codec.encode({**fields, "roots": keys[:5]})).roots) == 5
    with pytest.raises(Malformed, match="roots"):
        parse_genesis(codec.encode({**fields, "roots": keys[:6]}))


def test_an_op_has_at_most_1_024_bytes_and_the_longest_allowed_one_fits() -> None:
    keys = [crypto.public_of(bytes([number]) * 32) for number in range(6)]
    made = make_op(
        Chain(GENESIS),
        operating=keys[5],
        roots=keys[:5],
        sealing=OP.sealing,
        base=Base(2**53 - 1, bytes(32)),
        reason="r" * 255,
    )
    assert len(made.raw) <= 1_024
    with pytest.raises(Malformed, match="1,024"):
        parse_op(codec.encode(_fields(OP.raw) | {"reason": "r" * 1_000}))


@given(st.binary(max_size=400))
def test_noise_is_refused_without_any_other_error(raw: bytes) -> None:
    for parse in (parse_genesis, parse_op):
        with pytest.raises(Malformed):
            parse(raw)


# --- what does not verify ------------------------------------------------------------------------


def test_only_a_root_in_force_opens_an_epoch() -> None:
    chain = Chain(GENESIS)
    for seed in (bytes.fromhex(VECTORS["operating_seed"]), b"\7" * 32):
        with pytest.raises(Invalid, match="no root key"):
            extend(chain, OP, crypto.sign(seed, OP.signed), 0)
    with pytest.raises(Invalid, match="no root key"):
        extend(chain, OP, crypto.sign(ROOT, OP.raw), 0)  # without its domain
    assert extend(chain, OP, crypto.sign(LOW_ROOT, OP.signed), 0).op(1).place == 1


def test_an_op_follows_the_one_before_it() -> None:
    chain = extend(Chain(GENESIS), OP, SIGNATURE, 0)
    with pytest.raises(Invalid, match="does not follow"):
        extend(chain, OP, SIGNATURE, 0)
    other = make_genesis(
        name="another",
        created=0,
        nonce=bytes(16),
        operating=GENESIS.operating,
        roots=GENESIS.roots,
        sealing=GENESIS.sealing,
    )
    with pytest.raises(Invalid, match="does not follow"):
        extend(Chain(other), OP, SIGNATURE, 0)
    stolen = parse_op(codec.encode(_fields(OP.raw) | {"prev": Chain(other).tip}))
    with pytest.raises(Invalid, match="another organisation"):
        extend(Chain(other), stolen, crypto.sign(ROOT, stolen.signed), 0)


def test_roots_that_were_replaced_open_nothing_more() -> None:
    fresh = b"\x21" * 32
    first = make_op(
        Chain(GENESIS),
        operating=OP.operating,
        roots=[crypto.public_of(fresh)],
        sealing=OP.sealing,
        base=Base(),
        reason="",
    )
    chain = identity.sign_op(Chain(GENESIS), first, lambda message: crypto.sign(ROOT, message), 0)
    second = make_op(
        chain,
        operating=GENESIS.operating,
        roots=chain.roots,
        sealing=OP.sealing,
        base=Base(),
        reason="",
    )
    with pytest.raises(Invalid, match="no root key"):
        extend(chain, second, crypto.sign(ROOT, second.signed), 0)
    assert extend(chain, second, crypto.sign(fresh, second.signed), 0).epoch == 2


def test_a_changed_op_does_not_verify() -> None:
    changed = replace(OP, raw=codec.encode(_fields(OP.raw) | {"reason": "other"}))
    with pytest.raises(Invalid, match="no root key"):
        extend(Chain(GENESIS), changed, SIGNATURE, 0)
