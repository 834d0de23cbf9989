"""``python -m tests.realnet.announcer COUNT ADDRESS``: announces so many organisations that do not exist.

Packets of its own, as no library would send them; once, then again one in ten for as long as its input lasts.
"""

from __future__ import annotations

import hashlib
import socket
import struct
import sys
import threading
import time

from mutunode.protocol.ids import org_text

GROUP = ("224.0.0.251", 5353)
SERVICE = b"\x09_mutunode\x04_tcp\x05local\x00"
PTR, TXT, A, SRV, IN, FLUSH, TTL = 12, 16, 1, 33, 1, 0x8001, 4_500
IN_A_PACKET = 8  # 8 × 170 bytes fit one Ethernet frame
PACKETS_A_SECOND = 400


def label(text: str) -> bytes:
    """One label of a name."""
    return bytes([len(text)]) + text.encode()


def record(name: bytes, kind: int, group: int, content: bytes) -> bytes:
    """One resource record."""
    return name + struct.pack("!HHIH", kind, group, TTL, len(content)) + content


def announcement(number: int, address: bytes) -> list[bytes]:
    """The four records of one service."""
    org = org_text(hashlib.sha256(b"nobody %d" % number).digest()).removeprefix("org_")
    name, host = label(f"Nobody {number}") + SERVICE, label(f"nobody{number}") + b"\x05local\x00"
    return [
        record(SERVICE, PTR, IN, name),
        record(name, SRV, FLUSH, struct.pack("!3H", 0, 0, 7447) + host),
        record(name, TXT, FLUSH, label("v=1") + label(f"org={org}")),
        record(host, A, FLUSH, address),
    ]


def main() -> None:
    """All of them, then some again."""
    count, address = int(sys.argv[1]), socket.inet_aton(sys.argv[2])
    ended = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    out.bind((sys.argv[2], 5353))
    step = 1
    while not ended.is_set():
        for first in range(0, count, IN_A_PACKET * step):
            numbers = range(first, min(first + IN_A_PACKET, count))
            records = [each for number in numbers for each in announcement(number, address)]
            out.sendto(struct.pack("!6H", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records), GROUP)
            time.sleep(1 / PACKETS_A_SECOND)
        print("announced", flush=True)
        step = 10


if __name__ == "__main__":
    main()
