"""Files on the pages: attached with a form, sent in parts, downloaded, played, seen small."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest
from aiohttp import FormData

from mutunode.protocol import ids
from mutunode.protocol.blobs import blob_of
from tests.web import catalogue
from tests.web.fake_files import PIXEL
from tests.web.fake_office import FakeOffice
from tests.web.fake_shelf import Entry, org_id
from tests.web.site import Page, Site, form_fields

WORDS = b"# Mode d'emploi\n\n" + "é".encode() * 3_000
SOUND = b"fLaC" + bytes(range(256)) * 20


def carry(office: FakeOffice, *files: tuple[str, str, bytes | None], author: str = catalogue.FABRIQUE) -> str:
    """A record that carries files: name, media type, content if it is here."""
    described = []
    for name, media_type, content in files:
        blob, size, _ = blob_of([content or name.encode()])
        described.append({"blob": blob, "size": size, "media_type": media_type, "name": name})
        if content is not None:
            office.contents[ids.blob_text(blob)] = content
    body = {"title": {"fr": "Avec des fichiers"}, "files": described}
    index = sum(each.author == author for each in office.entries)
    office.entries.append(Entry(author, "resource", body, index, 1_795_000_000))
    return office.entries[-1].id


@pytest.fixture
def rec(desk: Site) -> str:
    return carry(
        desk.office,
        ("mode d’emploi.md", "text/markdown", WORDS),
        ("page.html", "text/html", b"<script>alert(1)</script>"),
        ("chant.flac", "audio/flac", SOUND),
        ("photo.png", "image/png", PIXEL),
        ("ailleurs.pdf", "application/pdf", None),
    )


@pytest.fixture
def theirs(desk: Site) -> str:
    """A record of somebody else."""
    return carry(
        desk.office,
        ("plan.pdf", "application/pdf", b"%PDF-1.7"),
        ("notes.md", "text/markdown", None),
        author=catalogue.RELAIS,
    )


def csrf(desk: Site) -> str:
    """The token of the session."""
    return desk.sessions._sessions[desk.prefix.removeprefix("/s/")].csrf


def within(desk: Site, path: str) -> str:
    """An address of the session."""
    return desk.prefix + path


async def fetch(site: Site, path: str, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
    async with site.client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()}) as answer:
        return answer.status, answer.headers, await answer.read()


# --- giving ----------------------------------------------------------------------------------------
async def test_a_file_is_given_as_it_is_to_be_kept(desk: Site, rec: str) -> None:
    status, headers, body = await fetch(desk, f"/fr/fiche/{rec}/fichier/0")
    assert (status, body) == (200, WORDS)
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"] == (
        "attachment; filename=\"mode d_emploi.md\"; filename*=UTF-8''mode%20d%E2%80%99emploi.md"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert headers["Content-Length"] == str(len(WORDS))


async def test_nothing_that_could_run_is_ever_shown(desk: Site, rec: str) -> None:
    status, headers, _ = await fetch(desk, f"/fr/fiche/{rec}/fichier/1")
    assert status == 200
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"].startswith("attachment")
    for place in (0, 1, 3):
        assert (await fetch(desk, f"/fr/fiche/{rec}/fichier/{place}/lire"))[0] == 404
    status, headers, body = await fetch(desk, f"/fr/fiche/{rec}/fichier/2/lire")
    assert (status, headers["Content-Type"], body) == (200, "audio/flac", SOUND)
    assert "sandbox" in headers["Content-Security-Policy"]
    page = await desk.get(f"/fr/fiche/{rec}")
    assert "<script>alert(1)" not in page.text
    assert "sandbox" not in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=10-", 206, 10, None),
        ("bytes=-5", 206, -5, None),
        ("bytes=100-199", 206, 100, 200),
        ("bytes=0-99999999999999999999", 206, 0, None),
        ("bytes=0-1,5-6", 200, 0, None),
        ("bytes=9-3", 200, 0, None),
        ("lines=1-2", 200, 0, None),
        ("bytes=-", 200, 0, None),
    ],
)
async def test_a_part_of_a_file(
    desk: Site, rec: str, asked: str, status: int, start: int, end: int | None
) -> None:
    got, headers, body = await fetch(desk, f"/fr/fiche/{rec}/fichier/0", Range=asked)
    assert (got, body) == (status, WORDS[start:end])
    assert headers["Accept-Ranges"] == "bytes"
    if status == 206:
        first = start % len(WORDS)
        assert headers["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{len(WORDS)}"


async def test_a_part_beyond_the_end_is_refused_with_the_size(desk: Site, rec: str) -> None:
    status, headers, _ = await fetch(desk, f"/fr/fiche/{rec}/fichier/0", Range="bytes=99999-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(WORDS)}")


async def test_what_a_browser_has_is_not_sent_again(desk: Site, rec: str) -> None:
    _, headers, _ = await fetch(desk, f"/fr/fiche/{rec}/fichier/0")
    tag = headers["ETag"]
    status, _, body = await fetch(desk, f"/fr/fiche/{rec}/fichier/0", If_None_Match=f'"x", W/{tag}')
    assert (status, body) == (304, b"")
    changed = await fetch(desk, f"/fr/fiche/{rec}/fichier/0", Range="bytes=0-1", If_Range='"other"')
    assert (changed[0], changed[2]) == (200, WORDS)
    same = await fetch(desk, f"/fr/fiche/{rec}/fichier/0", Range="bytes=0-1", If_Range=tag)
    assert same[0] == 206


async def test_head_tells_without_giving(desk: Site, rec: str) -> None:
    async with desk.client.head(f"/fr/fiche/{rec}/fichier/0") as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(WORDS)))
        assert await answer.read() == b""


async def test_what_is_not_here_is_not_found(desk: Site, rec: str) -> None:
    assert (await fetch(desk, f"/fr/fiche/{rec}/fichier/4"))[0] == 404
    assert (await fetch(desk, f"/fr/fiche/{rec}/fichier/9"))[0] == 404


# --- the page --------------------------------------------------------------------------------------
async def test_the_record_shows_its_files(desk: Site, rec: str) -> None:
    page = await desk.get(f"/fr/fiche/{rec}")
    box = page.find("section", id="files")
    assert "mode d’emploi.md" in box.words()
    assert "Mode d'emploi" in box.words()  # the beginning of the text, as Markdown
    assert "La suite est dans le fichier." in box.words()
    assert page.find("audio").get("src").endswith("/fichier/2/lire")
    picture = page.find("img")
    status, headers, body = await fetch(desk, picture.get("src"))
    assert (status, headers["Content-Type"], body) == (200, "image/png", PIXEL)
    assert "seul à le détenir" in box.words()


async def test_files_that_are_elsewhere_are_fetched_on_demand(desk: Site, rec: str) -> None:
    page = await desk.get(f"/fr/fiche/{rec}")
    after = await desk.submit(page, "/fichiers")
    assert desk.office.fetched == [rec]
    assert "Demandés" in after.words


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("asked", "Ce dont rien d’autre n’a besoin a quitté cet ordinateur."),
        (
            "promised",
            "Signé : votre promesse est retirée. Ce dont rien d’autre n’a besoin a quitté cet ordinateur.",
        ),
    ],
)
async def test_what_is_kept_for_others_is_let_go_of_with_a_button(
    desk: Site, theirs: str, reason: str, said: str
) -> None:
    desk.office.kept_for[theirs] = reason
    page = await desk.get(f"/fr/fiche/{theirs}")
    assert ("Vous avez promis d’en garder une copie" in page.words) == (reason == "promised")
    after = await desk.submit(page, "/ne-plus-garder")
    assert said in after.words
    assert not desk.office.kept_for
    assert "Ne plus les garder" not in after.words


async def test_what_something_else_keeps_is_said_to_stay(desk: Site, theirs: str) -> None:
    desk.office.kept_for[theirs] = "promised"
    desk.office.kept_otherwise.add(theirs)
    after = await desk.submit(await desk.get(f"/fr/fiche/{theirs}"), "/ne-plus-garder")
    assert "Ce qui reste est gardé par une promesse pour toute l’organisation" in after.words
    assert "Signé" not in after.find("main").words()


async def test_nothing_is_let_go_of_that_nobody_asked_for(desk: Site, theirs: str) -> None:
    assert "Ne plus les garder" not in (await desk.get(f"/fr/fiche/{theirs}")).words
    desk.office.kept_for[theirs] = "asked"
    answer = await desk.post(f"/fr/fiche/{theirs}/ne-plus-garder", {"csrf": "wrong"})
    assert answer.status == 403
    assert desk.office.kept_for


async def test_the_logo_of_an_organisation_is_on_its_page_when_it_is_here(desk: Site) -> None:
    entry = [each for each in desk.office.entries if each.kind == "profile"][-1]
    blob, size, _ = blob_of([PIXEL])
    entry.body["logo"] = {
        "blob": blob, "size": size, "media_type": "image/png", "name": "arbre.png", "alt": {"fr": "Un arbre"},
    }  # fmt: skip
    address = f"/fr/organisation/{org_id(entry.author)}"
    assert not (await desk.get(address)).all("img", alt="Un arbre")
    desk.office.contents[ids.blob_text(blob)] = PIXEL
    picture = (await desk.get(address)).find("img", alt="Un arbre")
    status, headers, body = await fetch(desk, picture.get("src").removeprefix(desk.prefix))
    assert (status, headers["Content-Type"], body) == (200, "image/png", PIXEL)


# --- attaching, without scripts --------------------------------------------------------------------
async def test_files_come_with_the_form_and_stay_through_its_corrections(desk: Site) -> None:
    form = await desk.get("/fr/publier/resource")
    fields = FormData()
    for name, value in form_fields(form, form.find("form", id="pub")):
        if name != "title.fr":
            fields.add_field(name, value)
    fields.add_field("title.fr", "Une affiche")
    fields.add_field("files+", WORDS, filename="lisez-moi.md", content_type="text/plain")
    fields.add_field("files+", PIXEL, filename="photo.png", content_type="image/png")
    fields.add_field("do", "preview")
    seen = await desk.post("/fr/publier/resource", fields)
    assert "lisez-moi.md" in seen.find("section", id="sign").words()
    again = await desk.submit(
        seen, "/publier/resource", "preview", **{"files.1.drop": "true", "files.0.alt.fr": "Le mode d’emploi"}
    )
    box = again.find("section", id="sign").words()
    assert "photo.png" not in box
    assert "Le mode d’emploi" in box
    await desk.submit(again, "/publier/resource", "sign")
    (file,) = desk.office.entries[-1].body["files"]
    assert (file["name"], file["size"], file["alt"]) == (
        "lisez-moi.md",
        len(WORDS),
        {"fr": "Le mode d’emploi"},
    )


async def test_a_logo_is_one_picture_given_replaced_and_taken_out_on_the_page(desk: Site) -> None:
    async def preview_with(name: str) -> Page:
        form = await desk.get("/fr/publier/profile")
        assert "multiple" not in form.find("input", type="file").attributes
        fields = FormData()
        for key, value in form_fields(form, form.find("form", id="pub")):
            if key != "posture.shares_aval":
                fields.add_field(key, value)
        fields.add_field("posture.shares_aval", "selected")
        fields.add_field("files+", PIXEL, filename=name, content_type="image/png")
        fields.add_field("do", "preview")
        return await desk.post("/fr/publier/profile", fields)

    seen = await preview_with("arbre.png")
    assert "arbre.png" in seen.find("section", id="sign").words()
    described = await desk.submit(seen, "/publier/profile", "preview", **{"logo.0.alt.fr": "Un arbre"})
    await desk.submit(described, "/publier/profile", "sign")
    logo = desk.office.entries[-1].body["logo"]
    assert (logo["name"], logo["media_type"], logo["alt"]) == ("arbre.png", "image/png", {"fr": "Un arbre"})
    shown = await desk.get(f"/fr/fiche/{desk.office.entries[-1].id}")
    assert ids.blob_text(logo["blob"]) not in shown.main, "a file is told under Files, by its name"

    again = await preview_with("chêne.png")
    assert "arbre.png" not in again.find("section", id="sign").words(), "the new one takes its place"
    without = await desk.submit(again, "/publier/profile", "preview", **{"logo.0.drop": "true"})
    assert "chêne.png" not in without.find("section", id="sign").words()
    await desk.submit(without, "/publier/profile", "sign")
    assert "logo" not in desk.office.entries[-1].body


async def test_no_file_is_taken_from_a_form_of_somebody_else(desk: Site) -> None:
    for token in ("", "wrong"):
        fields = FormData()
        fields.add_field("csrf", token)
        fields.add_field("files+", WORDS, filename="a.md")
        fields.add_field("do", "preview")
        answer = await desk.post("/fr/publier/resource", fields)
        assert answer.status == 403
    late = FormData()
    late.add_field("files+", WORDS, filename="a.md")
    late.add_field("csrf", csrf(desk))
    assert (await desk.post("/fr/publier/resource", late)).status == 403
    assert not desk.office.contents


async def test_a_full_disk_is_said_and_the_file_thrown_away(desk: Site) -> None:
    fields = FormData()
    fields.add_field("csrf", csrf(desk))
    fields.add_field("files+", b"no room" * 10, filename="gros.bin")
    fields.add_field("do", "preview")
    answer = await desk.post("/fr/publier/resource", fields)
    assert answer.status >= 400
    assert "Le disque est plein." in answer.words
    assert desk.office.abandoned == ["gros.bin"]


# --- sending in parts, for scripts -----------------------------------------------------------------
async def test_a_file_is_sent_in_parts_and_gone_on_with(desk: Site) -> None:
    head = {"X-CSRF": csrf(desk), "X-File-Name": "mode%20d%27emploi.md"}
    async with desk.client.post(within(desk, "/fr/envoi"), headers=head) as answer:
        assert answer.status == 201
        place = within(desk, f"/fr/envoi/{(await answer.json())['upload']}")
    head = {"X-CSRF": csrf(desk)}
    async with desk.client.patch(place, headers={**head, "X-Offset": "0"}, data=WORDS[:100]) as answer:
        assert await answer.json() == {"offset": 100}
    async with desk.client.patch(place, headers={**head, "X-Offset": "0"}, data=WORDS[:100]) as answer:
        assert (answer.status, await answer.json()) == (409, {"offset": 100})
    async with desk.client.get(place) as answer:
        assert await answer.json() == {"offset": 100}
    last = {**head, "X-Offset": "100", "X-Last": "1"}
    async with desk.client.patch(place, headers=last, data=WORDS[100:]) as answer:
        file = (await answer.json())["file"]
    assert (file["name"], file["size"], file["media_type"]) == (
        "mode d'emploi.md",
        len(WORDS),
        "text/markdown",
    )
    async with desk.client.get(place) as answer:
        assert answer.status == 404


async def test_a_file_taken_out_before_it_is_all_here_is_thrown_away(desk: Site) -> None:
    head = {"X-CSRF": csrf(desk), "X-File-Name": "gros.bin"}
    async with desk.client.post(within(desk, "/fr/envoi"), headers=head) as answer:
        place = within(desk, f"/fr/envoi/{(await answer.json())['upload']}")
    async with desk.client.delete(place, headers={"X-CSRF": "wrong"}) as answer:
        assert (answer.status, desk.office.abandoned) == (403, [])
    async with desk.client.delete(place, headers={"X-CSRF": csrf(desk)}) as answer:
        assert (answer.status, desk.office.abandoned) == (204, ["gros.bin"])
    async with desk.client.get(place) as answer:
        assert answer.status == 404


async def test_a_file_taken_out_while_a_part_arrives_is_thrown_away_once(desk: Site) -> None:
    head = {"X-CSRF": csrf(desk)}
    async with desk.client.post(
        within(desk, "/fr/envoi"), headers={**head, "X-File-Name": "gros.bin"}
    ) as answer:
        place = within(desk, f"/fr/envoi/{(await answer.json())['upload']}")
    more = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        yield b"un peu"
        await more.wait()
        yield b"encore"

    going = asyncio.create_task(desk.client.patch(place, headers={**head, "X-Offset": "0"}, data=parts()))
    while True:
        async with desk.client.get(place) as answer:
            if (await answer.json())["offset"]:
                break
    async with desk.client.delete(place, headers=head) as answer:
        assert (answer.status, desk.office.abandoned) == (204, [])
    more.set()
    await going
    assert desk.office.abandoned == ["gros.bin"]


async def test_sending_needs_the_session_and_its_token(desk: Site) -> None:
    async with desk.client.post(within(desk, "/fr/envoi"), headers={"X-CSRF": "wrong"}) as answer:
        assert answer.status == 403
    async with desk.client.post("/fr/envoi", headers={"X-CSRF": csrf(desk)}) as answer:
        assert answer.status in (401, 403, 404, 405)
    assert not desk.office.contents


async def test_uploads_that_nobody_ends_make_room_for_others(desk: Site) -> None:
    head = {"X-CSRF": csrf(desk), "X-File-Name": "a"}
    for _ in range(20):
        async with desk.client.post(within(desk, "/fr/envoi"), headers=head) as answer:
            assert answer.status == 201
    assert len(desk.office.abandoned) == 4
