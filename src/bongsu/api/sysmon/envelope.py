"""
The envelope of `/v1.0`: a header with result code and message, and a body.

Result codes come with HTTP status 200; only what is decided before the call itself is looked at has a status of its own. The
codes -40003, -40005 and -40008 to -40011 have no public meaning and are not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bongsu.api.respond import json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from bongsu.api.errors import Failure

BAD_INPUT = (-40002, "BAD_INPUT_VALUE")
INTERNAL = (-50000, "INTERNAL_SERVER_ERROR")

RESULTS: Mapping[str, tuple[int, str]] = {
    "already-exists": (-40001, "ALREADY_EXIST"),
    "unknown-server": (-40004, "INVALID_HOST_OR_PROJECT"),
    "unknown-project": (-40004, "INVALID_HOST_OR_PROJECT"),
    "unknown-workspace": (-40006, "NOT_FOUND_JOB"),
    "unknown-target": (-40007, "NOT_FOUND_TARGET"),
    "reserved-workspace": (-40012, "SYSTEM_RESERVED_JOB"),
}
"""Result of the error ids that have one of their own."""

INPUT_STATUSES = frozenset({400, 413, 415, 422})
"""Statuses of what else is wrong with the input; every other failure is `INTERNAL`."""

STATUS_NAMES: Mapping[int, str] = {
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
}
"""What has an HTTP status of its own; its number is the result code too."""


def success(body: Any) -> Response:
    """Return the answer of a call that succeeded; `body` is a tree of dicts, lists and texts."""
    header = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
    return json_response({"header": header, "body": body})


def failure(failed: Failure) -> Response:
    """Return the answer of a call that failed; ``reason`` and ``errorId`` are fields of our own."""
    status, code, message = _told(failed)
    header = {
        "isSuccessful": False,
        "resultCode": code,
        "resultMessage": message,
        "reason": failed.message,
        "errorId": failed.id,
    }
    return json_response({"header": header, "body": None}, status=status, headers=failed.headers)


def _told(failed: Failure) -> tuple[int, int, str]:
    """Return HTTP status, result code and message."""
    if failed.id in RESULTS:
        return (200, *RESULTS[failed.id])
    if failed.status in STATUS_NAMES:
        return failed.status, failed.status, STATUS_NAMES[failed.status]
    return (200, *(BAD_INPUT if failed.status in INPUT_STATUSES else INTERNAL))
