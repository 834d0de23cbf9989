"""What a file is, by its first bytes: a name may say anything, and readers open what they are told it is."""

from __future__ import annotations

import mimetypes

HEAD_BYTES = 4_096  # all that is looked at
UNKNOWN = "application/octet-stream"

_BEGINS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"OggS", "application/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"{\\rtf", "application/rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ", "application/x-msdownload"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_FTYP = {b"avif": "image/avif", b"heic": "image/heic", b"mif1": "image/heif", b"M4A ": "audio/mp4"}
# What may stand inside something more general: a name may choose among these.
_INSIDE: dict[str, tuple[str, ...]] = {
    "application/zip": ("application/vnd.", "application/epub+zip", "application/java-archive"),
    "application/x-ole-storage": ("application/msword", "application/vnd.ms-"),
    "application/ogg": ("audio/", "video/ogg"),
    "video/webm": ("audio/webm", "video/x-matroska", "audio/x-matroska"),
    "video/mp4": ("audio/", "video/quicktime"),
    "text/plain": (
        "text/",
        "application/json",
        "application/xml",
        "image/svg+xml",
        "application/x-",
        "application/",
    ),
}
_FAMILIAR = {  # what some systems do not know
    ".md": "text/markdown",
    ".epub": "application/epub+zip",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".webp": "image/webp",
    ".opus": "audio/ogg",
    ".jsonl": "application/jsonl",
}


def media_type(head: bytes, name: str = "") -> str:
    """The media type of a file that begins so: its content decides, its name only where that leaves room."""
    seen, told = _seen(head), _told(name)
    if seen == told or (told and fits(seen, told)):
        return told
    return seen


def fits(seen: str, told: str) -> bool:
    """Whether a file whose content is ``seen`` may be called ``told``."""
    if told in (seen, UNKNOWN):
        return True
    if seen == UNKNOWN:
        return True  # nothing is known against it
    return told.startswith(_INSIDE.get(seen, ()))


def seen(head: bytes) -> str:
    """What the content alone says."""
    return _seen(head)


def _seen(head: bytes) -> str:
    if not head:
        return "text/plain"
    for begins, kind in _BEGINS:
        if head.startswith(begins):
            return kind
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(head)
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], UNKNOWN)
    if head[4:8] == b"ftyp":
        return _FTYP.get(head[8:12], "video/mp4")
    return "text/plain" if _is_text(head) else UNKNOWN


def _zip(head: bytes) -> str:
    """OpenDocument and EPUB say in their first file what they are."""
    if head[30:38] == b"mimetype":
        size = int.from_bytes(head[18:22], "little")
        said = head[38 : 38 + min(size, 100)].decode("ascii", "replace")
        if said.startswith(("application/vnd.oasis.opendocument.", "application/epub+zip")):
            return said
    return "application/zip"


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4 and len(head) >= HEAD_BYTES  # a letter cut in the middle
    return True


def _told(name: str) -> str:
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    return _FAMILIAR.get(suffix) or mimetypes.guess_type(f"x{suffix}", strict=False)[0] or ""
