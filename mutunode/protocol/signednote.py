"""Signed notes as C2SP writes them, read strictly: a text, a blank line, one line for each signature.

``notes`` writes them; here they come from anywhere. What can be written in one way only is read in that
way only, so that nothing in a note can change without a signature noticing.
"""

from __future__ import annotations

import base64
import binascii
import re

import msgspec

from mutunode.protocol.errors import Malformed
from mutunode.protocol.limits import INTEGER_MAX

KEY_ID_BYTES = 4
_LINE = re.compile(r"— ([^\s+]+) (\S+)")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class Signature(msgspec.Struct, frozen=True):
    """One line under a note: whose it says it is, and what follows."""

    name: str
    key_id: bytes
    signature: bytes


class Note(msgspec.Struct, frozen=True):
    """A text, its final newline included, and the signatures under it."""

    text: str
    signatures: tuple[Signature, ...]

    def by(self, name: str, key_id: bytes) -> list[Signature]:
        """The lines of one key."""
        return [line for line in self.signatures if (line.name, line.key_id) == (name, key_id)]


def read(raw: str) -> Note:
    """Read a note; ``Malformed`` says what is wrong with it."""
    if _CONTROL.search(raw):
        raise Malformed("note: a control character")
    text, blank, signatures = raw.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise Malformed("note: no blank line before signatures, or the last line does not end")
    return Note(text + "\n", tuple(_signature(line) for line in signatures[:-1].split("\n")))


def _signature(line: str) -> Signature:
    match = _LINE.fullmatch(line)
    if match is None:
        raise Malformed(f"note: no signature line: {line[:60]!r}")
    raw = from_base64(match[2], "note: signature")
    if len(raw) <= KEY_ID_BYTES:
        raise Malformed("note: a signature without a signature")
    return Signature(match[1], raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def from_base64(text: str, what: str) -> bytes:
    """Standard base64 in the one form that encoding gives."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Malformed(f"{what}: not base64") from None
    if base64.b64encode(raw).decode("ascii") != text:
        raise Malformed(f"{what}: base64 in another form than encoding gives")
    return raw


def number(text: str, what: str) -> int:
    """A decimal number without sign or leading zeros."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,15}", text, re.ASCII) or int(text) > INTEGER_MAX:
        raise Malformed(f"{what}: {text[:30]!r} is not a number from 0 to 2^53 - 1")
    return int(text)
