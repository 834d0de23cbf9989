"""Is it alive, is it ready, how much is there: for whoever watches over a node."""

from __future__ import annotations

import time

from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from mutunode.service.shapes import Status
from mutunode.web import visit as visits
from mutunode.web.clerk import ask
from mutunode.web.guard import Handler

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Meters:
    """The figures of one node, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def gauge(name: str, about: str) -> Gauge:
            return Gauge(f"mutunode_{name}", about, registry=self.registry)

        self.requests = Counter(
            "mutunode_web_requests", "Requests answered, by status class", ["status"], registry=self.registry
        )
        self.seconds = Histogram(
            "mutunode_web_request_seconds", "Time to answer a page", buckets=BUCKETS, registry=self.registry
        )
        self._records = gauge("records", "Records held")
        self._organisations = gauge("organisations", "Organisations known")
        self._links = gauge("links_connected", "Neighbours connected now")
        self._size = gauge("register_entries", "Entries of our own public register")
        self._holders = gauge("register_holders", "Organisations holding all we published")
        self._read_only = gauge("read_only", "1 while nothing can be signed")

    def take(self, status: Status) -> None:
        """Set the gauges."""
        self._records.set(status.records)
        self._organisations.set(status.organisations)
        self._links.set(sum(peer.state == "connected" for peer in status.peers))
        self._size.set(int(status.logs.get("public", {}).get("size", 0)))
        self._holders.set(status.holders)
        self._read_only.set(status.read_only)


METERS: web.AppKey[Meters] = web.AppKey("meters", Meters)


@web.middleware
async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count and time every answer."""
    meters = request.app[METERS]
    started = time.perf_counter()
    status = 500
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as error:
        status = error.status
        raise
    finally:
        meters.requests.labels(f"{status // 100}xx").inc()
        meters.seconds.observe(time.perf_counter() - started)


async def alive(request: web.Request) -> web.Response:
    """``/healthz``: the process answers."""
    return web.Response(text="ok\n")


async def ready(request: web.Request) -> web.Response:
    """``/readyz``: the store answers and the search has caught up."""
    status = await ask(visits.of(request).clerk.status)
    if not status.indexed:
        return web.Response(status=503, text="the search index is catching up\n")
    return web.Response(text="ready\n")


async def metrics(request: web.Request) -> web.Response:
    """``/metrics``, as Prometheus reads it."""
    meters = request.app[METERS]
    meters.take(await ask(visits.of(request).clerk.status))
    return web.Response(body=generate_latest(meters.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
