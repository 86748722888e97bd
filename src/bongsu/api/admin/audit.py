"""The calls of `/admin/v1` that read the audit trail, page by page."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bongsu.api.admin.records import audit_record
from bongsu.api.respond import json_response
from bongsu.control.audit import AuditFilter
from bongsu.control.errors import BadValue

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.threads import Lane
    from bongsu.control.audit import AuditTrail

MAX_ENTRIES = 1000
_DEFAULT_ENTRIES = "100"
_MOST_TEXT = 255
"""The columns' size."""
PARAMETERS = ("limit", "before", "since", "until", "actor", "action", "subject", "address")


class AuditCalls:
    """The handler of both calls, that about one project and that about all."""

    def __init__(self, audit: AuditTrail, lane: Lane) -> None:
        self._audit = audit
        self._lane = lane

    async def show(self, request: Request) -> Response:
        """Answer the newest entries that are wanted, and what `before` the next page has."""
        unknown = sorted(set(request.query_params) - set(PARAMETERS))
        if unknown:
            raise BadValue(f"unknown parameter {unknown[0][:40]!r}; this call takes {', '.join(PARAMETERS)}")
        count = _number(request, "limit", most=MAX_ENTRIES) or int(_DEFAULT_ENTRIES)
        found = await self._lane.run(
            self._audit.newest,
            project_id=request.path_params.get("projectId"),
            count=count + 1,
            wanted=_filter(request),
        )
        page = found[:count]
        more = page[-1].sequence if len(found) > count else None
        return json_response(
            {
                "entries": [{"sequence": entry.sequence} | audit_record(entry) for entry in page],
                "before": more,
            }
        )


def _filter(request: Request) -> AuditFilter:
    return AuditFilter(
        **{name: _text(request, name) for name in ("actor", "action", "subject", "address")},
        since_ms=_time(request, "since"),
        until_ms=_time(request, "until"),
        before=_number(request, "before", most=2**62),
    )


def _text(request: Request, name: str) -> str | None:
    text = request.query_params.get(name)
    if text is not None and (not 0 < len(text) <= _MOST_TEXT or not text.isprintable()):
        raise BadValue(
            f"{name!r} is {text[:40]!r}; send 1 to {_MOST_TEXT} printable characters, or leave it out"
        )
    return text


def _number(request: Request, name: str, *, most: int) -> int | None:
    sent = request.query_params.get(name)
    if sent is None:
        return None
    if not (sent.isascii() and sent.isdigit() and len(sent) < 20 and 1 <= int(sent) <= most):
        raise BadValue(f"{name!r} is {sent[:40]!r}; send a number from 1 to {most}")
    return int(sent)


def _time(request: Request, name: str) -> int | None:
    """Return Unix milliseconds of a time after RFC 3339."""
    sent = request.query_params.get(name)
    if sent is None:
        return None
    try:
        moment = datetime.fromisoformat(sent)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadValue(f"{name!r} is {sent[:40]!r}; send a time with its zone, such as 2026-11-23T10:00:00Z")
    return int(moment.timestamp() * 1000)
