"""A full disk, with a real daemon on a real small disk (tmpfs).

Mounting takes root; whoever is not root runs this test in a user and mount namespace of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import FormData

from mutunode_cli.failure import Failure
from tests.e2e.nodes import ROOT, Node, until
from tests.e2e.pages import visiting
from tests.web.site import Page

DISK_BYTES = 120 * 1_024 * 1_024
BALLAST = "records.sqlite-ballast"
INSIDE = "MUTUNODE_TEST_INSIDE_NAMESPACE"


def as_root(test: str) -> bool:
    """Whether this process may mount; if not, the test was run in a namespace where it may."""
    if os.geteuid() == 0:
        return True
    assert INSIDE not in os.environ, "a namespace of one's own should have made this process root"
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-m", "pytest", "-q"]
    done = subprocess.run(
        [*command, f"{Path(__file__).relative_to(ROOT)}::{test}"], cwd=ROOT, env={**os.environ, INSIDE: "1"}
    )
    assert done.returncode == 0
    return False


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of its own, gone at the end."""
    place = folder / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Leave not one block."""
    filler = place / "somebody-elses-video"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1_024 * 1_024))
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4_096))
    assert os.statvfs(place).f_bavail == 0
    return filler


def refused(node: Node, title: str) -> Failure:
    """Publishing is refused."""
    with pytest.raises(Failure) as found:
        node.publish(title)
    return found.value


def test_on_a_full_disk_one_reads_searches_and_erases_and_it_heals(tmp_path: Path) -> None:
    if not as_root("test_on_a_full_disk_one_reads_searches_and_erases_and_it_heals"):
        return
    with small_disk(tmp_path) as place:
        jardin = Node("Jardin", place).init().start()
        try:
            kept, secret = jardin.publish("Un guide"), jardin.publish("Un canari à effacer")
            until(lambda: jardin.ask("search", q="canari")["total"] == 1, "found")
            assert (jardin.home / BALLAST).exists()
            filler = fill(place)

            full = refused(jardin, "Un de trop")
            assert (full.code, full.exit) == ("full", 8)
            assert "disque est plein" in full.fr
            assert "disk is full" in full.en
            assert jardin.run("publish", "resource", "--title", "Un de trop", "--json").code == 8
            assert jardin.ask("show", rec=kept)["title"] == "Un guide", "reading goes on"
            assert jardin.ask("search", q="guide")["total"] == 1, "searching goes on"
            disk = next(each for each in jardin.ask("doctor") if each["name"] == "disk")
            assert not disk["well"]

            asyncio.run(over_the_pages(jardin, secret))
            assert not (jardin.home / BALLAST).exists(), "the room that was kept aside was spent on it"
            assert jardin.ask("show", rec=secret)["erased"]

            filler.unlink()
            again = jardin.publish("La place est revenue")  # nobody restarted anything
            assert jardin.ask("show", rec=again)["title"] == "La place est revenue"
            until((jardin.home / BALLAST).exists, "room is kept aside again")
            assert jardin.register()[0] == 4
            jardin.ask("log_verify")
            jardin.stop()
        finally:
            jardin.kill()


TYPED = "Un de trop, écrit pendant une heure"
FULL = {
    "fr": r"[Ll]e disque est (presque )?plein.* Libérez de la place",
    "en": r"[Tt]he disk is (nearly )?full.* Free some room",
}


async def over_the_pages(node: Node, secret: str) -> None:
    """Signing, keeping a draft and attaching a file come back with what was typed, why, and what to do;
    searching and erasing go on."""
    for language, wanted in FULL.items():
        publish, search = {"fr": ("publier", "chercher"), "en": ("publish", "search")}[language]
        async with visiting(node, language) as site:
            form = await site.get(f"/{language}/{publish}/resource")
            seen = await site.submit(form, f"/{publish}/resource", "preview", **{"title.fr": TYPED})
            answers = [
                await site.submit(seen, f"/{publish}/resource", button) for button in ("sign", "draft")
            ]
            answers.append(await site.post(f"/{language}/{publish}/resource", attaching(form)))
            for page in answers:
                assert page.status == 507, page.words
                assert page.find("input", id="f-title.fr").get("value") == TYPED
                told = page.find("div", role="alert").words()
                assert re.search(wanted, told), told
            found = await site.get(f"/{language}/{search}?q=guide")
            assert (found.status, "Un guide" in found.main) == (200, True)
    async with visiting(node) as site:
        form = await site.get(f"/fr/fiche/{secret}/retirer")
        seen = await site.submit(form, "/retirer", "preview", reason="error", erase="true")
        page = await site.submit(seen, "/retirer", "sign")
        assert page.status == 200, page.words


def attaching(form: Page) -> FormData:
    """What a browser without scripts sends of a filled in form with a file."""
    data = FormData(default_to_multipart=True)
    data.add_field("csrf", form.find("input", name="csrf").get("value"))
    data.add_field("title.fr", TYPED)
    data.add_field("files", random.Random(1).randbytes(600_000), filename="guide.pdf")
    data.add_field("do", "preview")
    return data


def test_a_disk_turned_read_only_serves_reads_says_so_and_heals(tmp_path: Path) -> None:
    flag, jardin = tmp_path / "read-only", Node("Jardin", tmp_path).init()
    jardin.start(program=("-m", "tests.e2e.read_only_disk", str(flag)))
    try:
        rec = jardin.publish("Un guide")
        until(lambda: jardin.ask("search", q="guide")["total"] == 1, "found")
        flag.touch()
        failed = refused(jardin, "Deux")
        assert (failed.code, failed.exit) == ("disk", 8)
        assert failed.fr != failed.en
        assert jardin.ask("show", rec=rec)["title"] == "Un guide", "reading goes on"
        assert jardin.ask("search", q="guide")["total"] == 1, "searching goes on"
        status = jardin.ask("status")
        assert status["read_only"]
        assert "The disk refuses to be written" in status["read_only_reason"]["en"]
        for language, banner in (("fr", "Le disque refuse d’être écrit"), ("en", "The disk refuses")):
            assert banner in page(jardin, language), "every page says so"
        flag.unlink()
        until(lambda: not jardin.ask("status")["read_only"], "it goes on by itself")
        jardin.publish("Deux")
        assert jardin.register()[0] == 2
        jardin.ask("log_verify")
        jardin.stop()
    finally:
        jardin.kill()


def page(node: Node, language: str) -> str:
    """The page with which a visit begins."""
    with urllib.request.urlopen(f"{node.web}{language}/", timeout=30) as answer:
        return str(answer.read().decode())
