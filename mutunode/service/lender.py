"""The part of the office for means and bookings: what pages, commands and programs ask of it."""

from __future__ import annotations

from typing import Any

from mutunode.service import agenda, booking, means, nearby, publishing
from mutunode.service.desk import Desk
from mutunode.service.lendshapes import Blocked, BookingLine, Bookings, MeansAnswer, MeansPage
from mutunode.service.published import Published
from mutunode.service.shapes import Preview


class Lender:
    """Means and bookings; each method may be called from any thread."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # --- reading ---------------------------------------------------------------------------------
    def find(self, reader_language: str = "", **asked: Any) -> MeansAnswer:
        """Means by what, where and when (``nearby.Asked``)."""
        given = {name: value for name, value in asked.items() if value not in ("", None)}
        with self._desk.reader.at_once():
            return nearby.find(
                self._desk, nearby.Asked(**given, reader_language=self._language(reader_language))
            )

    def page(self, rec: str, day: str = "", reader_language: str = "") -> MeansPage:
        """One means, with the week that a day lies in."""
        with self._desk.reader.at_once():
            return means.page(self._desk, rec, day, self._language(reader_language))

    def booking(self, rec: str, reader_language: str = "") -> BookingLine:
        """One booking."""
        with self._desk.reader.at_once():
            return means.show_booking(self._desk, rec, self._language(reader_language))

    def bookings(self, reader_language: str = "") -> Bookings:
        """What we asked, and what is asked of us."""
        with self._desk.reader.at_once():
            return means.bookings(self._desk, self._language(reader_language))

    def calendar(self, id: str, language: str = "") -> bytes:
        """A means, or all of an organisation, as an iCalendar file."""
        with self._desk.reader.at_once():
            return agenda.feed(self._desk, id, self._language(language))

    # --- writing -----------------------------------------------------------------------------------
    def request_fields(self, rec: str, **asked: Any) -> dict[str, Any]:
        """The input of a ``booking``."""
        return booking.request_fields(self._desk.inside, rec, **asked)

    def request(self, rec: str, **asked: Any) -> Published:
        """Ask for a means."""
        return publishing.publish(self._desk, "booking", self.request_fields(rec, **asked))

    def preview_request(self, rec: str, reader_language: str = "", **asked: Any) -> Preview:
        """What ``request`` would sign."""
        fields = self.request_fields(rec, **asked)
        return publishing.preview(self._desk, "booking", fields, self._language(reader_language))

    def act_fields(self, act: str, rec: str, **more: Any) -> dict[str, Any]:
        """The input of a ``booking_act``."""
        return booking.act_fields(self._desk.inside, act, rec, **more)

    def act(self, act: str, rec: str, **more: Any) -> Published:
        """Say what is ours to say of a booking."""
        return publishing.publish(self._desk, "booking_act", self.act_fields(act, rec, **more))

    def preview_act(self, act: str, rec: str, reader_language: str = "", **more: Any) -> Preview:
        """What ``act`` would sign."""
        fields = self.act_fields(act, rec, **more)
        return publishing.preview(self._desk, "booking_act", fields, self._language(reader_language))

    def block(self, fields: dict[str, Any]) -> Blocked:
        """Say that a means of ours cannot be had; a repair releases what was booked then."""
        return means.block(self._desk, fields)

    def take_hours(self, rec: str, text: str, dry_run: bool = False) -> agenda.Hours:
        """Opening hours and absences from an iCalendar file."""
        return agenda.take_hours(self._desk, rec, text, dry_run=dry_run)

    def _language(self, reader_language: str) -> str:
        return reader_language or self._desk.language
