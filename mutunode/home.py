"""The node's folder: one process at a time, closed to other users, with identity, keys and outside mark.

The *outside mark* is the highest (epoch, size, root) of each of our own logs, kept beside the database and
written after each commit. A database that was put back from an old copy holds less than the mark says;
the node then signs nothing before it has fetched what it lacks (PROTOCOL §3). A crash between commit and
mark leaves a mark that is behind the database, which is harmless.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Self

import msgspec

from mutunode import keyfile, system
from mutunode.keyfile import KeyFile, Keys
from mutunode.protocol import codec, crypto, ids, phrase
from mutunode.protocol.errors import Malformed, MutunodeError
from mutunode.protocol.head import Count, Id
from mutunode.protocol.identity import Chain, Genesis, make_genesis
from mutunode.protocol.limits import GENESIS_NONCE_BYTES, SEED_BYTES

FOLDER_MODE, FILE_MODE = 0o700, 0o600
OTHERS = stat.S_IRWXG | stat.S_IRWXO

LOCK_STEP_SECONDS = 0.1

LOCK, IDENTITY, MARK = "lock", "identity", "mark"

Random = Callable[[int], bytes]


class HomeError(MutunodeError):
    """What is wrong with the folder and what to do, in both languages."""

    def __init__(self, code: str, fr: str, en: str) -> None:
        super().__init__(en)
        self.code = code
        self.fr = fr
        self.en = en


class Marked(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The highest state of one of our logs that may have been announced."""

    epoch: Count
    size: Count
    root: Id


