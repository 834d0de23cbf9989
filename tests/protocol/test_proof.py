"""Proof files: what is written reads back, and nothing in one can be changed."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mutunode.protocol import codec, proof
from mutunode.protocol.limits import PROOF_FILE_BYTES_MAX, WITNESSES_MAX
from mutunode.protocol.proof import Doubt, Proof, read, write
from tests.protocol.provers import START, Prover, changed

TITLE = {"title": {"fr": "Guide du compost"}}


def grown(size: int = 11, epochs: int = 1) -> Prover:
    """An organisation with some records and some epochs behind it."""
    jardin = Prover("Jardin")
    for number in range(size):
        if epochs and number == size - 2:
            for _ in range(epochs):
                jardin.open_epoch("nouvel ordinateur")
        jardin.publish("resource", {**TITLE, "external_ref": f"fiche-{number}"})
    return jardin


def witnesses() -> tuple[Prover, Prover]:
    """Two that saw it, one of which has changed its keys."""
    atelier, fablab = Prover("Atelier"), Prover("Fablab")
    fablab.open_epoch()
    return atelier, fablab


GOOD = write(grown().prove(3, *witnesses()))


def same(a: Proof, b: Proof) -> bool:
    return write(a) == write(b)


def doubt(raw: bytes) -> Doubt:
    """Why a file is refused."""
    with pytest.raises(Doubt) as found:
        read(raw)
    assert found.value.part in proof.PARTS
    assert found.value.what
    return found.value


# --- what holds -------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9])
@pytest.mark.parametrize("epochs", [0, 1, 3])
def test_every_record_of_a_register_can_be_proved(size: int, epochs: int) -> None:
    jardin = grown(size, epochs)
    for index in range(size):
        made = jardin.prove(index)
        found = read(write(made))
        assert found.rec == made.rec
        assert (found.index, found.head, found.chain.org) == (index, jardin.head(), jardin.chain.org)
        assert proof.body_of(found)["external_ref"] == f"fiche-{index}"
        assert (found.witnesses, found.seen_at, found.ignored) == ((), None, 0)


def test_the_earliest_witness_says_since_when() -> None:
    jardin = grown()
    found = read(write(jardin.prove(3, *witnesses())))
    assert [each.chain.name for each in found.witnesses] == ["Atelier", "Fablab"]
    assert found.seen_at == jardin.head().time + 3_600
    assert [each.chain.epoch for each in found.witnesses] == [0, 1]


def test_a_file_has_one_form() -> None:
    found = read(GOOD)
    assert write(found) == GOOD
    assert write(changed(found, witnesses=found.witnesses[::-1])) == GOOD


def test_it_is_a_tlog_proof_that_others_read_without_us() -> None:
    """The grammar of c2sp.org/tlog-proof, line by line."""
    first, extra, index, *rest = GOOD.decode().split("\n")
    path, checkpoint = rest[: rest.index("")], rest[rest.index("") + 1 :]
    assert first == "c2sp.org/tlog-proof@v1"
    assert extra.startswith("extra ")
    assert index == "index 3"
    assert all(len(base64.b64decode(line, validate=True)) == 32 for line in path)
    origin, size, root, blank, *signatures, end = checkpoint
    assert (size, blank, end) == ("11", "", "")
    assert len(base64.b64decode(root, validate=True)) == 32
    assert [line.split(" ")[0] for line in signatures] == ["—"] * 3
    assert signatures[0].split(" ")[1] == origin


def test_signatures_by_keys_that_the_file_does_not_introduce_are_counted_and_passed_over() -> None:
    line = f"— witness.example/w1 {base64.b64encode(bytes(76)).decode()}\n".encode()
    found = read(GOOD + line)
    assert found.ignored == 1
    assert len(found.witnesses) == 2


def test_what_does_not_fit_is_left_out_the_latest_witness_first() -> None:
    jardin = grown(2)
    jardin.publish("resource", {"title": {"fr": "x" * 60_000}})
    many = [Prover(f"Témoin {number}") for number in range(WITNESSES_MAX + 3)]
    raw = write(jardin.prove(2, *many))
    found = read(raw)
    assert len(raw) <= PROOF_FILE_BYTES_MAX
    assert [each.chain.name for each in found.witnesses] == [each.name for each in many[:WITNESSES_MAX]]


def test_a_body_that_its_author_wrote_outside_the_limits_is_proved_and_cannot_be_read() -> None:
    jardin = Prover("Jardin")
    entry = jardin.publish("resource", TITLE)
    short = codec.encode([1, "resource", START, codec.decode(entry.header)[3], 1])
    jardin.entries[0] = msgspec.structs.replace(entry, header=short)
    assert proof.body_of(read(write(jardin.prove(0)))) == {}


# --- what does not ----------------------------------------------------------------------------------
def test_no_byte_of_a_file_can_be_changed() -> None:
    """Every place, with one other byte each: letters, digits, spaces, line ends, signs of base64."""
    dice = random.Random(7)
    for at in range(len(GOOD)):
        other = dice.choice(b"Aa0+/= \n" + bytes([GOOD[at] ^ 1]))
        if other != GOOD[at]:
            doubt(GOOD[:at] + bytes([other]) + GOOD[at + 1 :])


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, len(GOOD)), st.integers(0, 80), st.binary(max_size=12))
def test_nothing_can_be_cut_out_or_put_in(at: int, length: int, put: bytes) -> None:
    raw = GOOD[:at] + put + GOOD[at + length :]
    if raw == GOOD:
        return
    try:
        found = read(raw)
    except Doubt:
        return
    # only lines by unknown keys, or a byte-for-byte repetition, leave the claims as they were
    assert same(found, read(GOOD))


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every single value."""
    if isinstance(value, dict):
        for name in value:
            yield from leaves_of(value[name], (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves_of(inner, (*path, number))
    else:
        yield path


def extra_of(raw: bytes) -> Any:
    return codec.decode(base64.b64decode(raw.split(b"\n")[1][6:]))


def with_extra(raw: bytes, extra: Any) -> bytes:
    lines = raw.split(b"\n")
    lines[1] = b"extra " + base64.b64encode(codec.encode(extra))
    return b"\n".join(lines)


def put(value: Any, path: tuple[Any, ...], to: Any) -> None:
    for step in path[:-1]:
        value = value[step]
    value[path[-1]] = to


@pytest.mark.parametrize("path", list(leaves_of(extra_of(GOOD))), ids=str)
@settings(max_examples=12, deadline=None)
@given(dice=st.randoms(use_true_random=False))
def test_no_field_can_be_changed_even_by_somebody_who_encodes_well(
    path: tuple[Any, ...], dice: random.Random
) -> None:
    extra = extra_of(GOOD)
    old: Any = extra
    for step in path:
        old = old[step]
    if isinstance(old, bytes):
        at = dice.randrange(len(old))
        new: Any = old[:at] + bytes([old[at] ^ (1 << dice.randrange(8))]) + old[at + 1 :]
    else:
        new = old[:-1] + "2"
    put(extra, path, new)
    doubt(with_extra(GOOD, extra))


def test_fields_can_neither_be_added_nor_left_out() -> None:
    for name in extra_of(GOOD):
        extra = extra_of(GOOD)
        del extra[name]
        assert doubt(with_extra(GOOD, extra)).part == proof.FILE
    assert doubt(with_extra(GOOD, {**extra_of(GOOD), "also": 1})).part == proof.FILE


def test_a_witness_without_its_signature_is_no_witness() -> None:
    without = b"\n".join(line for line in GOOD.split(b"\n")[:-2]) + b"\n"
    assert doubt(without).part == proof.WITNESS


def test_the_same_signature_twice_is_refused() -> None:
    last = GOOD.split(b"\n")[-2]
    assert doubt(GOOD + last + b"\n").part == proof.WITNESS


def test_an_author_is_no_witness_of_itself_and_nobody_is_two() -> None:
    jardin, (atelier, _) = grown(), witnesses()
    assert doubt(write(jardin.prove(1, jardin))).part == proof.WITNESS
    twice = extra_of(write(jardin.prove(1, atelier)))
    twice["witnesses"] *= 2
    assert doubt(with_extra(write(jardin.prove(1, atelier)), twice)).part == proof.WITNESS


def test_a_thief_of_an_old_key_cannot_sign_under_the_new_epoch() -> None:
    jardin = grown()
    old = Prover("Jardin")
    stolen = jardin.head(sign=old.sign)
    assert doubt(write(changed(jardin.prove(1), head=stolen))).part == proof.SIGNATURE


def test_an_epoch_begins_where_its_op_says() -> None:
    jardin = grown()
    elsewhere = jardin.head(base=jardin.base - 1)
    assert doubt(write(changed(jardin.prove(1), head=elsewhere))).part == proof.REGISTER


def test_a_proof_of_one_record_is_none_of_another() -> None:
    jardin = grown()
    one, other = jardin.prove(3), jardin.prove(4)
    for name, part in (
        ("body", proof.CONTENT),
        ("salt", proof.CONTENT),
        ("header", proof.CONTENT),
        ("index", proof.PLACE),
        ("path", proof.PLACE),
    ):
        assert doubt(write(changed(one, **{name: getattr(other, name)}))).part == part
    moved = changed(one, header=other.header, salt=other.salt, body=other.body)
    assert doubt(write(moved)).part == proof.PLACE


def test_somebody_else_cannot_take_a_signed_register_for_their_own() -> None:
    jardin, (atelier, _) = grown(epochs=0), witnesses()
    assert doubt(write(changed(jardin.prove(3), chain=atelier.chain))).part == proof.REGISTER


@pytest.mark.parametrize(
    "raw", [b"", b"\n", b"\n\n", b"\xff", b"c2sp.org/tlog-proof@v1\n", GOOD[:-1], b"\xef\xbb\xbf" + GOOD]
)
def test_what_is_no_proof_is_said_to_be_none(raw: bytes) -> None:
    assert doubt(raw).part in (proof.FILE, proof.WITNESS)


def test_line_ends_of_windows_and_huge_files_are_refused() -> None:
    assert doubt(GOOD.replace(b"\n", b"\r\n")).part == proof.FILE
    assert doubt(GOOD + b"x" * PROOF_FILE_BYTES_MAX).part == proof.FILE
