"""Answers of every API: JSON by orjson, bare text, nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_CHARACTER = re.compile("[\ud800-\udfff]")
"""Half surrogate pairs, as which Python keeps bytes that are not UTF-8."""

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class JsonResponse(Response):
    """A JSON document; keys in the order given, NaN and infinities as null."""

    media_type = JSON

    def render(self, content: Any) -> bytes:  # any tree of dicts, lists, texts, numbers and dataclasses
        """Return the document's bytes."""
        return json_bytes(content)


def json_bytes(content: Any) -> bytes:
    """Return a tree as JSON; bytes in texts that are not UTF-8, which a query may hold by an escape, are replaced."""
    try:
        return orjson.dumps(content)
    except TypeError:
        return orjson.dumps(_readable(content))


def _readable(content: Any) -> Any:
    """Return a tree with every text made of whole characters."""
    match content:
        case str():
            return _NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", content)
        case dict():
            return {_readable(key): _readable(value) for key, value in content.items()}
        case list() | tuple():
            return [_readable(value) for value in content]
        case _:
            return content


def json_response(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer; `content` is any tree of dicts, lists, texts, numbers and dataclasses."""
    return JsonResponse(content, status_code=status, headers=headers)


def raw_json_response(
    content: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an answer whose JSON bytes are already written."""
    return Response(content, status_code=status, headers=headers, media_type=JSON)


def text_response(content: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a plain text answer."""
    return Response(content, status_code=status, headers=headers, media_type=TEXT)


def no_content(*, headers: Mapping[str, str] | None = None) -> Response:
    """Return 204: done, nothing to say."""
    return Response(status_code=204, headers=headers)
