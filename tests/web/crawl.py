"""Walk through every page that can be reached by links, as a reader would."""

from __future__ import annotations

from collections import Counter, deque

from tests.web.site import Page, Site

PAGES_MAX = 600
WEEKS_MAX = 3


async def crawl(site: Site, *starts: str) -> dict[str, Page]:
    """Address → page, of all pages reached from the starts."""
    found: dict[str, Page] = {}
    weeks: Counter[str] = Counter()  # a calendar goes on for ever: three weeks of each are enough
    waiting = deque(site.prefix + start for start in starts)
    while waiting:
        address = waiting.popleft()
        path, _, query = address.partition("?")
        weeks[path] += "day=" in query or "start=" in query
        if address in found or weeks[path] > WEEKS_MAX:
            continue
        assert len(found) < PAGES_MAX, f"no end of pages: {list(found)[-5:]}"
        page = await site.get(address, plain=True)
        found[address] = page
        waiting.extend(link.partition("#")[0] for link in page.links() if _is_ours(link))
    return found


def _is_ours(link: str) -> bool:
    return link.startswith("/") and "/api/" not in link and "/session/close" not in link
