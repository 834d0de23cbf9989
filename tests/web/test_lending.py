"""Means and bookings on the pages: found, looked at, asked for, answered; nothing signed unseen."""

from __future__ import annotations

import vobject

from tests.web.site import Page, Site


async def _booking(desk: Site, state: str) -> Page:
    line = next(each for each in desk.office.lender.lines() if each.state == state)
    return await desk.get(f"/fr/reservation/{line.id}")


async def test_means_are_found_with_distance_and_what_is_free(site: Site) -> None:
    page = await site.get("/fr/moyens?q=camionnette&near=Nantes&on=2026-11-24")
    words = page.words
    for told in ("2 moyens", "près de Nantes", "à 5,5 km", "libre (2/2)", "pas libre", "par une personne"):
        assert told in words, told
    assert "Un autre ne dit pas où il est" in words


async def test_a_time_that_is_none_is_told_in_its_form(site: Site) -> None:
    page = await site.get("/en/means?on=x")
    assert page.status == 400
    assert "Give a day." in page.words


async def test_a_place_nobody_knows_is_said_to_be_unknown(site: Site) -> None:
    page = await site.get("/en/means?q=zzz&near=Ys")
    assert "It is not known on this computer where “Ys” is" in page.words


async def test_the_week_can_be_read_as_a_table_and_as_a_list(site: Site) -> None:
    page = await site.get(f"/fr/moyens/{site.office.lender.press.id}")
    table = page.find("table", class_="week")
    assert [cell.get("scope") for cell in table.walk() if cell.tag == "th"].count("row") == 7
    assert all(cell.get("data-label") for cell in table.walk() if cell.tag == "td")
    assert "La même semaine, en liste" in page.words
    assert "promis deux fois" in page.words
    assert not page.all("form", method="post")  # a reader asks for nothing


async def test_a_request_is_seen_before_it_is_signed_and_signed_as_it_was_seen(desk: Site) -> None:
    press = desk.office.lender.press.id
    page = await desk.get(f"/fr/moyens/{press}")
    seen = await desk.submit(
        page, "/demander", start="2026-11-24T08:00", end="2026-11-24T12:00", purpose="Nos pommes"
    )
    assert "Tout le monde pourra la lire" in seen.words
    assert desk.office.acts == []
    await desk.submit(seen, "/demander", "sign")
    [(name, rec, asked)] = desk.office.acts
    assert (name, rec) == ("book_request", press)
    assert asked["start"] == "2026-11-24T08:00"
    assert asked["expires"]  # counted once, when it was shown


async def test_what_is_wrong_with_a_request_is_told_in_its_form(desk: Site) -> None:
    page = await desk.get(f"/fr/moyens/{desk.office.lender.press.id}/demander")
    wrong = await desk.submit(page, "/demander", start="", end="")
    assert wrong.status == 400
    assert "il faut un début." in wrong.words
    assert desk.office.acts == []


async def test_a_request_is_accepted_once_it_was_seen(desk: Site) -> None:
    page = await _booking(desk, "requested")
    address = page.address.rpartition("/")[2]
    seen = await desk.submit(page, address, act="accept")
    assert "Ce qui sera signé" in seen.words
    assert desk.office.acts == []
    await desk.submit(seen, address, "sign")
    [(name, act, _, more)] = desk.office.acts
    assert (name, act, more) == ("book_act", "accept", {})


async def test_refusing_asks_why(desk: Site) -> None:
    page = await _booking(desk, "requested")
    address = page.address.rpartition("/")[2]
    wrong = await desk.submit(page, address, act="refuse")
    assert wrong.status == 400
    assert "Pourquoi ?" in wrong.words
    seen = await desk.submit(page, address, act="refuse", reason="Déjà pris")
    await desk.submit(seen, address, "sign")
    assert desk.office.acts[0][:2] == ("book_act", "refuse")
    assert desk.office.acts[0][3] == {"reason": "Déjà pris"}


async def test_what_cannot_be_said_any_more_is_not_signed(desk: Site) -> None:
    page = await _booking(desk, "requested")
    address = page.address.rpartition("/")[2]
    answer = await desk.submit(page, address, act="checkout")
    assert "Cela ne peut plus être dit" in answer.words
    assert desk.office.acts == []


async def test_a_session_is_needed_to_see_the_desk(site: Site) -> None:
    page = await site.get("/fr/reservations")
    assert page.status in (401, 403)
    assert "session" in page.words.lower()


async def test_the_feed_is_a_calendar_for_everybody(site: Site) -> None:
    page = await site.get(f"/calendar/{site.office.lender.press.id}.ics", plain=True)
    assert page.headers["Content-Type"].startswith("text/calendar")
    assert vobject.readOne(page.text).name == "VCALENDAR"
