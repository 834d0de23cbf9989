"""TLS between two who meet through a relay, as bytes in and bytes out (PROTOCOL §4, RELAY).

The smaller id is the server. A frame travels as its length in 4 bytes, big-endian, and the frame. An empty
payload outside of TLS is the server's wish that the client begin.
"""

from __future__ import annotations

import ssl

from mutunode.protocol.channel import certificate_channel
from mutunode.protocol.errors import Malformed
from mutunode.protocol.limits import FRAME_BYTES_MAX

LENGTH_BYTES = 4
READ_BYTES = 64 * 1_024


class InnerTls:
    """One end of such a stream; knows no link and no time."""

    def __init__(self, context: ssl.SSLContext, channel: bytes | None) -> None:
        """``channel``: of the server's own certificate; None on the client's side, who is shown it."""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=channel is not None)
        self._own_channel = channel
        self._read = bytearray()
        self.channel = b""  # once the handshake is complete
        self._shake()

    def feed(self, payload: bytes) -> list[bytes]:
        """Take bytes of the stream; the frames that are complete.

        Raises:
            ssl.SSLError: it is not the TLS that was begun.
            Malformed: a frame larger than any may be.
        """
        self._in.write(payload)
        if not self.channel:
            self._shake()
        if self.channel:
            self._take()
        return self._frames()

    def write(self, frame: bytes) -> None:
        """Put a frame into the stream."""
        self._tls.write(len(frame).to_bytes(LENGTH_BYTES, "big") + frame)

    def out(self) -> bytes:
        """What is to be carried to the other side."""
        return self._out.read()

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        der = self._tls.getpeercert(binary_form=True)
        self.channel = self._own_channel or certificate_channel(der or b"")

    def _take(self) -> None:
        try:
            while piece := self._tls.read(READ_BYTES):
                self._read += piece
        except ssl.SSLWantReadError:
            pass

    def _frames(self) -> list[bytes]:
        frames = []
        while len(self._read) >= LENGTH_BYTES:
            size = int.from_bytes(self._read[:LENGTH_BYTES], "big")
            if size > FRAME_BYTES_MAX:
                raise Malformed(f"a frame of {size} bytes through a relay")
            if len(self._read) < LENGTH_BYTES + size:
                break
            frames.append(bytes(self._read[LENGTH_BYTES : LENGTH_BYTES + size]))
            del self._read[: LENGTH_BYTES + size]
        return frames
