"""
The numbers of the past, out of the store: one bare number over a range, and a number's course.

``/open/api/raw/tag/{category}/{field}`` keeps the categories and fields of the original; ``/open/api/json/{name}/{stime}/{etime}`` has
every real-time number under its own name.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bongsu.api.openapm.ranges import NO_STORE, read_range, read_time
from bongsu.api.respond import json_response, text_response
from bongsu.api.threads import in_thread
from bongsu.model.errors import InvalidInput, NotFound
from bongsu.promql.values import Vector
from bongsu.query.requests import InstantQuery, RangeQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.access import ProjectAccess
    from bongsu.api.openapm.callers import Callers
    from bongsu.query.service import Outcome, QueryService
    from bongsu.storage.contract import ProjectStore

FIELDS: Mapping[tuple[str, str], str] = {
    ("app_counter", "tps"): "tps",
    ("app_counter", "tx_count"): "txcount",
    ("app_counter", "tx_error"): "errors",
    ("app_counter", "resp_time"): "rtime",
    ("app_counter", "active_tx_count"): "actx",
    ("app_counter", "apdex"): "apdex",
    ("app_counter_project", "num_of_agent"): "act_agent",
    ("app_counter_project", "realtime_user"): "user",
    ("app_user", "realtime_user"): "user",
    ("app_host_resource", "cpu"): "cpu",
    ("app_host_resource", "cpu_cores"): "cpucore",
    ("app_proc_counter", "threadpool_activeCount"): "threadpool_active",
    ("app_proc_counter", "threadpool_queueSize"): "threadpool_queue",
    ("app_proc_counter", "db_num_active"): "dbc_active",
    ("app_proc_counter", "db_num_idle"): "dbc_idle",
}
"""Series of a project by category and field."""

_MERGES = ("avg", "sum", "max", "min")
_STEPS_MS: Mapping[str, int] = {"s5": 5_000, "m5": 300_000, "h1": 3_600_000}
_DEFAULT_STEP = "m5"
_MOST_RECORDS = 11_000
"""Of one answer: as many steps as a range query may have."""
_LONGEST_RANGE_MS = 31 * 86_400_000
"""A month, as the original allows for its queries."""


class History:
    """Handlers; all need a project's token with the scope `read` and its pcode."""

    def __init__(
        self,
        callers: Callers,
        queries: QueryService,
        open_store: Callable[[ProjectAccess], ProjectStore],
        names: tuple[str, ...],
    ) -> None:
        self._callers = callers
        self._queries = queries
        self._open_store = open_store
        self._names = names

    async def merged(self, request: Request) -> Response:
        """Answer ``/open/api/raw/tag/{category}/{field}?stime=&etime=&timeMerge=``: one bare number; 0 without data."""
        caller = await self._callers.require(request)
        start_ms, end_ms = (read_time(_parameter(request, name), name) for name in ("stime", "etime"))
        length = _length(start_ms, end_ms)
        merge = request.query_params.get("timeMerge", "avg")
        if merge not in _MERGES:
            raise InvalidInput(
                f"timeMerge is {merge[:40]!r}; send one of {', '.join(_MERGES)}", id="invalid-parameter"
            )
        query = InstantQuery(text=_merged(_series(request), merge, length), time_ms=end_ms)
        [value] = await self._ask(caller, query) or [(end_ms, 0.0)]
        return text_response(_written(value[1]), headers=NO_STORE)

    async def course(self, request: Request) -> Response:
        """Answer ``/open/api/json/{name}/{stime}/{etime}?filter=s5|m5|h1``: a number at every step that has data."""
        caller = await self._callers.require(request)
        name = request.path_params["name"]
        if name not in self._names:
            raise NotFound(
                f"there is no course of {name[:100]!r}; there are those of {', '.join(self._names)}",
                id="unknown-path",
            )
        start_ms, end_ms = read_range(request, longest_ms=_LONGEST_RANGE_MS)
        step = _step(request)
        first = (start_ms // step + 1) * step
        if first > end_ms:
            return _records([])
        if (end_ms - first) // step >= _MOST_RECORDS:
            raise InvalidInput(
                f"the range has more than {_MOST_RECORDS} steps of {step // 1000} s; ask for less at once, or choose a longer "
                "step with filter=m5 or h1",
                id="invalid-parameter",
            )
        merge = "sum" if name == "txcount" else "avg"
        query = RangeQuery(text=_merged(name, merge, step), start_ms=first, end_ms=end_ms, step_ms=step)
        return _records(await self._ask(caller, query))

    async def _ask(self, caller: ProjectAccess, query: InstantQuery | RangeQuery) -> list[tuple[int, float]]:
        """Return times and values of the one series that a query is worth; those that are no numbers are left out."""

        def ask() -> list[tuple[int, float]]:
            running = self._queries.start(
                lambda: self._open_store(caller), query, _cells, owner=caller.project.project_id
            )
            return running.wait()

        return await in_thread(ask)


def _cells(outcome: Outcome) -> list[tuple[int, float]]:
    value = outcome.result.value
    assert isinstance(value, Vector), "BUG: the history's queries are vectors"
    if not len(value.values):
        return []
    kinds = value.kind_matrix()[0]
    return [
        (int(step), float(number))
        for step, number, kind in zip(outcome.result.steps, value.values[0], kinds, strict=True)
        if kind and math.isfinite(number)
    ]


def _merged(name: str, merge: str, length_ms: int) -> str:
    """Return the query of a number merged over a window that ends with the step."""
    series = f"bongsu_apm_{name}"
    if name == "rtime" and merge == "avg":
        # As over agents: weighted by transactions. A pause between ticks would weigh as much as a rush.
        weighted = f"sum_over_time((bongsu_apm_rtime * bongsu_apm_txcount)[{length_ms}ms:5s])"
        return f"{weighted} / sum_over_time(bongsu_apm_txcount[{length_ms}ms])"
    return f"{merge}_over_time({series}[{length_ms}ms])"


def _series(request: Request) -> str:
    category, field = request.path_params["category"], request.path_params["field"]
    name = FIELDS.get((category, field))
    if name is None:
        known = ", ".join("/".join(pair) for pair in FIELDS)
        raise NotFound(f"there is no {f'{category}/{field}'[:100]!r}; there are {known}", id="unknown-path")
    return name


def _length(start_ms: int, end_ms: int) -> int:
    if not 0 < end_ms - start_ms <= _LONGEST_RANGE_MS:
        raise InvalidInput(
            f"the range from {start_ms} to {end_ms} is empty or longer than 31 days; ask for less at once",
            id="invalid-parameter",
        )
    return end_ms - start_ms


def _step(request: Request) -> int:
    name = request.query_params.get("filter", _DEFAULT_STEP)
    step = _STEPS_MS.get(name)
    if step is None:
        raise InvalidInput(
            f"filter is {name[:40]!r}; send one of {', '.join(_STEPS_MS)}", id="invalid-parameter"
        )
    return step


def _parameter(request: Request, name: str) -> str:
    return request.query_params.get(name, "")


def _written(value: float) -> str:
    """Return a number with at most four decimals, without an exponent."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _records(cells: list[tuple[int, float]]) -> Response:
    records = [{"time": time_ms, "value": round(value, 4)} for time_ms, value in cells]
    return json_response({"records": records, "total": len(records)}, headers=NO_STORE)
