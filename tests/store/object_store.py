"""A real S3 server on this machine, for the tests that need one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS_MAX = 60.0
PORTS = ("master", "volume", "filer", "s3")


@contextmanager
def object_store(folder: Path) -> Iterator[dict[str, str]]:
    """Run one in a folder; gives what the environment of its users must hold."""
    account = {
        "name": "tests",
        "credentials": [{"accessKey": "tests", "secretKey": "for-tests-only"}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [account]}))
    ports = _free_ports(2 * len(PORTS))
    command = [
        str(Path(sys.executable).parent / "weed"),
        *("server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"),
        *("-master.volumeSizeLimitMB=64", "-volume.max=20", f"-s3.config={config}"),
        *(f"-{name}.port={port}" for name, port in zip(PORTS, ports, strict=False)),
        *(f"-{name}.port.grpc={port}" for name, port in zip(PORTS, ports[len(PORTS) :], strict=False)),
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _wait_for(ports[PORTS.index("s3")], server)
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports[PORTS.index('s3')]}",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "for-tests-only",
            "AWS_REGION": "us-east-1",
        }
    finally:
        server.kill()
        server.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until a file can be put and read: its parts come up one after the other."""
    import obstore
    from obstore.store import S3Store

    until = time.monotonic() + START_SECONDS_MAX
    store = S3Store(
        "started",
        endpoint=f"http://127.0.0.1:{port}",
        access_key_id="tests",
        secret_access_key="for-tests-only",
        region="us-east-1",
        client_options={"allow_http": True, "timeout": "5s"},
        retry_config={"max_retries": 0},
    )
    while True:
        assert server.poll() is None, "the object store ended by itself"
        try:
            obstore.put(store, "ready", os.urandom(16))
            return
        except Exception:
            assert time.monotonic() < until, "the object store does not start"
            time.sleep(0.2)
