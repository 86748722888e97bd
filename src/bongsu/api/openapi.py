"""Pieces of OpenAPI 3.1 documents that the APIs share; a document is plain JSON, made once when the routes are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bongsu import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Schema = dict[str, Any]
"""A JSON Schema, or any other object of the document."""

TEXT: Schema = {"type": "string"}
TIMESTAMP: Schema = {"type": "string", "format": "date-time"}
OPTIONAL_TIMESTAMP: Schema = {"type": ["string", "null"], "format": "date-time"}


def document(
    *,
    title: str,
    description: str,
    paths: Schema,
    schemas: Mapping[str, Schema],
    security: Mapping[str, Schema],
) -> Schema:
    """Return a document; any one of the security schemes opens every call."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "description": description,
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": dict(schemas), "securitySchemes": dict(security)},
        "security": [{name: []} for name in security],
    }


def reference(name: str) -> Schema:
    """Return a reference to one of the document's schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """Return the schema of an object that has the given fields and no others."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def array(items: Schema) -> Schema:
    """Return the schema of an array."""
    return {"type": "array", "items": items}


def parameter(
    name: str, place: str, schema: Schema, *, description: str = "", required: bool = False
) -> Schema:
    """Return a parameter; those in the path are always required."""
    return {
        "name": name,
        "in": place,
        "required": required or place == "path",
        "description": description,
        "schema": schema,
    }


def content(schema: Schema, description: str) -> Schema:
    """Return a response, or with `required` added a request body, of JSON."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def operation(
    operation_id: str,
    summary: str,
    responses: Mapping[int, Schema],
    *,
    parameters: Sequence[Schema] = (),
    body: Schema | None = None,
) -> Schema:
    """Return one call; `body` is the schema of a required JSON body."""
    made: Schema = {
        "operationId": operation_id,
        "summary": summary,
        "parameters": list(parameters),
        "responses": {str(status): response for status, response in responses.items()},
    }
    if body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return made
