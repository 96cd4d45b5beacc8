"""The OpenAPI 3.1 document, made from the route table, the models and the handlers."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from agent.tools.office.catalog import OFFICE_TOOLS
from kernel_gateway import __version__
from kernel_gateway.events.kinds import KINDS
from kernel_gateway.http.json_handler import READING
from kernel_gateway.http.operations import Operation, operation_of
from kernel_gateway.http.schemas.responses.base import ErrorBody

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
REFERENCE = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)(\*?)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """An address and its handler.

    Attributes:
        template: The address, with ``{name}`` for one segment, ``{name*}`` for any number.
        handler: Its handler.
        websocket: It is upgraded to a websocket; docs/api.md describes it, not OpenAPI.
    """

    template: str
    handler: Any
    websocket: bool = False

    @property
    def pattern(self) -> str:
        """The regular expression tornado matches."""
        return _PARAMETER.sub(lambda m: "(.+)" if m.group(2) else "([^/]+)", self.template)


def make_document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the OpenAPI document of *routes*."""
    operations = [
        (route, method, found)
        for route in routes
        for method in METHODS
        if (found := operation_of(route.handler, method)) is not None
    ]
    schemas = _schemas([found for _, _, found in operations])
    paths: dict[str, dict[str, Any]] = {}
    for route, method, found in operations:
        address = _PARAMETER.sub(r"{\1}", route.template)
        described = _describe(route, method, found)
        paths.setdefault(address, {"parameters": _parameters(route)})[method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tallybook",
            "version": __version__,
            "description": "Auditable notebooks over workbooks. See docs/api.md for the events "
            "that websockets carry.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _schemas(operations: Sequence[Operation]) -> dict[str, Any]:
    models: dict[tuple[type[BaseModel], Any], None] = {(ErrorBody, "serialization"): None}
    for event in KINDS.values():  # the websocket's events, so that clients can generate types
        models[event, "serialization"] = None
    for tool in OFFICE_TOOLS.values():
        models[tool.arguments, "serialization"] = None
    for found in operations:
        if found.body is not None:
            models[found.body, "validation"] = None
        for model in found.returns.values():
            if isinstance(model, type):
                models[model, "serialization"] = None
    _, definitions = models_json_schema(list(models), ref_template=REFERENCE)
    schemas: dict[str, Any] = definitions["$defs"]
    schemas["Events"] = {
        "type": "object",
        "description": "What an event holds, by its kind.",
        "properties": {kind: _reference(model) for kind, model in KINDS.items()},
        "required": list(KINDS),
    }
    schemas["OfficeTools"] = {
        "type": "object",
        "description": "The arguments of an `office.requested`, by its tool.",
        "properties": {name: _reference(tool.arguments) for name, tool in OFFICE_TOOLS.items()},
        "required": list(OFFICE_TOOLS),
    }
    return schemas


def _reference(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": REFERENCE.format(model=model.__name__)}


def _parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
        }
        for name, _ in _PARAMETER.findall(route.template)
    ]


def _describe(route: Route, method: str, found: Operation) -> dict[str, Any]:
    public = getattr(route.handler, "public", False)
    scopes: Mapping[str, str] = getattr(route.handler, "scopes", {})
    scope = scopes.get(method, "read" if method in READING else "run")
    described: dict[str, Any] = {
        "summary": found.summary,
        "operationId": f"{method.lower()}{_PARAMETER.sub('', route.template).replace('/', '_')}",
        "description": "Open to all." if public else f"Scope: {scope}.",
        "responses": {
            **{str(status): _response(model) for status, model in found.returns.items()},
            "default": {
                "description": "An error.",
                "content": {"application/json": {"schema": _reference(ErrorBody)}},
            },
        },
    }
    if public:
        described["security"] = []
    if found.query or found.headers:
        described["parameters"] = [
            {"name": q.name, "in": place, "required": False, "schema": dict(q.schema),
             "description": q.help}
            for place, names in (("query", found.query), ("header", found.headers))
            for q in names
        ]  # fmt: skip
    if found.body is not None:
        described["requestBody"] = {
            "required": any(field.is_required() for field in found.body.model_fields.values()),
            "content": {"application/json": {"schema": _reference(found.body)}},
        }
    elif found.content is not None:
        binary = {"type": "string", "contentMediaType": found.content}
        described["requestBody"] = {
            "required": True,
            "content": {found.content: {"schema": binary}},
        }
    elif found.form:
        schema = {"type": "object", "properties": dict(found.form)}
        described["requestBody"] = {
            "required": True,
            "content": {"multipart/form-data": {"schema": schema}},
        }
    return described


