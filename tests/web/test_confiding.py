"""Telling the author alone, what strangers left, and invitations: as pages."""

from __future__ import annotations

import asyncio

import segno

from mutunode.web.pages.inviting import drawn
from tests.web.fake_people import LINK, left_by_strangers
from tests.web.site import Site
from tests.web.test_reading import record_of


async def test_a_usage_can_be_told_to_the_author_alone_and_the_page_says_who_will_read_it(desk: Site) -> None:
    rec = record_of(desk.office, "NVDA")
    page = await desk.get(f"/fr/fiche/{rec.id}")
    choices = {each.get("value") for each in page.all("input", name="visibility")}
    assert choices == {"public", "author_only"}
    assert "Ne le dire qu’à l’auteur" in page.main


async def test_what_was_told_alone_stands_with_its_word_in_a_session_and_nowhere_without(desk: Site) -> None:
    desk.office.told_alone = True
    usage = next(entry for entry in desk.office.entries if entry.kind == "usage")
    target = next(entry for entry in desk.office.entries if entry.ref == usage.body["resource"])
    inside = await desk.get(f"/fr/fiche/{target.id}")
    assert "pour vous seul" in inside.main
    assert "C’est sa seule parole" in inside.main
    english = await desk.get(f"/en/record/{target.id}")
    assert "for you alone" in english.main
    outside = await desk.get(f"/fr/fiche/{target.id}", plain=True)
    assert "pour vous seul" not in outside.main
    assert "C’est sa seule parole" in outside.main  # the author's figure is everybody's
    api = await desk.get(f"/api/v1/records/{target.id}/usage", plain=True)
    assert '"private":0' in api.text
    assert '"private":true' not in api.text


# --- strangers -----------------------------------------------------------------------------------------
async def test_what_a_stranger_left_waits_with_its_check_words_and_three_ways_to_decide(desk: Site) -> None:
    desk.office.left[:] = left_by_strangers()
    page = await desk.get("/fr/a-traiter")
    assert "aimerait faire votre connaissance" in page.main
    assert "Parlons vélo" in page.main
    assert "pour vous seul" in page.main
    assert "Nom très proche." in page.main
    english = await desk.get("/en/to-do")
    assert "would like to get to know you" in english.main
    for decision in ("accept", "ignore"):
        page = await desk.submit(await desk.get("/fr/a-traiter"), "/a-traiter", decision)
        assert desk.office.acts[-1][0] == "answer"
        assert desk.office.acts[-1][2] == decision
    assert desk.office.left == []
    assert "Cela ne sera plus montré." in page.words


async def test_blocking_is_one_step_further_and_decisions_are_for_strangers(desk: Site) -> None:
    desk.office.left[:] = left_by_strangers()
    await desk.submit(await desk.get("/fr/a-traiter"), "/a-traiter", "block")
    assert desk.office.acts[-1][2] == "block"
    page = await desk.get("/fr/a-traiter")
    waiting = (await asyncio.to_thread(desk.office.todo)).waiting
    known = next(each for each in waiting if not each.stranger)
    token = page.find("input", name="csrf").get("value")
    refused = await desk.post("/fr/a-traiter", {"csrf": token, "rec": known.id, "decide": "block"})
    assert refused.status == 400


# --- invitations -----------------------------------------------------------------------------------------
async def test_a_link_is_made_shown_once_and_drawn_as_a_code(desk: Site) -> None:
    page = await desk.get("/fr/reseau/inviter")
    made = await desk.submit(page, "/reseau/inviter", note="pour la mairie", days="30", asks="true")
    assert desk.office.acts[-1] == ("invitation", (), 30, False, "pour la mairie")
    assert made.find("textarea", id="f-made").raw_words().strip() == LINK
    assert made.find("svg", class_="qr").get("viewbox")
    assert made.headers["Cache-Control"] == "no-store"
    again = await desk.get("/fr/reseau/inviter")
    assert LINK not in again.text
    assert "pour la mairie" in again.main


def test_the_drawn_code_is_the_links_and_asks_nothing_of_a_strict_policy() -> None:
    svg = str(drawn(LINK))
    assert svg.startswith("<svg")
    assert "style=" not in svg
    assert "http" not in svg.replace("http://www.w3.org", "")
    version = segno.make(LINK, error="m", boost_error=False).symbol_size(border=4)[0]
    assert f'viewBox="0 0 {version} {version}"' in svg


async def test_an_address_that_is_none_is_said_by_the_field(desk: Site) -> None:
    page = await desk.submit(await desk.get("/fr/reseau/inviter"), "/reseau/inviter", address="nulle part")
    assert page.status == 400
    assert "n’est pas une adresse" in page.main
    assert page.find("input", id="f-address").get("value") == "nulle part"


async def test_an_invitation_is_cancelled_by_its_button(desk: Site) -> None:
    await desk.submit(await desk.get("/fr/reseau/inviter"), "/reseau/inviter", note="trop tôt")
    page = await desk.get("/fr/reseau/inviter")
    form = next(
        each
        for each in page.all("form", method="post")
        if any(i.get("name") == "revoke" for i in each.walk())
    )
    fields = {i.get("name"): i.get("value") for i in form.walk() if i.tag == "input"}
    done = await desk.post("/fr/reseau/inviter", {name: fields[name] for name in ("csrf", "revoke")})
    assert desk.office.acts[-1] == ("revoke", "inv_0")
    assert "L’invitation est annulée." in done.words


async def test_an_invitation_we_were_given_is_looked_at_before_it_is_taken_up(desk: Site) -> None:
    page = await desk.get("/fr/reseau/invitation")
    seen = await desk.submit(page, "/reseau/invitation", link=LINK)
    assert "vous invite" in seen.main
    assert "192.168.1.9:7447" in seen.main
    assert desk.office.acts == []
    done = await desk.submit(seen, "/reseau/invitation", "accept")
    assert desk.office.acts[-1] == ("take_up", LINK)
    assert "Vous avez fait connaissance" in done.words


async def test_what_is_no_link_and_a_link_that_was_used_are_said_in_words(desk: Site) -> None:
    page = await desk.submit(await desk.get("/fr/reseau/invitation"), "/reseau/invitation", link="bonjour")
    assert page.status == 400
    assert "Ce n’est pas une invitation entière." in page.main
    seen = await desk.submit(
        await desk.get("/en/network/invitation"), "/network/invitation", link=LINK + "&used"
    )
    used = await desk.submit(seen, "/network/invitation", "accept")
    assert used.status == 400
    assert "It was used already." in used.main


async def test_inviting_needs_a_session(site: Site) -> None:
    for path in ("/fr/reseau/inviter", "/fr/reseau/invitation"):
        page = await site.get(path)
        assert page.status == 403, path
    assert "/reseau/inviter" not in (await site.get("/fr/reseau")).text
