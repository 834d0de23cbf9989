"""Small pictures of the first page of a PDF: where the tool for it is installed, and where it is not."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from mutunode.service.files import picture

PAGE = b"0 0 100 200 re f\n"  # the left half of the page is black


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    """One page of 200 by 200 points."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R>>",
        b"<</Length %d>>stream\n%sendstream" % (len(PAGE), PAGE),
    ]
    written, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj%s endobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 5\n0000000000 65535 f \n%strailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    path = tmp_path / "page.pdf"
    path.write_bytes(written + end % (table, len(written)))
    return path


def test_the_first_page_of_a_pdf_is_drawn_where_the_tool_is_installed(pdf: Path) -> None:
    drawn = picture.draw(pdf, picture.PDF)
    assert picture.can_be_drawn(picture.PDF, pdf.stat().st_size) == bool(picture.pdf_tool())
    if not picture.pdf_tool():
        assert drawn is None
        return
    assert drawn is not None
    page = Image.open(BytesIO(drawn)).convert("L")
    assert all(abs(side - picture.SIDE_MAX) <= 1 for side in page.size)  # poppler rounds up
    assert page.getpixel((120, 240)) == 0
    assert page.getpixel((360, 240)) == 255


def test_without_the_tool_a_pdf_has_no_picture(pdf: Path) -> None:
    assert not picture.can_be_drawn(picture.PDF, pdf.stat().st_size, tool="")
    assert picture.draw(pdf, picture.PDF, tool="") is None


def test_what_the_tool_gives_is_the_picture(pdf: Path, tmp_path: Path) -> None:
    made = BytesIO()
    Image.new("RGB", (3, 2)).save(made, "PNG")
    (tmp_path / "made.png").write_bytes(made.getvalue())
    assert (
        picture.draw(pdf, picture.PDF, tool(tmp_path, f'exec cat "{tmp_path}/made.png"')) == made.getvalue()
    )


@pytest.mark.parametrize("does", ["exit 1", "exec echo no picture", "kill -9 $$", 'exec touch "$0.written"'])
def test_a_tool_that_fails_dies_or_writes_something_else_gives_none(
    pdf: Path, tmp_path: Path, does: str
) -> None:
    assert picture.draw(pdf, picture.PDF, tool(tmp_path, does)) is None


def tool(folder: Path, does: str) -> str:
    """A program in the place of the one that draws."""
    path = folder / "tool"
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o700)
    return str(path)
