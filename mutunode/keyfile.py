"""The file that makes this machine an organisation's node: who it is, and its operating and sealing keys.

One file, replaced in one rename, so that identity and keys can never disagree:

    "mutunode identity 1" LF · length of the header as 4 bytes · header · payload · SHA-256 of all before

The header (CM) holds the genesis and the chain of ops, readable without a passphrase, and how the payload
is wrapped: not at all, or by ChaCha20-Poly1305 under a key that Argon2id makes of the passphrase. The root
key is never here: it exists only as the recovery phrase, on paper.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from msgspec import Meta

from mutunode.protocol import codec, crypto
from mutunode.protocol.errors import MutunodeError
from mutunode.protocol.identity import Chain, Genesis, extend, parse_genesis, parse_op

MAGIC = b"mutunode identity 1\n"
LENGTH_BYTES, DIGEST_BYTES = 4, 32
SALT_BYTES, NONCE_BYTES, KEY_BYTES = 16, 12, 32

# Argon2id as RFC 9106 recommends where memory is scarce: about 0.2 s a try on a small server.
MEMORY_KIB, PASSES, LANES = 64 * 1_024, 3, 4
MEMORY_KIB_MAX, PASSES_MAX, LANES_MAX = 4 * 1_024 * 1_024, 100, 64  # what a later version may ask for

Random = Callable[[int], bytes]
_Shaped = TypeVar("_Shaped", bound=msgspec.Struct)
Seed = Annotated[bytes, Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]


class KeyFileDamaged(Exception):
    """The file is cut short or was changed; the text says where."""


class PassphraseNeeded(Exception):
    """The keys are wrapped, and no passphrase was given."""


class PassphraseWrong(Exception):
    """This passphrase does not unwrap the keys."""


class Keys:
    """The secrets of a node; they do not show in logs or tracebacks."""

    __slots__ = ("_operating", "org", "sealing")

    def __init__(self, org: bytes, operating: bytes, sealing: Mapping[int, bytes]) -> None:
        self.org = org
        self.sealing = dict(sealing)  # X25519 private key of each epoch
        self._operating = operating

    def __repr__(self) -> str:
        return f"Keys(org={self.org.hex()[:16]}…)"

    @property
    def operating_public(self) -> bytes:
        """The key under which others verify what this node signs."""
        return crypto.public_of(self._operating)

    def sign(self, message: bytes) -> bytes:
        """Sign with the operating key."""
        return crypto.sign(self._operating, message)

    def payload(self) -> bytes:
        """The secrets as the key file holds them."""
        sealing = [[epoch, private] for epoch, private in sorted(self.sealing.items())]
        return codec.encode({"operating": self._operating, "sealing": sealing})


class _Wrap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    salt: Annotated[bytes, Meta(min_length=SALT_BYTES, max_length=SALT_BYTES)]
    nonce: Annotated[bytes, Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]
    lanes: Annotated[int, Meta(ge=1, le=LANES_MAX)]
    memory_kib: Annotated[int, Meta(ge=8 * LANES_MAX, le=MEMORY_KIB_MAX)]
    passes: Annotated[int, Meta(ge=1, le=PASSES_MAX)]

    def cipher(self, passphrase: str) -> ChaCha20Poly1305:
        """The key that a passphrase makes."""
        kdf = Argon2id(
            salt=self.salt,
            length=KEY_BYTES,
            iterations=self.passes,
            lanes=self.lanes,
            memory_cost=self.memory_kib,
        )
        # However a keyboard composes its accents, the passphrase is the same.
        return ChaCha20Poly1305(kdf.derive(unicodedata.normalize("NFC", passphrase).encode()))


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    genesis: bytes
    language: str
    ops: tuple[tuple[bytes, bytes, int], ...]  # op, signature, when it was first held
    wrap: Annotated[tuple[_Wrap, ...], Meta(max_length=1)]  # none: the payload is plain


class _Hidden(msgspec.Struct, frozen=True):
    """What must not show in logs and tracebacks."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class _Secrets(_Hidden, frozen=True, forbid_unknown_fields=True):
    operating: Seed
    sealing: tuple[tuple[int, Seed], ...]


class KeyFile(_Hidden, frozen=True):
    """An identity file that was read and whose chain was verified; its keys may still be wrapped."""

    chain: Chain
    language: str
    wrap: _Wrap | None
    bound: bytes  # magic, length and header, authenticated with the payload
    payload: bytes

    @property
    def genesis(self) -> Genesis:
        """The organisation."""
        return self.chain.genesis

    def unlock(self, passphrase: str = "") -> Keys:
        """The keys; raises ``PassphraseNeeded``, ``PassphraseWrong`` or ``KeyFileDamaged``."""
        secrets = _shape(_Secrets, self._plain(passphrase), "keys")
        keys = Keys(self.chain.org, secrets.operating, dict(secrets.sealing))
        if keys.operating_public != self.chain.operating:
            raise KeyFileDamaged("the operating key is not the one that the identity names")
        return keys

    def _plain(self, passphrase: str) -> bytes:
        if self.wrap is None:
            return self.payload
        if not passphrase:
            raise PassphraseNeeded
        try:
            return self.wrap.cipher(passphrase).decrypt(self.wrap.nonce, self.payload, self.bound)
        except InvalidTag:
            raise PassphraseWrong from None


def write(chain: Chain, keys: Keys, language: str, passphrase: str, random: Random) -> bytes:
    """The bytes of an identity file; without a passphrase the keys stand in it plain."""
    wrap = None
    if passphrase:
        wrap = _Wrap(random(SALT_BYTES), random(NONCE_BYTES), LANES, MEMORY_KIB, PASSES)
    ops = tuple((signed.op.raw, signed.signature, signed.held_since) for signed in chain.ops)
    header = codec.encode(
        msgspec.to_builtins(
            _Header(chain.genesis.raw, language, ops, (wrap,) if wrap else ()), builtin_types=(bytes,)
        )
    )
    bound = MAGIC + len(header).to_bytes(LENGTH_BYTES, "big") + header
    payload = keys.payload()
    if wrap:
        payload = wrap.cipher(passphrase).encrypt(wrap.nonce, payload, bound)
    return bound + payload + crypto.sha256(bound + payload)


def read(raw: bytes) -> KeyFile:
    """Read an identity file and verify its chain; ``KeyFileDamaged`` says what is wrong."""
    content, digest = raw[:-DIGEST_BYTES], raw[-DIGEST_BYTES:]
    if not content.startswith(MAGIC):
        raise KeyFileDamaged("it does not begin like an identity file of this version")
    if crypto.sha256(content) != digest:
        raise KeyFileDamaged("it is cut short, or was changed")
    start = len(MAGIC) + LENGTH_BYTES
    end = start + int.from_bytes(content[len(MAGIC) : start], "big")
    header = _shape(_Header, content[start:end], "header")
    try:
        chain = Chain(parse_genesis(header.genesis))
        for op, signature, held_since in header.ops:
            chain = extend(chain, parse_op(op), signature, held_since)
    except MutunodeError as error:
        raise KeyFileDamaged(str(error)) from None
    wrap = header.wrap[0] if header.wrap else None
    return KeyFile(chain, header.language, wrap, content[:end], content[end:])


def _shape(shape: type[_Shaped], raw: bytes, what: str) -> _Shaped:
    try:
        return codec.convert(codec.decode(raw), shape, what)
    except MutunodeError as error:
        raise KeyFileDamaged(str(error)) from None