class Home:
    """A folder whose lock is held."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = -1
        self._unlocked: Keys | None = None
        self._passphrase = ""  # of keys that are unlocked, to write the next ones under it as well

    @classmethod
    @contextmanager
    def hold(cls, path: Path, *, wait_seconds: float = 0.0) -> Iterator[Self]:
        """Make the folder if need be, check that it is closed to others, and lock it.

        Whoever holds it is waited for so long: a command at work is done in a moment.
        """
        home = cls(path)
        home._prepare()
        home._acquire(time.monotonic() + wait_seconds)
        try:
            yield home
        finally:
            os.close(home._lock)  # which gives the lock back

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        name: str,
        language: str,
        entropy: bytes,
        now: int,
        passphrase: str = "",
        random: Random = os.urandom,
    ) -> Self:
        """A new organisation in a folder of its own, which is given back unlocked."""
        with cls.hold(path) as home:
            nonce = random(GENESIS_NONCE_BYTES)
            create_identity(home, name, language, now, entropy, nonce, passphrase, random)
            return home

    # --- identity and keys ---------------------------------------------------------------------
    @property
    def has_identity(self) -> bool:
        """Whether somebody lives here."""
        return (self.path / IDENTITY).exists()

    @property
    def genesis(self) -> Genesis:
        """The organisation."""
        return self._file.genesis

    @property
    def chain(self) -> Chain:
        """The identity chain as this machine last wrote it, verified."""
        return self._file.chain

    @property
    def language(self) -> str:
        """The organisation's language, as it was chosen."""
        return self._file.language

    @property
    def needs_passphrase(self) -> bool:
        """Whether the keys are wrapped."""
        return self._file.wrap is not None

    def unlock(self, passphrase: str = "") -> Keys:
        """The operating and sealing keys."""
        try:
            self._unlocked = self._file.unlock(passphrase)
        except keyfile.PassphraseNeeded:
            raise HomeError(
                "passphrase_needed",
                "Les clés de ce nœud sont protégées par un mot de passe : donnez-le au démarrage.",
                "This node's keys are protected by a passphrase: give it when starting.",
            ) from None
        except keyfile.PassphraseWrong:
            raise HomeError(
                "passphrase_wrong",
                "Ce n’est pas le mot de passe des clés de ce nœud. Rien n’a été changé : essayez encore.",
                "This is not the passphrase of this node's keys. Nothing was changed: try again.",
            ) from None
        except keyfile.KeyFileDamaged as error:
            raise self._damaged(error) from None
        self._passphrase = passphrase
        return self._unlocked

    @property
    def keys(self) -> Keys:
        """The keys, once they were unlocked: those of the newest epoch, and the sealing keys of all."""
        assert self._unlocked is not None, "whoever works with keys has unlocked them"
        return self._unlocked

    def replace_keys(self, chain: Chain, keys: Keys) -> None:
        """Another epoch's chain and keys, under the same passphrase. Durable when this returns."""
        self.save_identity(chain, keys, self.language, self._passphrase)
        self._unlocked = keys

    def rewrap(self, old: str, new: str) -> None:
        """Guard the keys by another passphrase, or by none. Durable when this returns.

        Raises:
            PassphraseNeeded, PassphraseWrong: ``old`` is not the one that guards them now.
        """
        keys = self._file.unlock(old)
        self.save_identity(self.chain, keys, self.language, new)
        self._passphrase = new

    def save_identity(
        self, chain: Chain, keys: Keys, language: str, passphrase: str, random: Random = os.urandom
    ) -> None:
        """Write identity and keys in one step: after a crash there is the old file or the new one."""
        raw = keyfile.write(chain, keys, language, passphrase, random)
        _replace(self.path / IDENTITY, raw)
        self.__dict__.pop("_file", None)

    @cached_property
    def _file(self) -> KeyFile:
        path = self.path / IDENTITY
        try:
            if stat.S_IMODE(path.stat().st_mode) & OTHERS:
                raise _open_to_others(path, FILE_MODE)
            return keyfile.read(path.read_bytes())
        except FileNotFoundError:
            raise HomeError(
                "no_identity",
                f"Pas d’identité dans {self.path} : créez-la avec « mutunode init ».",
                f"No identity in {self.path}: create one with `mutunode init`.",
            ) from None
        except keyfile.KeyFileDamaged as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> HomeError:
        path = self.path / IDENTITY
        return HomeError(
            "identity_damaged",
            f"Le fichier {path} est abîmé ({error}). Rien n’a été créé à sa place : remettez une sauvegarde "
            "de ce fichier, ou retrouvez l’organisation avec sa phrase de secours (« mutunode recover »).",
            f"The file {path} is damaged ({error}). Nothing was made in its place: put a backup of this file "
            "back, or recover the organisation with its phrase (`mutunode recover`).",
        )

    # --- the outside mark ----------------------------------------------------------------------
    def marks(self) -> dict[bytes, Marked]:
        """The mark of each of our logs that was ever announced."""
        return dict(self._marks)

    def write_mark(self, log: bytes, epoch: int, size: int, root: bytes) -> None:
        """Raise the mark of one log; it never goes down. Durable when this returns."""
        held = self._marks.get(log)
        if held is None or (held.epoch, held.size) < (epoch, size):
            self.reset_mark(log, epoch, size, root)

    def reset_mark(self, log: bytes, epoch: int, size: int, root: bytes) -> None:
        """Put the mark of one log where a person answers for it, also back. Durable when this returns."""
        marks = {**self._marks, log: Marked(epoch, size, root)}
        raw = codec.encode(
            {ids.log_text(log): [mark.epoch, mark.size, mark.root] for log, mark in marks.items()}
        )
        _replace(self.path / MARK, raw)
        self._marks = marks

    @cached_property
    def _marks(self) -> dict[bytes, Marked]:
        path = self.path / MARK
        try:
            marks = codec.decode(path.read_bytes())
            return {ids.parse(log, "log"): codec.convert(mark, Marked, "mark") for log, mark in marks.items()}
        except FileNotFoundError:
            return {}
        except (Malformed, AttributeError) as error:
            raise HomeError(
                "mark_damaged",
                f"Le fichier {path} est abîmé ({error}) : il dit jusqu’où ce nœud a signé. Retirez-le "
                "seulement si les données n’ont pas été remises d’une ancienne copie.",
                f"The file {path} is damaged ({error}): it says how far this node has signed. Remove it only "
                "if the records were not put back from an old copy.",
            ) from None

    # --- the folder ----------------------------------------------------------------------------
    def _prepare(self) -> None:
        try:
            self.path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            mode = stat.S_IMODE(self.path.stat().st_mode)
        except OSError as error:
            fr, en = system.why(error)
            raise HomeError(
                "home_unusable",
                f"{self.path} ne peut pas servir de dossier au nœud : {fr}.",
                f"{self.path} cannot be the node's folder: {en}.",
            ) from error
        if mode & OTHERS:
            raise _open_to_others(self.path, FOLDER_MODE)

    def _acquire(self, until: float) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._lock = os.open(self.path / LOCK, flags, FILE_MODE)
        while not self._is_ours():
            if time.monotonic() >= until:
                os.close(self._lock)
                raise HomeError(
                    "home_busy",
                    f"Un autre processus utilise {self.path} : arrêtez-le, ou indiquez un autre --home.",
                    f"Another process uses {self.path}: stop it, or give another --home.",
                )
            time.sleep(LOCK_STEP_SECONDS)

    def _is_ours(self) -> bool:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def create_identity(
    home: Home,
    name: str,
    language: str,
    now: int,
    entropy: bytes,
    nonce: bytes,
    passphrase: str | None = None,
    random: Random = os.urandom,
) -> tuple[bytes, list[str]]:
    """A new organisation in an empty home: its id, and the words that bring it back.

    The root key is made from ``entropy`` and forgotten; only the words can make it again.
    """
    if home.has_identity:
        raise HomeError(
            "home_exists",
            f"Une organisation habite déjà {home.path} : rien n’y a été touché.",
            f"An organisation lives in {home.path} already: nothing in it was touched.",
        )
    operating, sealing = random(SEED_BYTES), phrase.sealing_private(entropy, 0)
    genesis = make_genesis(
        name=name,
        created=now,
        nonce=nonce,
        operating=crypto.public_of(operating),
        roots=[crypto.public_of(phrase.root_seed(entropy))],
        sealing=crypto.sealing_public_of(sealing),
    )
    keys = Keys(genesis.org, operating, {0: sealing})
    home.save_identity(Chain(genesis), keys, language, passphrase or "", random)
    return genesis.org, phrase.words(entropy, language)


def _open_to_others(path: Path, mode: int) -> HomeError:
    return HomeError(
        "home_open_to_others",
        f"D’autres utilisateurs de cette machine peuvent lire {path} : faites « chmod {mode:o} {path} ».",
        f"Other users of this machine can read {path}: run `chmod {mode:o} {path}`.",
    )


def _replace(path: Path, content: bytes) -> None:
    """Durably put a file in the place of another: a crash leaves the one or the other, whole."""
    new = path.with_name(path.name + ".new")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
