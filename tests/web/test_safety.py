"""Nobody but a page of this node, in a session of this browser, changes anything."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from mutunode.web import guard
from mutunode.web.sessions import LINK_SECONDS, TRIES_PER_MINUTE_MAX, Sessions, TooManyTries
from mutunode.web.settings import WebSettings
from tests.web.conftest import MakeSite
from tests.web.site import Site

FOREIGN = (
    "evil.test",
    "evil.test:8420",
    "127.0.0.1.evil.test",
    "localhost.evil.test",
    "",
    "[::1",
    "192.0.2.7",
)


@pytest.mark.parametrize("host", FOREIGN)
async def test_a_page_that_rebinds_its_name_reads_nothing(site: Site, host: str) -> None:
    page = await site.get("/fr/chercher", {"Host": host})
    # an empty Host is refused by aiohttp itself
    assert page.status in (400, 421)
    assert "Fabrique" not in page.text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9999", "[::1]:8420", "localhost:8420"])
async def test_this_computer_is_known_by_its_usual_names(site: Site, host: str) -> None:
    assert (await site.get("/fr/chercher", {"Host": host})).status == 200


async def test_a_declared_name_is_known(make_site: MakeSite) -> None:
    site = await make_site(allowed_hosts=("commons.example", "other.example:8443"))
    assert (await site.get("/healthz", {"Host": "commons.example:1234"})).status == 200
    assert (await site.get("/healthz", {"Host": "other.example:8443"})).status == 200
    assert (await site.get("/healthz", {"Host": "other.example:1"})).status == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},  # another port of this very machine
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_a_form_of_another_site_changes_nothing(desk: Site, headers: dict[str, str]) -> None:
    page = await desk.get("/fr/reseau")
    csrf = page.find("input", name="csrf").get("value")
    answer = await desk.post("/fr/reseau", {"csrf": csrf}, headers)
    assert answer.status == 403
    assert desk.office.acts == []


@pytest.mark.parametrize("csrf", ["", "x" * 43, None])
async def test_a_form_without_its_token_changes_nothing(desk: Site, csrf: str | None) -> None:
    answer = await desk.post("/fr/reseau", {} if csrf is None else {"csrf": csrf})
    assert answer.status == 403
    assert "n’appartient pas à votre session" in answer.words
    assert desk.office.acts == []


async def test_the_token_of_another_session_opens_nothing(desk: Site) -> None:
    own = desk.prefix
    other = (await desk.get("/fr/reseau")).find("input", name="csrf").get("value")
    await desk.log_in()
    assert desk.prefix != own
    assert (await desk.post("/fr/reseau", {"csrf": other})).status == 403


async def test_an_address_without_its_cookie_opens_nothing(desk: Site, make_site: MakeSite) -> None:
    stranger = await make_site()
    page = await stranger.get(f"{desk.prefix}/fr/chercher")
    assert page.address == "/fr/chercher"  # the same page, as everybody reads it
    assert "Publier" not in page.find("nav").words()
    assert (await stranger.get(f"{desk.prefix}/fr/publier")).status == 403


async def test_a_cookie_alone_opens_nothing(desk: Site, make_site: MakeSite) -> None:
    """What another port of this machine would see of a session, were it ever sent there."""
    stolen = {cookie.key: cookie.value for cookie in desk.client.session.cookie_jar}
    assert stolen
    name, value = next(iter(stolen.items()))
    for path in ("/fr/publier", "/fr/a-traiter", "/s/guess/fr/publier"):
        page = await desk.get(path, {"Cookie": f"{name}={value}"}, plain=True)
        assert page.status == 403, path
        assert not page.all("input", name="csrf")


async def test_another_port_sees_no_credential(desk: Site) -> None:
    for cookie in desk.client.session.cookie_jar:
        assert cookie["path"] == desk.prefix + "/"  # which nobody else knows
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"
        assert cookie.key.endswith(str(desk.client.port))


async def test_a_link_opens_one_session_once(site: Site) -> None:
    token = site.sessions.make_link()
    assert (await site.get(f"/session/{token}")).status == 200
    again = await site.get(f"/session/{token}")
    assert again.status == 403
    assert "a déjà servi" in again.words


async def test_logging_out_ends_the_session(desk: Site) -> None:
    page = await desk.get("/fr/session")
    await desk.submit(page, "/fr/session/fermer")
    assert (await desk.get("/fr/publier")).status == 403


async def test_what_was_typed_survives_a_session_that_is_over(desk: Site) -> None:
    session = desk.prefix
    page = await desk.get("/fr/publier/resource")
    desk.sessions._sessions.clear()
    answer = await desk.submit(
        page, "/fr/publier/resource", "preview", **{"title.fr": "Des heures de travail"}
    )
    assert answer.status == 403
    assert "Des heures de travail" in answer.text
    assert answer.address.startswith(session)


def test_a_link_lives_ten_minutes() -> None:
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    token = sessions.make_link()
    now[0] = LINK_SECONDS + 1.0
    assert sessions.open(token, "here") is None


def test_links_are_not_guessed() -> None:
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    for number in range(TRIES_PER_MINUTE_MAX):
        assert sessions.open(f"guess{number}", "here") is None
    token = sessions.make_link()
    with pytest.raises(TooManyTries):
        sessions.open(token, "here")
    assert sessions.open(token, "elsewhere") is not None
    now[0] = 61.0
    assert sessions.open(sessions.make_link(), "here") is not None


async def test_too_many_tries_are_told(site: Site) -> None:
    statuses = [(await site.get("/session/nothing")).status for _ in range(TRIES_PER_MINUTE_MAX + 1)]
    assert statuses == [403] * TRIES_PER_MINUTE_MAX + [429]


def _request(host: str, remote: str) -> web.Request:
    request = make_mocked_request("GET", "/", headers={"Host": host})
    return request.clone(remote=remote)


@pytest.mark.parametrize(
    ("host", "remote", "proxy", "allowed"),
    [
        ("127.0.0.1:8420", "127.0.0.1", False, True),
        ("localhost:8420", "::1", False, True),
        ("192.168.1.5:8420", "192.168.1.9", False, False),
        ("127.0.0.1:8420", "192.168.1.9", False, False),
        ("commons.example", "127.0.0.1", False, False),  # behind a proxy nobody declared
        ("commons.example", "127.0.0.1", True, True),
    ],
)
def test_writing_happens_here_or_behind_a_declared_proxy(
    host: str, remote: str, proxy: bool, allowed: bool
) -> None:
    settings = WebSettings(behind_tls_proxy=proxy, allowed_hosts=("commons.example",))
    assert guard.may_write_here(_request(host, remote), settings) is allowed


async def test_behind_a_proxy_the_cookie_and_the_origin_are_those_of_https(make_site: MakeSite) -> None:
    site = await make_site(behind_tls_proxy=True, allowed_hosts=("commons.example",))
    token = site.sessions.make_link()
    answer = await site.client.get(
        f"/session/{token}", headers={"Host": "commons.example"}, allow_redirects=False
    )
    assert "Secure" in answer.headers["Set-Cookie"]
    path = f"/s/{answer.headers['Location'].split('/')[2]}/fr/reseau"
    ours = await site.post(path, {}, {"Host": "commons.example", "Origin": "https://commons.example"})
    theirs = await site.post(path, {}, {"Host": "commons.example", "Origin": "http://commons.example"})
    assert "Votre session est close" in ours.words  # the cookie only travels over https
    assert "d’un autre site" in theirs.text


@pytest.mark.parametrize(
    ("path", "fields", "status", "says"),
    [
        ("/fr/reseau/adresse", {"address": "x" * 600_000}, 413, "600"),
        ("/fr/reseau/adresse", {f"f{n}": "" for n in range(600)}, 400, "plus de 500 champs"),
        ("/fr/reseau/adresse", {"n" * 300: ""}, 400, "abîmé"),
    ],
)
async def test_a_form_beyond_its_limits_is_told_which(
    desk: Site, path: str, fields: dict[str, str], status: int, says: str
) -> None:
    page = await desk.post(path, fields)
    assert (page.status, says in page.words) == (status, True), page.words
    assert desk.office.acts == []


async def test_a_body_of_unknown_length_is_not_waited_for(desk: Site) -> None:
    async def drip() -> object:
        yield b"csrf="

    answer = await desk.client.post(f"{desk.prefix}/fr/reseau", data=drip())
    assert answer.status == 411
