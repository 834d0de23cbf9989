"""Means and bookings between nodes: offered, asked, answered, and what each node writes by itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest
import vobject

from mutunode.service.lendshapes import BookingLine
from mutunode.service.nearby import most_central
from mutunode.service.noting import Noter
from mutunode.turns import NotSigned, Sight
from tests.service.offices import Node, refused, until

Arrives = Callable[[Node, str], None]
DAY = dt.date.today() + dt.timedelta(days=10)
MORNING = {"start": f"{DAY} 08:00", "end": f"{DAY} 12:00"}
AFTERNOON = {"start": f"{DAY} 14:00", "end": f"{DAY} 18:00"}


def lend(node: Node, name: str = "Pressoir mobile", **more: Any) -> str:
    """Offer a means."""
    return node.office.publish("means", {"name": name, "type": "equipment", **more}).id


def ask(node: Node, means: str, when: dict[str, str] = MORNING, **more: Any) -> str:
    """Ask for it."""
    return node.office.lender.request(means, **when, **more).id


def booking(node: Node, rec: str) -> BookingLine:
    """A booking as a session of a node sees it."""
    return node.office.inside.lender.booking(rec)


def comes_to(node: Node, rec: str, state: str, **also: Any) -> BookingLine:
    """Wait until a node shows a booking so."""

    def shows() -> BookingLine | None:
        if not node.knows(rec):
            return None
        shown = booking(node, rec)
        fits = shown.state == state and all(getattr(shown, name) == value for name, value in also.items())
        return shown if fits else None

    found = until(shows, f"{rec} is {state} {also} at {node.address}")
    assert isinstance(found, BookingLine)
    return found


@pytest.fixture
def lent(two: tuple[Node, Node], arrives: Arrives) -> tuple[Node, Node, str]:
    """Jardin lends a press, and Atelier knows of it."""
    jardin, atelier = two
    means = lend(jardin)
    arrives(atelier, means)
    return jardin, atelier, means


def test_the_whole_way_between_two_nodes(lent: tuple[Node, Node, str]) -> None:
    jardin, atelier, means = lent
    rec = ask(atelier, means, purpose="Presser nos pommes")
    asked = comes_to(jardin, rec, "requested", received=True)
    assert (asked.org_name, asked.purpose, asked.acts, asked.owed) == (
        "Atelier", {"fr": "Presser nos pommes"}, ("accept", "refuse"), "answer",
    )  # fmt: skip
    [waiting] = jardin.office.todo().waiting
    assert (waiting.about, waiting.id, waiting.type) == ("booking", rec, "answer")
    comes_to(atelier, rec, "requested", received=True, acts=("withdraw",))
    assert [each.id for each in atelier.office.todo().asked] == [rec]

    jardin.office.lender.act("accept", rec)
    comes_to(atelier, rec, "accepted", confirmed=True)
    jardin.office.lender.act("checkout", rec)
    comes_to(atelier, rec, "checked_out", confirmed=False, owed="pickup")
    atelier.office.lender.act("pickup", rec)
    comes_to(jardin, rec, "checked_out", confirmed=True)
    atelier.office.lender.act("give_back", rec, condition="damaged", note="Une roue est voilée")
    back = comes_to(jardin, rec, "returned", confirmed=False, owed="return")
    assert (back.condition, back.notes) == (
        {"give_back": "damaged"},
        {"give_back": {"fr": "Une roue est voilée"}},
    )
    jardin.office.lender.act("return", rec, condition="damaged", note="Vu ensemble")
    for node in (jardin, atelier):
        closed = comes_to(node, rec, "closed", confirmed=True)
        assert "Abîmé, disent les deux." in closed.told["fr"]


def test_the_same_time_is_not_accepted_twice(make: Callable[[str], Node], arrives: Arrives) -> None:
    jardin, atelier, cantine = make("Jardin"), make("Atelier"), make("Cantine")
    for other in (atelier, cantine):
        jardin.meets(other)
    means = lend(jardin)
    recs = []
    for other in (atelier, cantine):
        arrives(other, means)
        recs.append(ask(other, means))
    for rec in recs:
        comes_to(jardin, rec, "requested", received=True)
    jardin.office.lender.act("accept", recs[0])
    size = jardin.size()
    with refused("over_capacity", 4) as found:
        jardin.office.lender.act("accept", recs[1])
    assert "0 sur 1" in found.value.fr
    assert jardin.size() == size
    jardin.office.lender.act("refuse", recs[1], reason="Déjà pris")
    told = comes_to(cantine, recs[1], "refused")
    assert told.reason == {"fr": "Déjà pris"}


def test_what_is_taken_cannot_be_asked_by_who_knows(lent: tuple[Node, Node, str]) -> None:
    jardin, atelier, means = lent
    rec = ask(atelier, means)
    comes_to(jardin, rec, "requested")
    jardin.office.lender.act("accept", rec)
    comes_to(atelier, rec, "accepted")
    with refused("over_capacity", 4):
        ask(atelier, means)
    ask(atelier, means, AFTERNOON)


@pytest.mark.parametrize(
    ("offer", "when", "code"),
    [
        ({"quota": {"hours_max": 2}}, MORNING, "quota_hours"),
        ({"quota": {"ahead_days_max": 3}}, MORNING, "quota_ahead"),
        ({"availability": "sa,su 09:00-10:00"}, MORNING, "outside_availability"),
        ({}, {"start": "2020-01-01 08:00", "end": "2020-01-01 12:00"}, "in_the_past"),
    ],
)
def test_what_the_owner_does_not_offer_is_refused_by_name(
    two: tuple[Node, Node], arrives: Arrives, offer: dict[str, Any], when: dict[str, str], code: str
) -> None:
    jardin, atelier = two
    means = lend(jardin, **offer)
    arrives(atelier, means)
    if code == "in_the_past":
        when = {**when, "expires": "2020-01-01 07:00"}
    with refused(code, 4):
        ask(atelier, means, when)


def test_only_so_many_bookings_of_one_organisation_are_open(two: tuple[Node, Node], arrives: Arrives) -> None:
    jardin, atelier = two
    means = lend(jardin, quota={"open_max": 1})
    arrives(atelier, means)
    first = ask(atelier, means)
    with refused("quota_open", 4):
        ask(atelier, means, AFTERNOON)
    atelier.office.lender.act("withdraw", first)
    comes_to(atelier, first, "withdrawn")
    ask(atelier, means, AFTERNOON)


def test_one_organisation_does_not_move_a_town() -> None:
    rennes = {"label": "Rennes", "lat": "48.117", "lon": "-1.678"}
    others = [{**rennes, "lat": "0", "lon": "0"}, rennes, {**rennes, "lat": "48.11"}]
    assert most_central(None, others) in others[1:]
    assert most_central(others[2], others) == others[2]
    assert most_central(None, []) is None


def test_days_and_times_beyond_any_calendar_are_refused_in_words(jardin: Node) -> None:
    means = lend(jardin, availability="mo-su 08:00-18:00")
    for day in ("9999-12-31", "0001-01-01", "2026-02-30", "nothing"):
        with refused("bad_day", 2):
            jardin.office.lender.page(means, day)
    with refused("bad_time", 2):
        jardin.office.lender.find(on="9999-12-31")
    with refused("invalid", 2):
        ask(jardin, means, {"start": "9999-12-24 08:00", "end": "9999-12-31 12:00"})


def test_everyone_says_only_what_is_theirs_to_say(lent: tuple[Node, Node, str]) -> None:
    jardin, atelier, means = lent
    rec = ask(atelier, means)
    comes_to(jardin, rec, "requested")
    with refused("not_the_owner", 4):
        atelier.office.lender.act("accept", rec)
    with refused("not_the_requester", 4):
        jardin.office.lender.act("withdraw", rec)
    with refused("not_in_this_state", 4):
        jardin.office.lender.act("return", rec, condition="ok")
    with refused("use_book", 4):
        atelier.office.withdraw(rec, "author")
    with refused("booking_is_open", 4):
        atelier.office.withdraw(rec, "author", erase=True)
    with refused("invalid", 2):
        jardin.office.lender.act("refuse", rec)
    with refused("not_found", 3):
        jardin.office.lender.act("accept", "rec_" + "a" * 52)


def test_yes_at_once_where_the_owner_said_so_and_no_where_it_is_taken(
    make: Callable[[str], Node], arrives: Arrives
) -> None:
    jardin, atelier, cantine = make("Jardin"), make("Atelier"), make("Cantine")
    for other in (atelier, cantine):
        jardin.meets(other)
    means = lend(jardin, approval="auto", quota={"hours_max": 4})
    for other in (atelier, cantine):
        arrives(other, means)
    for other in (atelier, cantine):  # neither sees the other
        jardin._cables.unplug(other)
    recs = {other: ask(other, means) for other in (atelier, cantine)}
    for other in (atelier, cantine):
        jardin._cables.plug(other)
        other.meets(jardin)
    states = until(
        lambda: (
            all(jardin.knows(rec) for rec in recs.values())
            and sorted(booking(jardin, rec).state for rec in recs.values()) == ["accepted", "refused"]
        ),
        "one yes and one no",
    )
    assert states
    for other, rec in recs.items():
        comes_to(other, rec, booking(jardin, rec).state)
    lost = next(rec for rec in recs.values() if booking(jardin, rec).state == "refused")
    assert booking(jardin, lost).reason == {"fr": "Le créneau est déjà pris."}


def test_a_lapsed_request_is_not_accepted(lent: tuple[Node, Node, str]) -> None:
    jardin, atelier, means = lent
    rec = ask(atelier, means)
    comes_to(jardin, rec, "requested")
    jardin.clock.ahead_seconds = 4 * 86_400
    assert booking(jardin, rec).state == "expired"
    with refused("request_lapsed", 4):
        jardin.office.lender.act("accept", rec)


def test_a_repair_releases_with_its_reason_and_closing_waits(lent: tuple[Node, Node, str]) -> None:
    jardin, atelier, means = lent
    rec = ask(atelier, means)
    comes_to(jardin, rec, "requested")
    jardin.office.lender.act("accept", rec)
    whole = {"means": means, "slot": {"start": str(DAY), "end": str(DAY)}}
    with refused("block_over_bookings", 4):
        jardin.office.publish("means_block", {**whole, "what": "closed"})
    done = jardin.office.lender.block({**whole, "what": "repair", "note": "Courroie à changer"})
    assert done.released == (rec,)
    told = comes_to(atelier, rec, "released")
    assert told.reason == {"fr": "Courroie à changer"}
    with refused("over_capacity", 4):
        ask(atelier, means)
    jardin.office.withdraw(done.id, "error")
    until(lambda: atelier.office.lender.page(means, str(DAY)).week[DAY.weekday()].parts[0].state == "free")
    ask(atelier, means)


def test_a_block_of_others_is_refused(lent: tuple[Node, Node, str]) -> None:
    _, atelier, means = lent
    with refused("not_ours", 4):
        atelier.office.lender.block({"means": means, "slot": f"{DAY} 08:00/{DAY} 10:00", "what": "closed"})


def test_acts_on_bookings_are_not_imported_in_a_batch(lent: tuple[Node, Node, str]) -> None:
    jardin, _, means = lent
    line = f'{{"kind": "booking", "means": "{means}"}}'
    imported = jardin.import_text(line, kind="booking")
    assert (imported.created, len(imported.bad)) == (0, 1)
    assert "un à un" in imported.bad[0].fr


def test_each_side_notes_what_the_other_did_once(lent: tuple[Node, Node, str]) -> None:
    jardin, atelier, means = lent
    rec = ask(atelier, means)
    comes_to(jardin, rec, "requested", received=True)
    jardin.office.lender.act("accept", rec)
    comes_to(atelier, rec, "accepted")
    until(lambda: len(atelier.engine.reader.of_kind("cite", atelier.keys.org)) == 1, "noted there")
    for node in (jardin, atelier):
        for _ in range(3):
            node.engine.noter.step()
    assert len(jardin.engine.reader.of_kind("cite", jardin.keys.org)) == 1
    assert len(atelier.engine.reader.of_kind("cite", atelier.keys.org)) == 1


def test_a_node_that_may_not_sign_takes_note_later(lent: tuple[Node, Node, str]) -> None:
    jardin, atelier, means = lent
    jardin.engine.noter.stop()
    rec = ask(atelier, means)
    comes_to(jardin, rec, "requested", received=False)

    class Closed:
        sight = Sight(reason="behind")

        def act(self, job: Any) -> Any:
            raise NotSigned("behind")

    closed = Noter(msgspec.structs.replace(jardin.office.desk, turns=Closed()))
    assert not closed.step()
    Closed.sight = Sight(may_sign=True)
    with pytest.raises(NotSigned):
        closed.step()
    assert not booking(jardin, rec).received
    assert Noter(jardin.office.desk).step()
    assert booking(jardin, rec).received


# --- what only two may read --------------------------------------------------------------------------


def test_where_the_calendar_says_only_occupied_requests_and_answers_are_sealed(
    make: Callable[[str], Node], arrives: Arrives
) -> None:
    jardin, atelier, cantine = make("Jardin"), make("Atelier"), make("Cantine")
    for other in (atelier, cantine):
        jardin.meets(other)
    cantine.meets(atelier)
    means = lend(jardin, calendar="occupied")
    for other in (atelier, cantine):
        arrives(other, means)
    published = atelier.office.lender.request(means, **MORNING, purpose="Entre nous")
    assert published.sealed_for == jardin.org
    rec = published.id
    until(lambda: jardin.knows(rec) and jardin.office.inside.show(rec).kind == "booking", "opened")
    comes_to(jardin, rec, "requested", received=True, private=True)
    assert jardin.office.lender.act("accept", rec).sealed_for == atelier.org
    until(lambda: booking_opened(atelier, rec, "accepted"), "answered in confidence")

    def public(node: Node) -> Any:
        return node.office.lender.page(means, str(DAY)).week[DAY.weekday()].parts[0]

    for node in (jardin, atelier, cantine):
        until(partial(_is, public, node, "occupied"), "everybody sees that it is taken")
        assert public(node).bookings == ()
        assert [block.what for block in public(node).blocks] == ["occupied"]
    inside = jardin.office.inside.lender.page(means, str(DAY)).week[DAY.weekday()].parts[0]
    assert (inside.state, inside.free, [each.org_name for each in inside.bookings]) == (
        "taken",
        0,
        ["Atelier"],
    )
    with refused("over_capacity", 4):
        ask(cantine, means)
    atelier.office.lender.act("withdraw", rec)
    for node in (jardin, cantine):
        until(partial(_is, public, node, "free"), "free again, for everybody")
    assert "Entre nous" not in repr(cantine.office.lender.page(means, str(DAY)))


def _is(part: Callable[[Node], Any], node: Node, state: str) -> bool:
    return bool(part(node).state == state)


def booking_opened(node: Node, rec: str, state: str) -> bool:
    """Whether a sealed booking shows so inside."""
    return node.office.inside.show(rec).kind == "booking" and booking(node, rec).state == state


# --- finding -------------------------------------------------------------------------------------------


def test_a_van_near_rennes_on_the_12th(make: Callable[[str], Node], arrives: Arrives) -> None:
    jardin, atelier, cantine = make("Jardin"), make("Atelier"), make("Cantine")
    jardin.meets(atelier)
    cantine.meets(atelier)
    near = lend(jardin, "Camionnette 12 m³", type="vehicle", place="Rennes (48.1173, -1.6778)")
    far = lend(cantine, "Camionnette", type="vehicle", place="Nantes (47.2184, -1.5536)")
    close = lend(cantine, "Camionnette à hayon", type="vehicle", place="Cesson (48.1212, -1.6030)")
    other = lend(cantine, "Salle du quai", type="room", place="Rennes")
    for rec in (near, far, close, other):
        arrives(atelier, rec)
    atelier.until_indexed()
    found = atelier.office.lender.find(q=f"camionnette près de Rennes le {DAY.day}")
    assert [hit.id for hit in found.hits] == [near, close]
    assert [hit.distance_km for hit in found.hits] == [0.0, 5.6]
    assert [hit.free for hit in found.hits] == [1, 1]
    assert (found.near["label"], found.words) == ("Rennes", "camionnette")
    rec = ask(atelier, near, {"start": f"{DAY} 07:00", "end": f"{DAY} 20:00"})
    comes_to(jardin, rec, "requested")
    jardin.office.lender.act("accept", rec)
    comes_to(atelier, rec, "accepted")
    found = atelier.office.lender.find(q="van", near="48.1173,-1.6778", on=str(DAY), type="vehicle")
    assert found.total == 0
    found = atelier.office.lender.find(near="48.1173,-1.6778", on=str(DAY), type="vehicle")
    assert [(hit.id, hit.free) for hit in found.hits] == [(close, 1), (near, 0)]
    assert found.hits[1].next_free is not None
    assert found.hits[1].next_free.start.startswith(f"{DAY}T20:00")
    wide = atelier.office.lender.find(near="Rennes", within_km=150.0)
    assert [hit.id for hit in wide.hits] == [near, close, far, other]
    assert atelier.office.lender.find(near="Saint-Malo").total == 0
    assert atelier.office.lender.find(org=cantine.org).total == 3


# --- calendars -------------------------------------------------------------------------------------------


def _events(node: Node, id: str) -> list[tuple[str, str]]:
    """(summary, status) of a feed, as another program reads it."""
    read = vobject.readOne(node.office.lender.calendar(id).decode())
    return sorted((event.summary.value, event.status.value) for event in getattr(read, "vevent_list", []))


def test_the_feed_of_a_means_and_of_an_organisation_is_read_by_another_program(
    lent: tuple[Node, Node, str],
) -> None:
    jardin, atelier, means = lent
    other = lend(jardin, "Salle")
    first, second = ask(atelier, means), ask(atelier, means, AFTERNOON)
    comes_to(jardin, first, "requested")
    comes_to(jardin, second, "requested")
    jardin.office.lender.act("accept", first)
    jardin.office.lender.block({"means": other, "slot": f"{DAY}/{DAY}", "what": "repair"})
    assert _events(jardin, means) == [("Demandé · Atelier", "TENTATIVE"), ("Réservé · Atelier", "CONFIRMED")]
    assert _events(jardin, jardin.org) == [
        ("Pressoir mobile · Demandé · Atelier", "TENTATIVE"),
        ("Pressoir mobile · Réservé · Atelier", "CONFIRMED"),
        ("Salle · En réparation", "CONFIRMED"),
    ]
    with refused("not_found", 3):
        jardin.office.lender.calendar("rec_" + "a" * 52)


def test_opening_hours_and_absences_come_from_a_calendar_once(jardin: Node) -> None:
    means = lend(jardin)
    text = (
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VAVAILABILITY\nUID:a\nDTSTAMP:20261101T000000Z\n"
        "BEGIN:AVAILABLE\nUID:b\nDTSTAMP:20261101T000000Z\nDTSTART;TZID=Europe/Paris:20261102T080000\n"
        "DTEND;TZID=Europe/Paris:20261102T180000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU\nEND:AVAILABLE\n"
        "END:VAVAILABILITY\nBEGIN:VEVENT\nUID:e\nDTSTAMP:20261101T000000Z\nDTSTART;VALUE=DATE:20271224\n"
        "DTEND;VALUE=DATE:20280102\nSUMMARY:Fermeture\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    dry = jardin.office.lender.take_hours(means, text, dry_run=True)
    assert (len(dry.availability), dry.closed, dry.blocks) == (1, 1, ())
    taken = jardin.office.lender.take_hours(means, text)
    assert len(taken.blocks) == 1
    page = jardin.office.lender.page(means, "2027-12-25")
    assert page.body["availability"] == [
        {"days": ["mo", "tu"], "from": "08:00", "to": "18:00", "since": "2026-11-02"}
    ]
    assert [block.what for block in page.blocks] == ["closed"]
    assert jardin.office.lender.take_hours(means, text).blocks == ()
    with refused("no_calendar", 2):
        jardin.office.lender.take_hours(means, "nothing of the kind")


def test_of_a_calendar_all_is_taken_that_can_be_or_nothing_and_never_what_it_is_for(jardin: Node) -> None:
    means = lend(jardin)

    def calendar(*days: tuple[str, str]) -> str:
        events = "".join(
            f"BEGIN:VEVENT\nUID:{start}\nDTSTART;VALUE=DATE:{start}\nDTEND;VALUE=DATE:{end}\n"
            "SUMMARY:Rendez-vous médical\nEND:VEVENT\n"
            for start, end in days
        )
        return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{events}END:VCALENDAR\n"

    size = jardin.size()
    jardin.office.lender.act("accept", ask(jardin, means))
    busy = (f"{DAY:%Y%m%d}", f"{DAY + dt.timedelta(1):%Y%m%d}")
    with refused("block_over_bookings", 4):
        jardin.office.lender.take_hours(means, calendar(("20271224", "20271225"), busy))
    assert jardin.size() == size + 2  # the request and its acceptance
    found = jardin.office.lender.take_hours(
        means,
        calendar(
            ("20271224", "20271225"),
            ("20280101", "20330101"),
            ("20200101", "20200102"),
            ("99991230", "99991231"),
        ),
    )
    assert (found.closed, found.left_out, len(found.blocks)) == (1, 2, 1)
    [block] = jardin.office.lender.page(means, "2027-12-24").blocks
    assert block.note == {}
