"""The API says what the pages say, as its own description tells."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from mutunode.service import shapes
from tests.web import catalogue
from tests.web.fake_office import FakeOffice
from tests.web.fake_shelf import org_id
from tests.web.site import Site
from tests.web.test_reading import record_of


async def _json(site: Site, path: str, language: str = "fr") -> Any:
    page = await site.get(path, {"Accept-Language": language})
    assert page.headers["Content-Type"].startswith("application/json"), page.text
    return json.loads(page.text)


async def test_search_answers_as_the_contract_says(site: Site) -> None:
    found = await _json(site, "/api/v1/search?q=nvda&sense=aval&limit=1")
    assert found["total"] == 1
    hit = found["hits"][0]
    assert hit["id"].startswith("rec_")
    assert {
        "kind",
        "sense",
        "title",
        "snippet",
        "org",
        "org_name",
        "language",
        "license",
        "usage",
        "score",
    } <= set(hit)
    assert {"confirmed", "declared"} <= set(hit["usage"])
    assert {"sense", "kind", "language", "org"} <= set(found["facets"])


async def test_filters_may_repeat(site: Site) -> None:
    both = f"org={org_id(catalogue.RELAIS)}&org={org_id(catalogue.PASSERELLE)}&kind=resource"
    assert (await _json(site, f"/api/v1/search?{both}"))["total"] == 3


async def test_every_answer_is_its_struct(site: Site, office: FakeOffice) -> None:
    rec, org = record_of(office, "L’adaptation").id, org_id(catalogue.RELAIS)
    for path, shape in (
        ("search", shapes.SearchAnswer),
        (f"records/{rec}", shapes.Record),
        (f"records/{rec}/usage", shapes.UsageAnswer),
        ("organisations", tuple[shapes.Organisation, ...]),
        (f"organisations/{org}", shapes.OrganisationPage),
        ("network", shapes.Network),
        ("status", shapes.Status),
    ):
        msgspec.convert(await _json(site, f"/api/v1/{path}"), shape)


async def test_the_description_names_every_address_and_resolves(site: Site) -> None:
    described = await _json(site, "/api/v1/openapi.json")
    assert described["openapi"] == "3.1.0"
    routes = {
        route.resource.canonical.removeprefix("/api/v1")
        for route in site.client.app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/api/v1/")
    }
    assert set(described["paths"]) == routes - {"/openapi.json"}
    text = json.dumps(described)
    for ref in set(text.split('"#/components/schemas/')[1:]):
        assert ref.split('"')[0] in described["components"]["schemas"]


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("search?limit=101", 400, "limit"),
        ("search?limit=-1", 400, "limit"),
        ("search?offset=x", 400, "offset"),
        ("search?sort=colour", 400, "sort"),
        ("search?colour=red", 400, "colour"),
        ("records/rec_" + "a" * 52, 404, None),
        ("schema/spaceship", 404, None),
        ("nothing", 404, None),
    ],
)
async def test_errors_name_what_is_wrong(site: Site, path: str, status: int, field: str | None) -> None:
    page = await site.get(f"/api/v1/{path}")
    assert page.status == status
    error = json.loads(page.text)["error"]
    assert error["code"]
    if field is not None:
        assert error["fields"][0]["field"] == field
        assert field in error["fr"]
        assert field in error["en"]


async def test_other_sites_read_nothing_through_a_browser(site: Site) -> None:
    page = await site.get("/api/v1/search", {"Origin": "http://evil.test"})
    assert "Access-Control-Allow-Origin" not in page.headers
    assert page.headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_nothing_can_be_written_through_it(site: Site) -> None:
    answer = await site.client.post("/api/v1/search", data={})
    assert answer.status == 405


async def test_health_readiness_and_figures(site: Site) -> None:
    assert (await site.get("/healthz")).text == "ok\n"
    assert (await site.get("/readyz")).text == "ready\n"
    await site.get("/fr/nulle-part")
    figures = (await site.get("/metrics")).text
    assert "mutunode_records 29.0" in figures
    assert 'mutunode_web_requests_total{status="4xx"} 1.0' in figures
    assert "mutunode_links_connected 0.0" in figures
