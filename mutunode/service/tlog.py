"""A register as C2SP ``tlog-tiles``: files that any web server can serve and any tool for such logs reads.

Hashes go into tiles of 256, headers into bundles of 256; of every level only the tile that is not full
yet is in memory, so that a register of any length is written with the same few kilobytes. Each (epoch,
base) of a register is a log of its own to such tools, so a folder holds one of them. The checkpoint comes
last: what it promises is already there.

Beside what the specification names, ``verifier-keys`` holds the keys to configure a tool with, and
``identity`` the chain from which they follow.
"""

from __future__ import annotations

import itertools
import os
from base64 import b64encode
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from mutunode.protocol import notes
from mutunode.protocol.head import Head, Sign
from mutunode.protocol.identity import Chain
from mutunode.protocol.ids import log_text
from mutunode.protocol.merkle import Compact, leaf_hash
from mutunode.service import disk, lookup, registers
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.service.params import Emit

WIDTH = 256  # hashes in a full tile, headers in a full bundle
CHECKPOINT, KEYS, IDENTITY = "checkpoint", "verifier-keys", "identity"
IDENTITY_FIRST_LINE = "mutunode/identity/1"
PROGRESS_EVERY = 4_096

Put = Callable[[str, bytes], None]  # a path below the folder, and what stands there


class Exported(msgspec.Struct, frozen=True):
    """Answer of ``log export --tlog``."""

    log: str
    origin: str
    path: str
    size: int
    root: str


