"""What every place for files promises; both places pass the same sentences."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mutunode.protocol import blobs
from mutunode.protocol.blobs import check_chunk, chunk_leaf
from mutunode.protocol.ids import blob_text
from mutunode.protocol.limits import CHUNK_BYTES
from mutunode.store.blobs import BlobDamaged, BlobError, BlobFull, BlobGone, Library, open_blobs
from tests.store.object_store import object_store

Open = Callable[[], Library]
SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with object_store(tmp_path_factory.mktemp("s3")) as environment:
        yield environment


@pytest.fixture(params=["folder", "s3"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens the same place each time, as the next start would."""
    url = f"folder://{tmp_path / 'files'}"
    if request.param == "s3":
        for name, value in request.getfixturevalue("s3").items():
            monkeypatch.setenv(name, value)
        url = f"s3://bucket/{tmp_path.name}"
    return lambda: open_blobs(url, tmp_path)


@pytest.fixture
def library(reopen: Open) -> Library:
    return reopen()


def content_of(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def add(library: Library, content: bytes, piece: int = 100_000) -> bytes:
    adding = library.add()
    for at in range(0, len(content), piece):
        adding.write(content[at : at + piece])
    blob, size = library.keep(adding)
    assert size == len(content)
    return blob


def chunks_of(content: bytes) -> list[bytes]:
    return [content[at : at + CHUNK_BYTES] for at in range(0, len(content), CHUNK_BYTES)]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_added_is_had_back(reopen: Open, size: int) -> None:
    content = content_of(size)
    blob = add(reopen(), content)
    library = reopen()
    assert blob == blobs.blob_of(chunks_of(content))[0]
    assert library.size(blob) == size
    assert b"".join(library.pieces(blob)) == content
    assert list(library.each()) == [(blob, size)]


def test_every_chunk_comes_with_its_proof(library: Library) -> None:
    content = content_of(3 * CHUNK_BYTES + 7)
    blob = add(library, content)
    for index, chunk in enumerate(chunks_of(content)):
        size, given, path = library.chunk(blob, index)
        assert given == chunk
        check_chunk(blob, size, index, given, path)
    with pytest.raises(BlobGone):
        library.chunk(blob, 4)


def test_a_part_is_read_without_the_rest(library: Library) -> None:
    content = content_of(6 * CHUNK_BYTES + 7)
    blob = add(library, content)
    for start, end in [
        (0, 1),
        (5, CHUNK_BYTES + 5),
        (CHUNK_BYTES, 2 * CHUNK_BYTES),
        (len(content) - 3, 10**9),
    ]:
        assert b"".join(library.pieces(blob, start, end)) == content[start:end]
    assert b"".join(library.pieces(blob, 9, 9)) == b""


def test_the_same_content_is_kept_once(library: Library) -> None:
    content = content_of(CHUNK_BYTES + 1)
    assert add(library, content) == add(library, content, piece=777_777)
    assert len(list(library.each())) == 1


def test_what_is_given_up_leaves_nothing(library: Library) -> None:
    adding = library.add()
    adding.write(content_of(1_000_000))
    adding.abandon()
    assert list(library.each()) == []
    assert not list(library._staging.adding.iterdir())


def test_what_a_stop_interrupted_is_gone_at_the_next_start(reopen: Open) -> None:
    library = reopen()
    library.add().write(content_of(1_000_000))
    again = reopen()
    assert not list(again._staging.adding.iterdir())
    assert list(again.each()) == []


def test_short_files_that_arrive_together_are_all_whole(reopen: Open) -> None:
    contents = [content_of(size, size) for size in (1, 700, CHUNK_BYTES)]
    files = [(blobs.blob_of([content])[0], content) for content in contents]
    library = reopen()
    library.arrived_short(files)
    library.arrived_short(files[1:])  # held already: nothing changes
    assert not list(library._staging.adding.iterdir())
    again = reopen()
    assert sorted(again.each()) == sorted((blob, len(content)) for blob, content in files)
    assert [b"".join(again.pieces(blob)) for blob, _ in files] == contents
    assert again.chunk(files[1][0], 0) == (700, contents[1], [])


def test_short_files_for_which_there_is_no_room_leave_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = content_of(700)
    monkeypatch.setattr(library._staging, "_room_kept", 2**62)
    with pytest.raises(BlobFull):
        library.arrived_short([(blobs.blob_of([content])[0], content)])
    assert not list(library._staging.adding.iterdir())
    assert list(library.each()) == []


def test_a_fetched_file_is_whole_only_with_its_last_chunk(reopen: Open) -> None:
    content = content_of(3 * CHUNK_BYTES + 7)
    blob, size, leaves = blobs.blob_of(chunks_of(content))
    library = reopen()
    incoming = library.fetch(blob, size)
    for index in (2, 0, 3):
        incoming.put(index, chunks_of(content)[index], leaves[index])
    assert not incoming.is_complete
    incoming.close()
    assert library.size(blob) is None
    library = reopen()
    incoming = library.fetch(blob, size)
    assert incoming.held == {0, 2, 3}
    incoming.put(1, chunks_of(content)[1], leaves[1])
    assert incoming.is_complete
    library.arrived(incoming)
    assert b"".join(library.pieces(blob)) == content
    assert library.begun() == set()


def test_chunks_that_the_disk_lost_are_fetched_again(library: Library) -> None:
    content = content_of(2 * CHUNK_BYTES)
    blob, size, leaves = blobs.blob_of(chunks_of(content))
    incoming = library.fetch(blob, size)
    incoming.put(0, chunks_of(content)[0], leaves[0])
    incoming.put(1, chunks_of(content)[1], leaves[1])
    incoming.close()
    with incoming.path.open("r+b") as file:
        file.truncate(CHUNK_BYTES + 5)
    assert library.fetch(blob, size).held == {0}


def test_a_journal_of_lies_ends_in_nothing(library: Library) -> None:
    content, other = content_of(2 * CHUNK_BYTES), content_of(CHUNK_BYTES, seed=2)
    blob, size, leaves = blobs.blob_of(chunks_of(content))
    incoming = library.fetch(blob, size)
    incoming.put(0, other, chunk_leaf(other))
    incoming.put(1, chunks_of(content)[1], leaves[1])
    with pytest.raises(BlobDamaged):
        library.arrived(incoming)
    assert library.size(blob) is None
    assert library.begun() == set()


def test_what_was_dropped_is_gone(library: Library) -> None:
    blob = add(library, content_of(CHUNK_BYTES + 1))
    library.chunk(blob, 0)
    library.drop(blob)
    library.drop(blob)
    assert library.size(blob) is None
    with pytest.raises(BlobGone):
        library.chunk(blob, 0)
    with pytest.raises(BlobGone):
        list(library.pieces(blob))


def test_cleaning_takes_what_nobody_wants_and_nothing_else(library: Library) -> None:
    content = content_of(2 * CHUNK_BYTES)
    held = add(library, content_of(CHUNK_BYTES + 1, seed=3))
    blob, size, leaves = blobs.blob_of(chunks_of(content))
    incoming = library.fetch(blob, size)
    incoming.put(0, chunks_of(content)[0], leaves[0])
    incoming.close()
    assert library.clean({blob}) == 0
    assert library.begun() == {blob}
    assert library.clean(set()) == 1
    assert library.begun() == set()
    assert library.size(held) == CHUNK_BYTES + 1


def test_a_nearly_full_disk_takes_no_more(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs

    def full(path: Path) -> os.statvfs_result:
        told = list(real(path))
        told[4] = 0  # f_bavail
        return os.statvfs_result(told)

    adding = library.add()
    adding.write(b"begun when there was room")
    monkeypatch.setattr("mutunode.store.blobs.staging.os.statvfs", full)
    with pytest.raises(BlobFull):
        library.add()
    with pytest.raises(BlobFull):
        adding.write(content_of(17 * 1_024 * 1_024))
    adding.abandon()
    with pytest.raises(BlobFull):
        library.fetch(bytes(32), 1)


# --- folders only: what happens to a file on the disk ---------------------------------------------
@pytest.fixture
def folder(tmp_path: Path) -> Library:
    return open_blobs("", tmp_path)


def file_of(tmp_path: Path) -> Path:
    (found,) = [path for path in (tmp_path / "blobs").iterdir() if not path.name.endswith(".leaves")]
    return found


def flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


def test_files_that_stood_two_folders_deep_are_moved_up(folder: Library, tmp_path: Path) -> None:
    contents = [content_of(2 * CHUNK_BYTES, seed) for seed in range(3)]
    added = [add(folder, content) for content in contents]
    shelf = tmp_path / "blobs"
    for path in list(shelf.iterdir()):
        deep = shelf / path.name[0] / path.name[1]
        deep.mkdir(parents=True, exist_ok=True)
        path.rename(deep / path.name)
    others = [
        shelf / "a" / "notes.txt",
        shelf / "a" / "b" / "notes.txt",
        shelf / "a" / "b" / ("b" * 52),
        shelf / "x.leaves",
    ]
    others[1].parent.mkdir(parents=True, exist_ok=True)
    for path in others:
        path.write_text("of somebody else, who shares this folder")
    again = open_blobs("", tmp_path)
    assert [b"".join(again.pieces(blob)) for blob in added] == contents
    assert all(path.exists() for path in others)
    assert {
        path.name.removesuffix(".leaves") for path in set(shelf.iterdir()) - set(others) if path.is_file()
    } == {blob_text(blob).removeprefix("blob_") for blob in added}
    assert again.clean(set()) == 0, "their leaves came along"


def test_a_flipped_byte_is_given_to_nobody(folder: Library, tmp_path: Path) -> None:
    content = content_of(3 * CHUNK_BYTES)
    blob = add(folder, content)
    flip(file_of(tmp_path), CHUNK_BYTES + 17)
    assert folder.chunk(blob, 0)[1] == chunks_of(content)[0]
    with pytest.raises(BlobDamaged):
        folder.chunk(blob, 1)
    with pytest.raises(BlobDamaged):
        folder.check(blob)


def test_of_a_damaged_file_the_good_chunks_stay(folder: Library, tmp_path: Path) -> None:
    content = content_of(3 * CHUNK_BYTES)
    blob = add(folder, content)
    flip(file_of(tmp_path), CHUNK_BYTES + 17)
    folder.take_back(blob, len(content))
    assert folder.size(blob) is None
    incoming = folder.fetch(blob, len(content))
    assert incoming.held == {0, 2}
    incoming.put(1, chunks_of(content)[1], chunk_leaf(chunks_of(content)[1]))
    folder.arrived(incoming)
    assert b"".join(folder.pieces(blob)) == content


@pytest.mark.parametrize("size", [100, 2 * CHUNK_BYTES])
def test_a_file_that_lost_its_end_is_damaged(folder: Library, tmp_path: Path, size: int) -> None:
    blob = add(folder, content_of(size))
    with file_of(tmp_path).open("r+b") as file:
        file.truncate(size - 1)
    with pytest.raises(BlobDamaged):
        folder.chunk(blob, 0)
    folder.take_back(blob, size)
    assert folder.size(blob) is None


def test_leaves_are_made_again_from_the_file(folder: Library, tmp_path: Path) -> None:
    content = content_of(3 * CHUNK_BYTES)
    blob = add(folder, content)
    leaves = file_of(tmp_path).with_name(file_of(tmp_path).name + ".leaves")
    flip(leaves, 40)
    assert open_blobs("", tmp_path).chunk(blob, 2)[1] == chunks_of(content)[2]
    leaves.unlink()
    assert open_blobs("", tmp_path).chunk(blob, 2)[1] == chunks_of(content)[2]


def test_leaves_without_a_file_are_cleaned_away(folder: Library, tmp_path: Path) -> None:
    blob = add(folder, content_of(2 * CHUNK_BYTES))
    file_of(tmp_path).unlink()
    assert folder.size(blob) is None
    assert folder.clean(set()) == 1


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    for url in ("ftp://x", "s3://", "blobs", "folder://"):
        with pytest.raises(BlobError):
            open_blobs(url, tmp_path)
