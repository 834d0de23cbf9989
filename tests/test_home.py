"""The node's folder: closed to others, held by one process, and never a second identity in it."""

from __future__ import annotations

import multiprocessing
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mutunode import home as home_module
from mutunode import keyfile
from mutunode.home import Home, HomeError, create_identity
from mutunode.protocol import crypto, phrase
from mutunode.protocol.errors import Malformed
from mutunode.protocol.identity import Base, make_op, sign_op

ENTROPY = bytes(range(32))
NOW = 1_800_000_000
LOG = b"\1" * 32


@pytest.fixture(autouse=True)
def _cheap_wrapping(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real price of a passphrase is measured once, below."""
    monkeypatch.setattr(keyfile, "MEMORY_KIB", 512)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def held(folder: Path) -> Iterator[Home]:
    with Home.hold(folder) as home:
        yield home


def _create(folder: Path, passphrase: str = "") -> Home:
    return Home.create(
        folder, name="Épicerie", language="fr", entropy=ENTROPY, now=NOW, passphrase=passphrase
    )


def _refused(code: str) -> pytest.RaisesExc[HomeError]:
    return pytest.RaisesExc(HomeError, check=lambda error: error.code == code and bool(error.fr))


def test_a_new_home_is_closed_to_other_users(folder: Path) -> None:
    before = os.umask(0)
    try:
        _create(folder)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o777, 0o701])
def test_a_folder_open_to_others_is_refused(folder: Path, mode: int) -> None:
    folder.mkdir()
    folder.chmod(mode)
    with _refused("home_open_to_others"), Home.hold(folder):
        pass


def test_a_key_file_open_to_others_is_refused(folder: Path) -> None:
    _create(folder)
    (folder / "identity").chmod(0o640)
    with Home.hold(folder) as home, _refused("home_open_to_others"):
        home.unlock()


def test_a_file_in_the_way_is_named(folder: Path) -> None:
    folder.write_text("")
    with pytest.raises(HomeError, match="cannot be the node's folder"), Home.hold(folder):
        pass


def test_one_process_at_a_time_holds_a_home(held: Home) -> None:
    with _refused("home_busy"), Home.hold(held.path):
        pass
    child = multiprocessing.get_context("spawn").Process(target=_try_to_hold, args=(held.path,))
    child.start()
    child.join(30)
    assert child.exitcode == 5


def _try_to_hold(path: Path) -> None:
    try:
        with Home.hold(path):
            raise SystemExit(0)
    except HomeError:
        raise SystemExit(5) from None


def test_a_home_can_be_held_again_once_it_was_given_back(folder: Path) -> None:
    for _ in range(2):
        with Home.hold(folder) as home:
            assert not home.has_identity


def test_a_new_identity_is_what_its_words_can_bring_back(held: Home) -> None:
    org, words = create_identity(held, "Épicerie", "fr", NOW, ENTROPY, b"n" * 16)
    assert phrase.entropy(words) == ENTROPY
    genesis, keys = held.genesis, held.unlock()
    assert (genesis.org, genesis.name, genesis.created, held.language) == (org, "Épicerie", NOW, "fr")
    assert genesis.roots == (crypto.public_of(phrase.root_seed(ENTROPY)),)
    assert genesis.sealing == crypto.sealing_public_of(phrase.sealing_private(ENTROPY, 0))
    assert keys.operating_public == genesis.operating
    assert crypto.verify(genesis.operating, keys.sign(b"message"), b"message")


@pytest.mark.parametrize("passphrase", ["", "correct horse"])
def test_the_root_key_never_stays_on_the_node(folder: Path, passphrase: str) -> None:
    _create(folder, passphrase)
    held = b"".join(file.read_bytes() for file in folder.iterdir())
    assert ENTROPY not in held
    assert phrase.root_seed(ENTROPY) not in held
    assert (phrase.sealing_private(ENTROPY, 0) in held) == (not passphrase)


def test_operating_keys_are_drawn_and_do_not_come_from_the_phrase(tmp_path: Path) -> None:
    one, other = _create(tmp_path / "one"), _create(tmp_path / "other")
    assert one.genesis.operating != other.genesis.operating
    assert one.genesis.org != other.genesis.org


def test_an_existing_identity_is_never_touched(folder: Path) -> None:
    _create(folder)
    before = (folder / "identity").read_bytes()
    with _refused("home_exists"):
        _create(folder)
    assert (folder / "identity").read_bytes() == before


def test_a_name_that_cannot_be_leaves_no_identity(folder: Path) -> None:
    with Home.hold(folder) as home, pytest.raises(Malformed, match="longer than 255"):
        create_identity(home, "é" * 128, "fr", NOW, ENTROPY, bytes(16))
    with Home.hold(folder) as home:
        assert not home.has_identity


def test_without_identity_there_is_nothing_to_unlock(held: Home) -> None:
    with _refused("no_identity"):
        held.unlock()


def test_a_passphrase_is_asked_for_and_told_from_a_wrong_one(folder: Path) -> None:
    _create(folder, "café au lait")
    with Home.hold(folder) as home:
        assert home.needs_passphrase
        with _refused("passphrase_needed"):
            home.unlock()
        with _refused("passphrase_wrong"):
            home.unlock("cafe au lait")
        composed_otherwise = "cafe\u0301 au lait"
        assert home.unlock(composed_otherwise).operating_public == home.genesis.operating


def test_the_passphrase_costs_what_was_promised(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyfile, "MEMORY_KIB", 64 * 1_024)
    assert (keyfile.MEMORY_KIB, keyfile.PASSES) == (65_536, 3)
    _create(folder, "once")
    file = keyfile.read((folder / "identity").read_bytes())
    assert file.wrap is not None
    assert (file.wrap.memory_kib, file.wrap.passes) == (65_536, 3)
    assert file.unlock("once").org == file.chain.org


@pytest.mark.parametrize("passphrase", ["", "secret"])
def test_a_damaged_file_is_said_to_be_damaged_wherever_it_is_cut(folder: Path, passphrase: str) -> None:
    _create(folder, passphrase)
    path = folder / "identity"
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 7), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with Home.hold(folder) as home:
            assert home.has_identity
            with _refused("identity_damaged"):
                home.unlock(passphrase)
            with _refused("home_exists"):
                create_identity(home, "another", "fr", NOW, ENTROPY, bytes(16))
        assert path.read_bytes() == whole[:length]


def test_no_byte_of_a_wrapped_file_can_be_changed(folder: Path) -> None:
    _create(folder, "secret")
    whole = (folder / "identity").read_bytes()
    for at in range(0, len(whole), 5):
        changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        with pytest.raises(keyfile.KeyFileDamaged):
            keyfile.read(changed)
        resealed = changed[:-32] + crypto.sha256(changed[:-32])
        with pytest.raises((keyfile.KeyFileDamaged, keyfile.PassphraseWrong)):
            _unlock_other_than(resealed, whole)


def _unlock_other_than(raw: bytes, original: bytes) -> None:
    if raw == original:
        raise keyfile.KeyFileDamaged("only the digest was changed, and is right again")
    keyfile.read(raw).unlock("secret")


def test_a_later_epoch_is_kept_with_its_keys(folder: Path) -> None:
    _create(folder)
    operating, sealing = b"\2" * 32, phrase.sealing_private(ENTROPY, 1)
    with Home.hold(folder) as home:
        chain, keys = home.chain, home.unlock()
        op = make_op(
            chain,
            operating=crypto.public_of(operating),
            roots=chain.roots,
            sealing=crypto.sealing_public_of(sealing),
            base=Base(),
            reason="rotation",
        )
        root = phrase.root_seed(ENTROPY)
        later = sign_op(chain, op, lambda message: crypto.sign(root, message), NOW)
        both = keyfile.Keys(later.org, operating, {**keys.sealing, 1: sealing})
        home.save_identity(later, both, "fr", "now with a passphrase")
        assert home.chain == later
    with Home.hold(folder) as home:
        assert home.chain == later
        unlocked = home.unlock("now with a passphrase")
        assert unlocked.operating_public == later.operating
        assert unlocked.sealing == both.sealing


def test_keys_of_another_epoch_do_not_unlock(folder: Path) -> None:
    _create(folder)
    with Home.hold(folder) as home:
        stale = keyfile.Keys(home.genesis.org, b"\3" * 32, {})
        home.save_identity(home.chain, stale, "fr", "")
        with _refused("identity_damaged"):
            home.unlock()


def test_secrets_do_not_show(folder: Path) -> None:
    _create(folder)
    with Home.hold(folder) as home:
        keys = home.unlock()
        private = keys.sealing[0]
        for shown in (repr(keys), repr(keyfile.read((folder / "identity").read_bytes()))):
            assert repr(private)[2:-1] not in shown
            assert private.hex() not in shown


# --- the outside mark ----------------------------------------------------------------------------


def test_a_mark_is_there_after_a_restart_and_never_goes_down(folder: Path) -> None:
    with Home.hold(folder) as home:
        assert home.marks() == {}
        home.write_mark(LOG, 0, 5, b"r" * 32)
        home.write_mark(LOG, 0, 4, b"q" * 32)
        home.write_mark(bytes(32), 1, 0, b"s" * 32)
    with Home.hold(folder) as home:
        assert home.marks()[LOG] == home_module.Marked(0, 5, b"r" * 32)
        home.write_mark(LOG, 1, 2, b"t" * 32)
        assert home.marks()[LOG] == home_module.Marked(1, 2, b"t" * 32)
        assert home.marks()[bytes(32)].epoch == 1


def test_a_crash_while_the_mark_is_written_leaves_the_old_one(
    held: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    held.write_mark(LOG, 0, 5, b"r" * 32)

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        held.write_mark(LOG, 0, 6, b"s" * 32)
    monkeypatch.undo()
    assert held.marks()[LOG].size == 5
    assert sorted(path.name for path in held.path.iterdir()) == ["lock", "mark"]
    held.write_mark(LOG, 0, 6, b"s" * 32)
    assert Home(held.path).marks()[LOG].size == 6


@pytest.mark.parametrize("raw", [b"", b"\x80\x80", b"\x01", b"\x81\xa1x\x93\0\0\xc4\0"])
def test_a_damaged_mark_is_named(held: Home, raw: bytes) -> None:
    (held.path / "mark").write_bytes(raw)
    with _refused("mark_damaged"):
        held.marks()
