"""Answers of every API: JSON by orjson, bare text, nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class JsonResponse(Response):
    """A JSON document; keys in the order given, NaN and infinities as null."""

    media_type = JSON

    def render(self, content: Any) -> bytes:  # any tree of dicts, lists, texts, numbers and dataclasses
        """Return the document's bytes."""
        return orjson.dumps(content)


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
