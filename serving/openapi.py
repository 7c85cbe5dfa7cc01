"""OpenAPI for routes that parse with msgspec: schemas from the same structs, written out in place.

In place, because BentoML builds its own document from the routes and keeps no components that they do not declare.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from serving.messages import ProblemAnswer
from serving.problems import MEDIA_TYPE

Document = dict[str, Any]

_REFUSALS = {
    400: "The body is not JSON.",
    401: "No key, or an unknown one.",
    403: "Another tenant, or a role that is too weak.",
    408: "The body took too long to arrive.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "The request is well formed, but not acceptable.",
    429: "More than the caller's quota or share; Retry-After says when to ask again.",
    503: "The store or the model cannot answer now, or there is too much to do; Retry-After says when to ask again.",
}


def schema_of(type_: Any) -> Document:
    """JSON Schema of a msgspec type, without references."""
    (schema,), components = msgspec.json.schema_components([type_], ref_template="{name}")
    return _inlined(schema, components)


def body(type_: type, example: Any, changes: Mapping[str, Document] | None = None) -> Document:
    """The `requestBody` of an operation; `changes` adds bounds that only the settings know, by property."""
    schema = schema_of(type_)
    for name, extra in (changes or {}).items():
        schema["properties"][name] |= extra
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


def header(name: str, schema: Document, description: str) -> Document:
    """An optional request header, as an operation's parameter."""
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": description}


def answers(
    type_: type, example: Any, refusals: Sequence[int], *, others: Mapping[int, str] | None = None
) -> dict[int | str, Document]:
    """The `responses` of an operation: 200 and `others` with the type's schema, `refusals` as problem bodies,
    described as in `others` where they are in it too."""
    content = {"application/json": {"schema": schema_of(type_), "example": example}}
    found: dict[int | str, Document] = {200: {"description": (type_.__doc__ or "").strip(), "content": content}}
    for status, description in (others or {}).items():
        found[status] = {"description": description, "content": content}
    return found | refused(refusals, others or {})


def refused(refusals: Sequence[int], others: Mapping[int, str]) -> dict[int | str, Document]:
    """Responses with problem bodies, described as in `others` where they are in it."""
    problem = {MEDIA_TYPE: {"schema": schema_of(ProblemAnswer)}}
    return {status: {"description": others.get(status) or _REFUSALS[status], "content": problem} for status in refusals}


def _inlined(schema: Any, components: Mapping[str, Document]) -> Any:
    if isinstance(schema, list):
        return [_inlined(entry, components) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(components[schema["$ref"]], components)
    return {key: _inlined(value, components) for key, value in schema.items()}
