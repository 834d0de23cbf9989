"""Who may ask, and from where: checked before any page looks at a request.

A page of the open web can make a browser ask this node for anything. It cannot choose the Host header, which
stops DNS rebinding, nor Origin and Sec-Fetch-Site, which stop forged forms. Each is checked on its own, for
some browsers send one and not the others; the form's own token (`forms`) is a third lock behind them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from mutunode.web.settings import WebSettings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SETTINGS: web.AppKey[WebSettings] = web.AppKey("settings", WebSettings)
READING = frozenset({"GET", "HEAD"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
# For what others wrote: a document of its own, without scripts, forms, origin, and nothing to load.
SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"
POLICY_NAME = "Content-Security-Policy"
HEADERS = {
    POLICY_NAME: POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # not `no-referrer`: forms would then say `Origin: null`
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Every answer carries them, errors too (a signal, so that none escapes)."""
    for name, value in HEADERS.items():
        if name != POLICY_NAME or response.headers.get(POLICY_NAME) != SANDBOX:
            response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.pop("Server", None)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a foreign Host with 421, and a change asked for by another site with 403."""
    settings = request.app[SETTINGS]
    if not host_allowed(request, settings):
        return web.Response(status=421, text=_FOREIGN_HOST)
    if request.method not in READING and not comes_from_here(request, settings):
        return web.Response(status=403, text=_FOREIGN_ORIGIN)
    return await handler(request)


_FOREIGN_HOST = (
    "Ce nœud n’est pas connu sous ce nom. Son adresse est affichée à son démarrage ; un autre nom "
    "s’autorise par le réglage « web_hosts ».\n"
    "This node does not go by that name. Its address is printed when it starts; another name is allowed "
    "by the setting “web_hosts”.\n"
)
_FOREIGN_ORIGIN = (
    "Cette demande vient d’un autre site : rien n’a été changé. Ouvrez la page du nœud et recommencez.\n"
    "This request comes from another site: nothing was changed. Open the node’s own page and try again.\n"
)


def host_allowed(request: web.Request, settings: WebSettings) -> bool:
    """Loopback, the very address the connection came in on, or a name that was declared.

    An address cannot be rebound, a name can: names are therefore only those of the settings.
    """
    given = request.headers.get("Host", "")
    name = _host_name(given)
    if name is None:
        return False
    if name == "localhost" or _is_loopback(name) or name == _own_address(request):
        return True
    return given.lower() in settings.allowed_hosts or name in settings.allowed_hosts


def comes_from_here(request: web.Request, settings: WebSettings) -> bool:
    """Whether a state change was asked for by a page of ours, as far as the browser says."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return False
    origin = request.headers.get("Origin")
    return origin is None or origin == f"{settings.scheme}://{request.headers.get('Host', '')}"


def may_write_here(request: web.Request, settings: WebSettings) -> bool:
    """On this computer, or behind a declared TLS proxy: never over plain HTTP from elsewhere."""
    if settings.behind_tls_proxy:
        return True
    name = _host_name(request.headers.get("Host", "")) or ""
    return (name == "localhost" or _is_loopback(name)) and _is_loopback(request.remote or "")


def _host_name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _own_address(request: web.Request) -> str | None:
    name = request.transport.get_extra_info("sockname") if request.transport else None
    return str(name[0]).partition("%")[0] if isinstance(name, tuple) else None
