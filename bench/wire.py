"""A TCP proxy that counts: the bytes two nodes exchange, without asking either of them.

With a delay it also tells round trips: what goes one way without waiting for an answer is one flight, and on
a link that takes its time each flight stands alone.
"""

from __future__ import annotations

import queue
import socket
import threading
import time

CHUNK_BYTES = 1 << 18


class CountingProxy:
    """Listens on loopback and forwards to one address."""

    def __init__(self, target: str, delay_seconds: float = 0.0) -> None:
        self.to(target)
        self.delay_seconds = delay_seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.begin()
        threading.Thread(target=self._accept, daemon=True).start()

    def to(self, target: str) -> None:
        """Forward to this address from the next connection on."""
        host, _, port = target.rpartition(":")
        self._target = (host.strip("[]"), int(port))

    def begin(self) -> None:
        """Count from nothing."""
        with self._lock:
            self.bytes_up = self.bytes_down = 0  # from who connected, to it
            self.flights_up = 0
            self.first_at = 0.0  # when the first byte came, on ``time.perf_counter``
            self._latest_up = False

    @property
    def counted(self) -> int:
        """Both ways."""
        return self.bytes_up + self.bytes_down

    @property
    def address(self) -> str:
        """Where to connect."""
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target)
            except OSError:  # nobody there for now
                near.close()
                continue
            for end in (
                near,
                far,
            ):  # as nodes do: else a small frame waits 40 ms for the other's acknowledgement
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for come, go, up in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._carry, args=(come, go, up), daemon=True).start()

    def _carry(self, come: socket.socket, go: socket.socket, up: bool) -> None:
        waiting: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        threading.Thread(target=self._deliver, args=(waiting, go), daemon=True).start()
        try:
            while chunk := come.recv(CHUNK_BYTES):
                self._count(len(chunk), up=up)
                waiting.put((time.perf_counter() + self.delay_seconds, chunk))
        except OSError:
            come.close()
        waiting.put((0.0, b""))

    def _deliver(self, waiting: queue.SimpleQueue[tuple[float, bytes]], go: socket.socket) -> None:
        try:
            while (due := waiting.get())[1]:
                time.sleep(max(0.0, due[0] - time.perf_counter()))
                go.sendall(due[1])
            go.shutdown(socket.SHUT_WR)
        except OSError:
            go.close()

    def _count(self, size: int, *, up: bool) -> None:
        with self._lock:
            self.first_at = self.first_at or time.perf_counter()
            self.flights_up += up and not self._latest_up
            self._latest_up = up
            if up:
                self.bytes_up += size
            else:
                self.bytes_down += size
