"""A small picture of a file, made anew in a process of its own: no byte of a peer's reaches a browser so.

What decodes pictures has been broken before. It runs here with little memory and little time, and writes no
file; if it dies, there is no picture.

As a program, ``picture.py MEDIA_TYPE SIDE TOOL`` reads a file on its standard input and writes a PNG.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from pathlib import Path

SIDE_MAX = 480  # pixels
PIXELS_MAX = 50_000_000  # a camera's; × 4 bytes = 200 MB
MEMORY_BYTES_MAX = 1_024**3
CPU_SECONDS_MAX, SECONDS_MAX = 10, 20.0
SOURCE_BYTES_MAX = 40_000_000
PICTURE_BYTES_MAX = 2_000_000

PICTURES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}
PDF = "application/pdf"
PDF_TOOL = "pdftoppm"
PATH = "/usr/bin:/bin"  # of the system's own programs, whatever the node was started with


def pdf_tool() -> str:
    """Where what draws a page of a PDF is installed; empty: nowhere."""
    return shutil.which(PDF_TOOL, path=PATH) or ""


def can_be_drawn(media_type: str, size: int, tool: str | None = None) -> bool:
    """Whether a picture of such a file may be tried."""
    if not 0 < size <= SOURCE_BYTES_MAX:
        return False
    return media_type in PICTURES or (media_type == PDF and bool(pdf_tool() if tool is None else tool))


def draw(source: Path, media_type: str, tool: str | None = None) -> bytes | None:
    """A PNG of a file, or None when none can be made; ``tool``: what draws a PDF, None: as installed."""
    tool = pdf_tool() if tool is None else tool
    command = [sys.executable, "-P", str(Path(__file__)), media_type, str(SIDE_MAX), tool]
    try:
        with source.open("rb") as given:
            done = subprocess.run(  # noqa: S603 — our own interpreter, no text of anybody in it
                command,
                stdin=given,
                capture_output=True,
                timeout=SECONDS_MAX,
                check=False,
                cwd="/",
                env={"PATH": PATH, "LANG": "C.UTF-8"},
            )
    except (OSError, subprocess.TimeoutExpired):
        return None
    drawn = done.stdout
    is_png = drawn.startswith(b"\x89PNG\r\n\x1a\n") and len(drawn) <= PICTURE_BYTES_MAX
    return drawn if done.returncode == 0 and is_png else None


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def _draw_picture(format: str, side: int) -> None:
    from io import BytesIO

    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = PIXELS_MAX // 2  # beyond twice of it Pillow refuses
    image = Image.open(BytesIO(sys.stdin.buffer.read(SOURCE_BYTES_MAX + 1)), formats=[format])
    if image.width * image.height > PIXELS_MAX:
        raise SystemExit(3)
    image.draft("RGB", (side * 2, side * 2))  # a JPEG need not be decoded at full size
    turned = ImageOps.exif_transpose(image)
    small = turned.convert("RGBA" if turned.mode in ("P", "LA", "RGBA", "PA") else "RGB")
    small.thumbnail((side, side))
    out = BytesIO()
    small.save(out, "PNG", optimize=True)  # pixels alone: no place, no camera, no comment
    sys.stdout.buffer.write(out.getvalue())


def _draw_pdf(side: int, tool: str) -> None:
    import os

    if not tool:
        raise SystemExit(3)
    options = ["-png", "-f", "1", "-l", "1", "-singlefile", "-scale-to", str(side)]
    os.execv(tool, [PDF_TOOL, *options, "-"])  # noqa: S606 — in this process and its limits, no shell


def main(arguments: list[str]) -> None:
    """Draw what stands on the standard input."""
    media_type, side, tool = arguments[0], int(arguments[1]), arguments[2]
    _limit()
    if media_type == PDF:
        _draw_pdf(side, tool)
    else:
        _draw_picture(PICTURES[media_type], side)


if __name__ == "__main__":
    main(sys.argv[1:])
