"""The API described for programs, from the very structs that it answers with."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from aiohttp import web

from mutunode.service import shapes
from mutunode.web import visit as visits
from mutunode.web.api import reads

_ID = {
    "rec": "rec_…, or its unique beginning",
    "org": "org_…, or its unique beginning",
    "kind": "name of a kind",
}


class _Path(msgspec.Struct, frozen=True):
    path: str
    about: str
    shape: Any
    query: tuple[str, ...] = ()


_PATHS = (
    _Path(
        "/search",
        "Search records",
        shapes.SearchAnswer,
        ("q", *reads.FILTERS, "limit", "offset", "sort", *reads.WISHES),
    ),
    _Path("/records/{rec}", "One record", shapes.Record),
    _Path("/records/{rec}/usage", "Who uses a record", shapes.UsageAnswer),
    _Path("/organisations", "Organisations known here, this node's first", tuple[shapes.Organisation, ...]),
    _Path("/organisations/{org}", "One organisation", shapes.OrganisationPage),
    _Path("/network", "The network as seen from here", shapes.Network),
    _Path("/status", "How this node does", shapes.Status),
    _Path(
        "/todo", "What waits for a person here; within a session alone (/s/…/api/v1/todo)", shapes.TodoList
    ),
    _Path("/kinds", "The kinds of record, with their fields", list[dict[str, Any]]),
    _Path("/schema/{kind}", "JSON Schema of a kind", dict[str, Any]),
)


@cache
def document(version: str) -> dict[str, Any]:
    """OpenAPI 3.1."""
    template = "#/components/schemas/{name}"
    schemas, components = msgspec.json.schema_components(
        [each.shape for each in _PATHS], ref_template=template
    )
    paths = {each.path: {"get": _get(each, schema)} for each, schema in zip(_PATHS, schemas, strict=True)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mutunode",
            "version": version or "0",
            "description": "Public records held here, for reading. `Accept-Language` chooses fr or en.",
            "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        },
        "servers": [{"url": "/api/v1"}],
        "paths": paths,
        "components": {"schemas": {**components, "Error": _ERROR}},
    }


def _get(path: _Path, schema: dict[str, Any]) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "description": about, "schema": {"type": "string"}}
        for name, about in _ID.items()
        if f"{{{name}}}" in path.path
    ]
    parameters += [{"name": name, "in": "query", "schema": _query_schema(name)} for name in path.query]
    error = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    return {
        "summary": path.about,
        "operationId": path.path.strip("/").replace("/", "_").replace("{", "").replace("}", ""),
        "parameters": parameters,
        "responses": {
            "200": {"description": path.about, "content": {"application/json": {"schema": schema}}},
            "400": {"description": "A parameter cannot be used; the answer names it", **error},
            "404": {"description": "Nothing here has this id", **error},
        },
    }


def _query_schema(name: str) -> dict[str, Any]:
    if name in reads.FILTERS:
        return {"type": "array", "items": {"type": "string"}}
    if name in ("limit", "offset"):
        most = reads.LIMIT_MAX if name == "limit" else reads.OFFSET_MAX
        return {"type": "integer", "minimum": 0, "maximum": most}
    return {"type": "string"}


_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code"],
            "properties": {
                "code": {"type": "string"},
                "exit": {
                    "type": "integer",
                    "description": "exit code of the command line for the same refusal",
                },
                "fr": {"type": "string"},
                "en": {"type": "string"},
                "fields": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {name: {"type": "string"} for name in ("field", "fr", "en")},
                    },
                },
            },
        }
    },
}


async def show(request: web.Request) -> web.Response:
    """``/api/v1/openapi.json``"""
    return reads.answer(document(visits.of(request).settings.version))
