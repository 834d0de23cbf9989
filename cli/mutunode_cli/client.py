"""The way to the node: HTTP/1.1 over the Unix socket in its folder.

One request a connection. The answer is one JSON object, or lines of JSON of which the last is the answer and
the others are events (progress, lines of an export). No socket, or nobody behind it, means that no daemon
runs: the caller then does the work in its own process. A connection that breaks later is another matter:
the node may or may not have done what was asked, and only asking again can tell.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from mutunode_cli import failure

SOCKET_NAME = "control.sock"
LINE_BYTES_MAX = 64 * 1024 * 1024  # a `search` of everything in one line stays far below
SOCKET_PATH_BYTES_MAX = 107  # sun_path of Linux is 108 bytes with its final zero

Event = Callable[[dict[str, Any]], None]


class NoDaemon(Exception):
    """Nobody listens: the caller may do the work itself."""


class Vanished(Exception):
    """The connection broke after the request was sent: done or not, nobody here knows."""


def call(
    home: Path,
    verb: str,
    params: dict[str, Any],
    on_event: Event,
    silence_seconds_max: float,
) -> Any:
    """Ask the running node.

    Raises:
        NoDaemon: nothing listens in this home.
        Vanished: the node went away in the middle.
        Failure: the node refused, stayed silent or answered nonsense.
    """
    body = _encode(params)
    connection = _Unix(home / SOCKET_NAME, silence_seconds_max)
    try:
        _connect(connection)
        try:
            connection.request("POST", f"/v1/{verb}", body, {"Content-Type": "application/json"})
            return _answer(connection.getresponse(), on_event)
        except TimeoutError as error:
            raise _silent(silence_seconds_max) from error
        except (OSError, HTTPException) as error:
            raise Vanished(str(error) or type(error).__name__) from error
    finally:
        connection.close()


class _Unix(HTTPConnection):
    """``http.client`` speaks to host and port; this one to a path."""

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        super().__init__("localhost", timeout=timeout_seconds)
        self._path = path

    def connect(self) -> None:
        """Open the socket, through its folder's descriptor when the path is too long for one."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        if len(os.fsencode(self._path)) <= SOCKET_PATH_BYTES_MAX:
            self.sock.connect(str(self._path))
            return
        folder = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            self.sock.connect(f"/proc/self/fd/{folder}/{self._path.name}")
        finally:
            os.close(folder)


def _connect(connection: _Unix) -> None:
    try:
        connection.connect()
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
        raise NoDaemon from error
    except PermissionError as error:
        raise failure.broken(
            "Ce nœud appartient à un autre compte de cet ordinateur : lancez la commande depuis ce compte.",
            "This node belongs to another account of this computer: run the command from that account.",
        ) from error
    except OSError as error:
        raise failure.broken(
            f"Impossible de joindre le nœud : {error}.", f"The node cannot be reached: {error}."
        ) from error


def _encode(params: dict[str, Any]) -> bytes:
    try:
        return json.dumps(params, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise failure.usage(
            "Un des arguments n’est pas du texte UTF-8 : vérifiez l’encodage du terminal ou du fichier.",
            "One of the arguments is not UTF-8 text: check the encoding of the terminal or of the file.",
        ) from error
    except (TypeError, ValueError) as error:
        raise failure.usage(
            f"Une valeur ne peut pas être transmise : {error}.",
            f"A value cannot be sent: {error}.",
        ) from error


def _answer(response: HTTPResponse, on_event: Event) -> Any:
    """Read objects until one is an answer. Anything else is nonsense, and said to be."""
    for value in _objects(response):
        if "ok" in value:
            return value["ok"]
        if "error" in value:
            raise failure.from_json(value["error"])
        on_event(value)
    raise Vanished("the answer stops before its end")


def _objects(response: HTTPResponse) -> Iterator[dict[str, Any]]:
    while line := response.readline(LINE_BYTES_MAX):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise _nonsense(response, line) from error
        if not isinstance(value, dict):
            raise _nonsense(response, line)
        yield value


def _nonsense(response: HTTPResponse, line: bytes) -> Exception:
    # `length` counts down what Content-Length promised; None when the answer ends with the connection
    if response.length != 0 and line.lstrip().startswith(b"{") and not line.endswith(b"\n"):
        return Vanished("the answer stops in the middle of a line")
    start = line[:80].decode("utf-8", "replace").strip()
    return failure.broken(
        f"Réponse incompréhensible du nœud (HTTP {response.status}) : {start!r}. "
        "Le nœud et la commande sont-ils de la même version ?",
        f"The node's answer makes no sense (HTTP {response.status}): {start!r}. "
        "Are node and command of the same version?",
    )


def _silent(seconds: float) -> failure.Failure:
    return failure.broken(
        f"Le nœud n’a rien répondu en {seconds:.0f} s. La demande a pu aboutir : "
        "vérifiez avec « mutunode status » avant de recommencer.",
        f"The node said nothing for {seconds:.0f} s. The request may have succeeded: "
        "check with `mutunode status` before asking again.",
    )