def _response(model: type[BaseModel] | str | None) -> dict[str, Any]:
    if model is None:
        return {"description": "Done."}
    if isinstance(model, str):
        content = {
            kind: {"schema": {} if kind.endswith("json") else {"type": "string"}}
            for kind in model.split(", ")
        }
        return {"description": "The content.", "content": content}
    words = (model.__doc__ or "").strip().splitlines()[0]
    return {
        "description": words,
        "content": {"application/json": {"schema": _reference(model)}},
    }


@dataclass(frozen=True, slots=True)
class _Call:
    """One operation of the document, as a table row."""

    method: str
    address: str
    described: Mapping[str, Any]
    takes: str
    statuses: str


def _calls(document: Mapping[str, Any]) -> Iterator[_Call]:
    for address, methods in document["paths"].items():
        for method, described in methods.items():
            if method == "parameters":
                continue
            statuses = ", ".join(s for s in described["responses"] if s != "default")
            body = described.get("requestBody", {}).get("content", {})
            takes = ", ".join(_name_of(kind, c["schema"]) for kind, c in body.items())
            yield _Call(method.upper(), address, described, takes, statuses)


def make_page(document: Mapping[str, Any]) -> str:
    """Return the document as a self-contained HTML page."""
    rows = []
    for call in _calls(document):
        cells = (call.method, call.address, call.described["summary"], call.takes, call.statuses)
        rows.append("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in cells) + "</tr>")
    models = [
        f"<dt id='{html.escape(name)}'>{html.escape(name)}</dt><dd>{_fields(schema)}</dd>"
        for name, schema in sorted(document["components"]["schemas"].items())
    ]
    return _PAGE.format(
        version=html.escape(__version__), rows="\n".join(rows), models="\n".join(models)
    )


def _name_of(kind: str, schema: Mapping[str, Any]) -> str:
    reference = str(schema.get("$ref", ""))
    return reference.rpartition("/")[2] or f"{kind} {', '.join(schema.get('properties', ()))}"


def _fields(schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    names = [
        f"<code>{html.escape(name)}</code>{'' if name in required else '?'}"
        for name in schema.get("properties", ())
    ]
    lines = str(schema.get("description", "")).splitlines() or [""]
    words = html.escape(lines[0])
    return f"{words} {', '.join(names)}"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tallybook API {version}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/addin/plain.css"></head>
<body class="api"><h1>Tallybook API {version}</h1>
<p>The same as <a href="/api/v1/openapi.json">openapi.json</a>, to read.</p>
<table><thead><tr><th>method</th><th>address</th><th>what</th><th>takes</th><th>answers</th></tr>
</thead><tbody>
{rows}
</tbody></table>
<h2>Models</h2>
<dl>
{models}
</dl></body></html>
"""


def endpoints_table(document: Mapping[str, Any]) -> str:
    """Return every address as a Markdown table, for docs/api.md."""
    lines = ["| call | what | scope | takes | answers |", "|---|---|---|---|---|"]
    for call in _calls(document):
        described = call.described
        given = described.get("parameters", ())
        query = ", ".join(f"?{q['name']}" if q["in"] == "query" else q["name"] for q in given)
        scope = described["description"].removeprefix("Scope: ").rstrip(".")
        cells = (f"`{call.method} {call.address}`", described["summary"], scope,
                 " ".join(part for part in (call.takes, query) if part), call.statuses)  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
