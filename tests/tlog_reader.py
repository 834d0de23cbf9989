"""A second reading of c2sp.org/tlog-tiles, signed-note, tlog-checkpoint and tlog-cosignature.

Written from those four pages alone and from RFC 6962, with nothing of ours but files: what the export wrote
must be a log to people who never heard of it. Slow and plain on purpose.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def mth(leaves: list[bytes]) -> bytes:
    """The Merkle Tree Hash of RFC 6962, 2.1, over leaves that are hashed already."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path_element(n: int) -> str:
    """`x001/x234/067` for 1234067."""
    digits = str(n)
    while len(digits) % 3:
        digits = "0" + digits
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join([*("x" + group for group in groups[:-1]), groups[-1]])


class TiledLog:
    """A log in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        note = (folder / "checkpoint").read_bytes().decode("utf-8")
        text, self._signatures = note.rsplit("\n\n", 1)
        self.text = text + "\n"
        self.origin, size, root = self.text.rstrip("\n").split("\n")[:3]
        self.size = int(size)
        assert str(self.size) == size, "no leading zeroes"
        self.root = base64.b64decode(root, validate=True)

    # --- tiles ---------------------------------------------------------------------------------
    def resources(self) -> set[str]:
        """Every tile and bundle that must be there for this size, and no other."""
        names = set()
        level, count = 0, self.size
        while count:
            names |= self._names(f"tile/{level}", count)
            level, count = level + 1, count // 256
        return names | self._names("tile/entries", self.size)

    def _names(self, prefix: str, count: int) -> set[str]:
        names = {f"{prefix}/{path_element(n)}" for n in range(count // 256)}
        if count % 256:
            names.add(f"{prefix}/{path_element(count // 256)}.p/{count % 256}")
        return names

    def entries(self) -> list[bytes]:
        """The log entries, from the bundles."""
        found = []
        for name in self._in_order("tile/entries", self.size):
            raw = (self.folder / name).read_bytes()
            while raw:
                length = int.from_bytes(raw[:2], "big")
                found.append(raw[2 : 2 + length])
                raw = raw[2 + length :]
        return found

    def tile_hashes(self, level: int) -> list[bytes]:
        """All hashes of a level."""
        raw = b"".join(
            (self.folder / name).read_bytes()
            for name in self._in_order(f"tile/{level}", self.size // 256**level)
        )
        return [raw[i : i + 32] for i in range(0, len(raw), 32)]

    def _in_order(self, prefix: str, count: int) -> list[str]:
        full = [f"{prefix}/{path_element(n)}" for n in range(count // 256)]
        rest = [f"{prefix}/{path_element(count // 256)}.p/{count % 256}"] if count % 256 else []
        return full + rest

    def check_tree(self) -> None:
        """Entries, every level of tiles, and the root say the same."""
        leaves = [hashlib.sha256(b"\x00" + entry).digest() for entry in self.entries()]
        assert len(leaves) == self.size
        level, span = 0, 1
        while self.size // span:
            over = [mth(leaves[i * span : (i + 1) * span]) for i in range(self.size // span)]
            assert self.tile_hashes(level) == over, f"level {level}"
            level, span = level + 1, span * 256
        assert mth(leaves) == self.root

    # --- signatures ----------------------------------------------------------------------------
    def check_signatures(self, verifier_keys: list[str]) -> list[int]:
        """The types of signature that verify; every key given must have signed."""
        return [self._check(vkey) for vkey in verifier_keys]

    def _check(self, vkey: str) -> int:
        name, id_hex, encoded = vkey.split("+", 2)
        material = base64.b64decode(encoded, validate=True)
        kind, public = material[0], material[1:]
        key_id = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
        assert key_id.hex() == id_hex
        assert name == self.origin
        (signature,) = [raw[4:] for raw in self._lines(name) if raw[:4] == key_id]
        message = self.text.encode()
        if kind == 4:
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            message = f"cosignature/v1\ntime {time}\n".encode() + message
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        return kind

    def _lines(self, name: str) -> list[bytes]:
        lines = self._signatures.removesuffix("\n").split("\n")
        assert all(line.startswith("— ") for line in lines)
        parts = [line.split(" ") for line in lines]
        return [base64.b64decode(raw, validate=True) for _, signer, raw in parts if signer == name]
