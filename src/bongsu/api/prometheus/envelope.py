"""The envelope of every answer: status, data, error, warnings, infos; and the closed table of error types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.api.respond import json_bytes, raw_json_response

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from starlette.responses import Response

    from bongsu.api.errors import Failure

TRUNCATED = "results truncated due to limit"
"""The warning of an answer that a `limit` cut short; clients look for this text."""

MAX_NOTES = 10
"""Warnings, and infos, that one answer carries; more of them are only counted, as in Prometheus."""

_ERROR_TYPES = {
    400: "bad_data",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    406: "not_acceptable",
    422: "execution",
    429: "too_many_requests",
    499: "canceled",
    500: "internal",
    503: "unavailable",
}
_OTHER_MISTAKES = "bad_data"
_TIMEOUTS = frozenset({"promql-timeout", "query-queue-timeout"})


def success(
    data: Iterable[bytes], *, warnings: Sequence[str] = (), infos: Sequence[str] = ()
) -> Iterator[bytes]:
    """Yield the text of a good answer around the JSON text of its data."""
    yield b'{"status":"success","data":'
    yield from data
    yield b"%b%b}" % (_notes("warnings", "warning", warnings), _notes("infos", "info", infos))


def success_bytes(data: bytes, *, warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> bytes:
    """Return the text of a good answer whose data is small."""
    return b"".join(success((data,), warnings=warnings, infos=infos))


def success_response(data: object, *, warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> Response:
    """Return a good answer whose data is a tree of plain values."""
    return raw_json_response(success_bytes(json_bytes(data), warnings=warnings, infos=infos))


def failure_response(failure: Failure) -> Response:
    """Return the answer of an error."""
    document = {"status": "error", "errorType": error_type(failure), "error": failure.message}
    return raw_json_response(json_bytes(document), status=failure.status, headers=failure.headers)


def error_type(failure: Failure) -> str:
    """Return Prometheus' name for the kind of an error."""
    if failure.id in _TIMEOUTS:
        return "timeout"
    return _ERROR_TYPES.get(failure.status, _OTHER_MISTAKES)


def _notes(field: str, kind: str, notes: Sequence[str]) -> bytes:
    if not notes:
        return b""
    shown = list(notes[:MAX_NOTES])
    if len(notes) > MAX_NOTES:
        shown.append(f"{len(notes) - MAX_NOTES} more {kind} annotations omitted")
    return b',"%b":%b' % (field.encode(), json_bytes(shown))
