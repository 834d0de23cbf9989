"""A node that answers from a table: the control socket without anything behind it.

Each verb has a *behaviour*: a function that gets the connection and the parameters and answers well, slowly,
in part, with nonsense, or not at all. Everything asked is kept in ``asked``.
"""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

Behaviour = Callable[["_Handler", dict[str, Any]], None]


def answers(value: object) -> Behaviour:
    """A good answer; a function is asked with the parameters."""

    def behave(handler: _Handler, params: dict[str, Any]) -> None:
        handler.reply(json.dumps({"ok": value(params) if callable(value) else value}).encode())

    return behave


def refuses(exit_code: int, code: str = "refused", fields: tuple[dict[str, str], ...] = ()) -> Behaviour:
    """A refusal, as the node words it."""
    error = {"code": code, "exit": exit_code, "fr": "Ce n’est pas possible.", "en": "This cannot be."}
    body = json.dumps({"error": error | {"fields": list(fields)}}).encode()
    return lambda handler, params: handler.reply(body)


def tells(*events: dict[str, Any], then: object) -> Behaviour:
    """Lines of events, then the answer (an ``{"error": …}`` is passed as it is)."""
    last = then if isinstance(then, dict) and "error" in then else {"ok": then}
    body = b"".join(json.dumps(line).encode() + b"\n" for line in [*events, last])
    return lambda handler, params: handler.reply(body, "application/x-ndjson")


def dies_after(part: bytes) -> Behaviour:
    """Promises a long answer, sends a part of it, and is gone."""

    def behave(handler: _Handler, params: dict[str, Any]) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + part)
        handler.close_connection = True

    return behave


def dies_at_once(handler: _Handler, params: dict[str, Any]) -> None:
    """Takes the request and is gone."""
    handler.close_connection = True


def says(body: bytes, status: int = 200) -> Behaviour:
    """Anything at all."""
    return lambda handler, params: handler.reply(body, status=status)


def sleeps(seconds: float) -> Behaviour:
    """Says nothing for a while."""
    return lambda handler, params: time.sleep(seconds)


class FakeNode:
    """The table, and what was asked."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.verbs: dict[str, Behaviour] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def params(self, verb: str) -> dict[str, Any]:
        """What the verb was last asked with."""
        return [params for asked, params in self.asked if asked == verb][-1]

    def count(self, verb: str) -> int:
        """How often it was asked."""
        return sum(asked == verb for asked, _ in self.asked)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        """Look the verb up and behave as the table says."""
        params = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        verb = self.path.removeprefix("/v1/")
        node = self.server.node
        node.asked.append((verb, params))
        node.verbs.get(verb, says(b"404: Not Found", 404))(self, params)

    def reply(self, body: bytes, content_type: str = "application/json", status: int = 200) -> None:
        """A whole HTTP answer."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        """A Unix socket has no address to show."""
        return "cli"

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, node: FakeNode) -> None:
        super().__init__(str(node.home / "control.sock"), _Handler)
        self.node = node

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the game."""


@contextmanager
def running(home: Path) -> Iterator[FakeNode]:
    """A fake node listening in this home."""
    node = FakeNode(home)
    with _Server(node) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield node
        server.shutdown()
        thread.join()
