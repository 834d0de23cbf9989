"""What takes long to lay out keeps nobody else waiting."""

from __future__ import annotations

import threading

import pytest
from markupsafe import Markup

from mutunode.web import shown, text
from tests.web.fake_shelf import org_id
from tests.web.site import Site


async def test_what_others_wrote_is_laid_out_beside_the_thread_that_all_pages_wait_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """64 kB of brackets take Markdown a second."""
    laid_out_in, really = list[int](), text.markdown

    def markdown(given: str) -> Markup:
        laid_out_in.append(threading.get_ident())
        return really(given)

    monkeypatch.setattr(text, "markdown", markdown)
    monkeypatch.setattr(shown, "LINE_LENGTH_MAX", 0)  # as if all that was written were long
    resources = [entry.id for entry in site.office.entries if entry.kind == "resource"]
    authors = {org_id(entry.author) for entry in site.office.entries}
    for pages in (
        [f"/fr/fiche/{rec}" for rec in resources[:40]],
        [f"/fr/organisation/{org}" for org in authors],
        [f"/fr/moyens/{site.office.lender.press.id}"],
    ):
        laid_out_in.clear()
        for page in pages:
            assert (await site.get(page)).status == 200
        assert laid_out_in, f"nothing to lay out on {pages[0]}"
        assert threading.get_ident() not in laid_out_in