class Tiles:
    """Tiles and bundles of a tree that grows leaf by leaf."""

    def __init__(self, put: Put) -> None:
        self._put = put
        self._levels: list[list[bytes]] = []  # of each level, the tile that is not full yet
        self._full: list[int] = []  # of each level, how many tiles are
        self._bundle: list[bytes] = []
        self.tree = Compact()

    def add(self, header: bytes) -> None:
        """The next entry."""
        leaf = leaf_hash(header)
        self.tree.append(leaf)
        self._bundle.append(len(header).to_bytes(2, "big") + header)
        if len(self._bundle) == WIDTH:
            self._put(f"tile/entries/{tile_number(self.tree.size // WIDTH - 1)}", b"".join(self._bundle))
            self._bundle.clear()
        self._push(0, leaf)

    def _push(self, level: int, node: bytes) -> None:
        if level == len(self._levels):
            self._levels.append([])
            self._full.append(0)
        tile = self._levels[level]
        tile.append(node)
        if len(tile) == WIDTH:
            self._put(f"tile/{level}/{tile_number(self._full[level])}", b"".join(tile))
            self._full[level] += 1
            above = Compact.of(tile).root()
            tile.clear()
            self._push(level + 1, above)

    def finish(self) -> None:
        """The tiles and the bundle at the right edge, which are not full."""
        for level, tile in enumerate(self._levels):
            if tile:
                self._put(f"tile/{level}/{tile_number(self._full[level])}.p/{len(tile)}", b"".join(tile))
        if self._bundle:
            number = tile_number(self.tree.size // WIDTH)
            self._put(f"tile/entries/{number}.p/{len(self._bundle)}", b"".join(self._bundle))


def tile_number(index: int) -> str:
    """1234067 is x001/x234/067."""
    parts = [f"{index % 1_000:03d}"]
    while index := index // 1_000:
        parts.append(f"x{index % 1_000:03d}")
    return "/".join(reversed(parts))


def write(put: Put, head: Head, chain: Chain, headers: Iterable[bytes], sign: Sign | None) -> None:
    """Write a register up to a head; ``sign`` adds the plain signature that only its own node can make.

    Raises:
        ValueError: these headers do not lead to the root that was signed.
    """
    tiles = Tiles(put)
    for header in headers:
        tiles.add(header)
    tiles.finish()
    if (tiles.tree.size, tiles.tree.root()) != (head.size, head.root):
        raise ValueError(f"{tiles.tree.size} entries do not give the root signed over {head.size}")
    operating = chain.operating_at(head.epoch)
    kinds = (notes.COSIGNATURE, notes.PLAIN) if sign is not None else (notes.COSIGNATURE,)
    keys = [notes.verifier_key(head.origin, operating, kind) for kind in kinds]
    put(KEYS, "".join(f"{key}\n" for key in keys).encode())
    put(IDENTITY, _identity(chain, head.epoch).encode())
    put(CHECKPOINT, notes.note(head, operating, sign).encode())


def _identity(chain: Chain, epoch: int) -> str:
    lines = [IDENTITY_FIRST_LINE, f"genesis {b64encode(chain.genesis.raw).decode()}"]
    lines += [
        f"op {b64encode(each.op.raw).decode()} {b64encode(each.signature).decode()}"
        for each in chain.ops[:epoch]
    ]
    return "".join(f"{line}\n" for line in lines)


# --- into a folder ----------------------------------------------------------------------------------
def export(desk: Desk, text: str, path: str, emit: Emit) -> Exported:
    """Write a public register into a folder, or bring an earlier export of it up to date.

    Raises:
        Refusal: the folder cannot take it, or the register is not what was signed.
    """
    register = registers.find(desk, text)
    head, chain = register.head, register.chain
    if head is None and register.size:
        raise lookup.no_head()
    if head is None or chain is None:
        raise Refusal("empty", Exit.NOT_FOUND, "Ce registre est vide.", "This register is empty.")
    folder = disk.absolute(path)
    try:
        _check_folder(folder, head)
        ours = register.org == desk.org
        sign = _signer(desk, head) if ours else None
        headers = (entry.header for entry in itertools.islice(desk.reader.log_walk(head.log), head.size))
        write(_putter(folder), head, chain, _counted(headers, head.size, emit), sign)
    except OSError as error:
        raise disk.refusal(path, error) from None
    except ValueError as error:
        raise Refusal(
            "not_verified",
            Exit.NOT_VERIFIED,
            f"Le registre a changé pendant l’écriture, ou le disque est abîmé ({error}) : recommencez, "
            "puis voyez « mutunode log verify ».",
            f"The register changed meanwhile, or the disk is damaged ({error}): try again, "
            "then see `mutunode log verify`.",
        ) from None
    return Exported(log_text(head.log), head.origin, path, head.size, b64encode(head.root).decode("ascii"))


def _signer(desk: Desk, head: Head) -> Sign:
    """Signs this checkpoint only, in a turn, where the key is."""
    signature = desk.act(lambda turn: turn.me.sign(head.text().encode("ascii")))
    return lambda message: signature


def _check_folder(folder: Path, head: Head) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    present = {each.name for each in folder.iterdir()}
    checkpoint = folder / CHECKPOINT
    if checkpoint.is_file():
        is_ours = checkpoint.read_text("utf-8", "replace").startswith(f"{head.origin}\n")
    else:
        is_ours = present <= {"tile", KEYS, IDENTITY}  # nothing, or one that did not come to its end
    if not is_ours:
        raise Refusal(
            "not_empty",
            Exit.CONFLICT,
            f"{folder} contient déjà autre chose : choisissez un dossier vide, ou celui d’un export de la "
            "même époque de ce registre.",
            f"{folder} holds something else: choose an empty folder, or that of an export of the same "
            "epoch of this register.",
        )


def _putter(folder: Path) -> Put:
    def put(name: str, content: bytes) -> None:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.part")
        beside.write_bytes(content)
        os.replace(beside, target)  # who reads meanwhile sees the old file or the new one, whole

    return put


def _counted(headers: Iterable[bytes], total: int, emit: Emit) -> Iterable[bytes]:
    for done, header in enumerate(headers):
        if done % PROGRESS_EVERY == 0:
            emit({"progress": {"done": done, "total": total}})
        yield header
