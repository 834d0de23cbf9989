"""A TCP proxy that counts: the bytes two nodes exchange, without asking either of them."""

from __future__ import annotations

import socket
import threading

CHUNK_BYTES = 1 << 18


class CountingProxy:
    """Listens on loopback and forwards to one address."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host.strip("[]"), int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.bytes_up = 0  # from who connected
        self.bytes_down = 0  # to it
        threading.Thread(target=self._accept, daemon=True).start()

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
                far = socket.create_connection(self._target)
            except OSError:
                return
            for come, go, up in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._carry, args=(come, go, up), daemon=True).start()

    def _carry(self, come: socket.socket, go: socket.socket, up: bool) -> None:
        try:
            while chunk := come.recv(CHUNK_BYTES):
                with self._lock:
                    if up:
                        self.bytes_up += len(chunk)
                    else:
                        self.bytes_down += len(chunk)
                go.sendall(chunk)
            go.shutdown(socket.SHUT_WR)
        except OSError:
            come.close()
            go.close()
