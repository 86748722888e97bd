"""Distinct users of days and months: ``/open/api/json/visitor_d`` and ``visitor_m``, of calendar days and months in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from bongsu.api.openapm.ranges import NO_STORE, read_range
from bongsu.api.respond import json_response
from bongsu.api.threads import in_thread
from bongsu.apm.visitors import DAY_MS, distinct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.errors import Handler
    from bongsu.api.openapm.callers import Callers
    from bongsu.apm.engine import ApmEngine
    from bongsu.apm.hyperloglog import HyperLogLog

_LONGEST_RANGE_MS = 365 * DAY_MS
"""As the original allows."""


class Visitors:
    """Handlers; all need a project's token with the scope `read` and its pcode."""

    def __init__(self, callers: Callers, apm: ApmEngine) -> None:
        self._callers = callers
        self._apm = apm

    def days(self) -> Handler:
        """Return the handler of ``/open/api/json/visitor_d/{stime}/{etime}``."""
        return self._handler("dau", lambda day: day)

    def months(self) -> Handler:
        """Return the handler of ``/open/api/json/visitor_m/{stime}/{etime}``."""
        return self._handler("mau", lambda day: day.replace(day=1))

    def _handler(self, value: str, period_of: Callable[[datetime], datetime]) -> Handler:
        """
        Return a handler of one kind of periods.

        Parameters
        ----------
        value
            Name of the number in a record.
        period_of
            Returns the first day of a day's period.
        """

        async def answer(request: Request) -> Response:
            caller = await self._callers.require(request)
            start_ms, end_ms = read_range(request, longest_ms=_LONGEST_RANGE_MS)
            first, last = start_ms // DAY_MS, max(start_ms, end_ms - 1) // DAY_MS
            project = caller.project
            found = await in_thread(self._apm.visitors, project.project_id, first, last)
            records = list(_records(found, range(first, last + 1), value, period_of))
            document = {
                "pcode": project.pcode,
                "stime": start_ms,
                "etime": end_ms,
                "records": records,
                "total": len(records),
            }
            return json_response(document, headers=NO_STORE)

        return answer


def _records(
    found: dict[int, HyperLogLog], days: range, value: str, period_of: Callable[[datetime], datetime]
) -> Iterator[dict[str, object]]:
    """Yield a record for each period of the range that has users, of those of its days that are in the range."""
    for _, grouped in groupby(days, key=lambda day: period_of(_date(day))):
        period = list(grouped)
        seen = [found[day] for day in period if day in found]
        if seen:
            yield {
                "stime": period[0] * DAY_MS,
                "etime": (period[-1] + 1) * DAY_MS,
                "sdate": f"{_date(period[0]):%Y%m%d}",
                "edate": f"{_date(period[-1]):%Y%m%d}",
                value: distinct(seen),
            }


def _date(day: int) -> datetime:
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC)
