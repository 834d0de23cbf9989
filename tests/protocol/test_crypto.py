"""Signatures, and the keys under which they would mean nothing."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from mutunode.protocol import crypto
from mutunode.protocol.errors import Malformed
from tests.vectors import load, mutunode

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]


def _add(one: Point, other: Point) -> Point:
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return x, y


def _wycheproof() -> list[tuple[bytes, dict[str, Any]]]:
    groups = load("wycheproof-ed25519.json")["testGroups"]
    return [(bytes.fromhex(group["publicKey"]["pk"]), case) for group in groups for case in group["tests"]]


def test_verification_agrees_with_wycheproof() -> None:
    cases = _wycheproof()
    assert len(cases) == 151
    for public, case in cases:
        valid = crypto.verify(public, bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]))
        assert valid == (case["result"] == "valid"), case["tcId"]


def test_the_keys_of_wycheproof_are_good_ones() -> None:
    for public in {public for public, _ in _wycheproof()}:
        crypto.check_ed25519(public)


@pytest.mark.parametrize("key", mutunode("keys")["ed25519_refused"])
def test_keys_of_small_order_and_second_spellings_are_refused(key: str) -> None:
    with pytest.raises(Malformed, match="operating"):
        crypto.check_ed25519(bytes.fromhex(key), "operating")


@given(st.one_of(st.integers(0, P - 1), st.integers(0, 100), st.integers(P - 100, P - 1)))
def test_a_key_is_on_the_curve_if_its_x_is_the_root_of_a_square_by_eulers_criterion(y: int) -> None:
    square = (y * y - 1) * pow(crypto._D * y * y + 1, -1, P) % P
    assert crypto._on_curve(y) == (pow(square, (P - 1) // 2, P) != P - 1)


@pytest.mark.parametrize("key", mutunode("keys")["x25519_low_order"])
def test_x25519_keys_of_low_order_are_refused(key: str) -> None:
    with pytest.raises(Malformed, match="low order"):
        crypto.check_x25519(bytes.fromhex(key))


def test_the_library_alone_would_take_a_key_under_which_anything_is_signed() -> None:
    neutral = (1).to_bytes(32, "little")
    constant = neutral + bytes(32)
    Ed25519PublicKey.from_public_bytes(neutral).verify(constant, b"any message")
    with pytest.raises(Malformed):
        crypto.check_ed25519(neutral)


def test_the_refused_points_are_all_those_whose_eightfold_is_neutral() -> None:
    small = {(0, 1)}
    generator = next(point for point in _points(crypto._ORDER_8_Y))
    point = generator
    for _ in range(8):
        small.add(point)
        point = _add(point, generator)
    assert point == generator  # the ninth is the first again
    assert {y for _, y in small} == crypto._SMALL_ORDER_Y


def _points(y: int) -> list[Point]:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    if root * root % P != square:
        root = root * pow(2, (P - 1) // 4, P) % P
    return [(root, y), (P - root, y)] if root * root % P == square else []


@given(st.integers(0, P - 1))
def test_points_beside_the_curve_are_refused(y: int) -> None:
    public = y.to_bytes(32, "little")
    if _points(y) and y not in crypto._SMALL_ORDER_Y:
        crypto.check_ed25519(public)
    else:
        with pytest.raises(Malformed):
            crypto.check_ed25519(public)


@given(st.binary(min_size=32, max_size=32), st.binary())
def test_what_a_seed_signs_verifies_and_nothing_else(seed: bytes, message: bytes) -> None:
    public, signature = crypto.public_of(seed), crypto.sign(seed, message)
    crypto.check_ed25519(public)
    assert crypto.verify(public, signature, message)
    assert not crypto.verify(public, signature, message + b"\0")
    assert not crypto.verify(public, signature + b"\0", message)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_keys_have_32_bytes(length: int) -> None:
    with pytest.raises(Malformed, match=f"not {length}"):
        crypto.check_ed25519(bytes(length))
    with pytest.raises(Malformed, match=f"not {length}"):
        crypto.check_x25519(bytes(length))
    assert not crypto.verify(bytes(length), bytes(64), b"")
