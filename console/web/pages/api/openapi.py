"""The description of the API (OpenAPI 3.1), made from the records that check requests and write answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from console.web.pages.api.endpoint import CSV, JSON, PARQUET, PROBLEM, ROOT, ApiResource, ProblemDetails
from database.models import Role

_ERRORS = {
    "400": "A parameter does not fit",
    "401": "No valid token",
    "403": "Not allowed for this role, or the user has to log in to the pages first",
    "404": "There is no such thing, or it is out of the bounds of the user",
    "406": "No such form of the answer",
    "429": "Too many calls",
    "503": "Out of order; ask again later",
}
_REF = "#/components/schemas/{name}"


def description(resources: Sequence[ApiResource], version: str) -> dict[str, Any]:
    """Return the document of OpenAPI."""
    types = [ProblemDetails, *(resource.answer for resource in resources), *(resource.parameters for resource in resources)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    answers = dict(zip((resource.path for resource in resources), schemas[1:], strict=False))
    taken = {resource.parameters.__name__: components.pop(resource.parameters.__name__, {}) for resource in resources}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Gongkai",
            "version": version,
            "summary": "Annual reports on government information disclosure: read-only",
            "description": "Numbers with evidence, findings, coverage. A value that is not sure is null, never 0. Users who are "
            "bound to regions or batches get their part of everything.",
        },
        "paths": {
            ROOT + resource.path.replace(":int", ""): {"get": _operation(resource, answers, taken)} for resource in resources
        },
        "security": [{"token": []}, {"session": []}],
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "gongkai_session"},
            },
        },
    }


def _operation(resource: ApiResource, answers: dict[str, Any], taken: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {JSON: {"schema": answers[resource.path]}}
    if resource.item is not None:
        content |= {CSV: {"schema": {"type": "string"}}, PARQUET: {"schema": {"type": "string", "format": "binary"}}}
    headers = {"ETag": {"schema": {"type": "string"}, "description": "Send it as If-None-Match to ask whether anything changed"}}
    if resource.item is not None:
        headers["Link"] = {"schema": {"type": "string"}, "description": 'rel="next": the following part of the list'}
    problem = {PROBLEM: {"schema": {"$ref": _REF.format(name=ProblemDetails.__name__)}}}
    role = "" if resource.role is Role.VIEW else f" Needs the role `{resource.role}`."
    return {
        "operationId": resource.name,
        "summary": resource.summary,
        "description": f"{(resource.ask.__doc__ or '').strip()}{role}",
        "tags": [resource.path.split("/")[1]],
        "parameters": [*_in_path(resource.path), *_in_query(taken[resource.parameters.__name__])],
        "responses": {
            "200": {"description": "The answer", "content": content, "headers": headers},
            "304": {"description": "Nothing changed"},
            **{status: {"description": text, "content": problem} for status, text in _ERRORS.items()},
        },
    }


def _in_path(path: str) -> list[dict[str, Any]]:
    if "{id:int}" not in path:
        return []
    number = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
    return [{"name": "id", "in": "path", "required": True, "schema": number}]


def _in_query(record: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for name, schema in record.get("properties", {}).items():
        kinds = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
        kind = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
        shown = {key: value for key, value in {**schema, **kind}.items() if key not in ("anyOf", "description") or len(kinds) > 1}
        if shown.get("default", "") is None:
            shown.pop("default")
        entry = {"name": name, "in": "query", "required": name in record.get("required", ()), "schema": shown}
        found.append(entry | ({"description": schema["description"]} if "description" in schema else {}))
    return found
