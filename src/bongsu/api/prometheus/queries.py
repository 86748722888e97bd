"""Endpoints that evaluate or read PromQL: query, query_range, explain_query, format_query, parse_query."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar

from bongsu.api.prometheus.envelope import TRUNCATED, success, success_response
from bongsu.api.prometheus.parameters import invalid_parameter
from bongsu.api.prometheus.results import write_instant, write_range
from bongsu.api.respond import json_bytes
from bongsu.api.streaming import parts_response
from bongsu.model.errors import InvalidInput
from bongsu.promql.errors import ParseError, QueryCancelled
from bongsu.promql.parser import parse
from bongsu.promql.parser.ast_json import to_json
from bongsu.promql.parser.printer import format_query
from bongsu.query.requests import InstantQuery, RangeQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.prometheus.caller import Admission, Call
    from bongsu.api.prometheus.parameters import Parameters
    from bongsu.api.prometheus.results import WrittenResult
    from bongsu.api.whole import WholeRequest
    from bongsu.promql.parser.ast import Expr
    from bongsu.promql.plan import PlanStep
    from bongsu.query.service import Outcome, QueryService, RunningQuery
    from bongsu.runtime.clock import Clock

Answer = TypeVar("Answer")

_UNWATCHED_S = 0.05
"""Only a query that takes longer is watched for a client that goes away: most are done before a watcher would pay."""

_STATS = ("all", "true")
_STATS_WARNING = 'parameter "stats" takes "all" or "true"; other values mean "true" for now'


class Queries:
    """
    Handlers of queries.

    Parameters
    ----------
    admission
        Checks keys, reads parameters, opens stores.
    service
        Runs the queries.
    clock
        Tells the default evaluation time.
    features
        Names of the PromQL features that are on.
    """

    def __init__(
        self, admission: Admission, service: QueryService, clock: Clock, features: frozenset[str]
    ) -> None:
        self._admission = admission
        self._service = service
        self._clock = clock
        self._features = features

    async def query(self, request: Request) -> Response:
        """Answer ``/query``: the value of an expression at one moment."""
        call = await self._admission.admit(request)
        return await self._evaluate(request, call, *self._asked(call))

    def query_at_once(self, request: WholeRequest) -> Response | None:
        """Answer ``/query`` if it was over in a moment lately."""
        call = self._admission.at_once(request)
        return None if call is None else self._evaluate_at_once(call, *self._asked(call))

    async def query_range(self, request: Request) -> Response:
        """Answer ``/query_range``: the values of an expression at every step of a range."""
        call = await self._admission.admit(request)
        return await self._evaluate(request, call, *self._asked_range(call))

    def query_range_at_once(self, request: WholeRequest) -> Response | None:
        """Answer ``/query_range`` if it was over in a moment lately."""
        call = self._admission.at_once(request)
        return None if call is None else self._evaluate_at_once(call, *self._asked_range(call))

    def _asked(self, call: Call) -> tuple[InstantQuery, Callable[[Outcome], Response]]:
        """Return what ``/query`` is asked, and how its answer is written."""
        limit = call.parameters.count("limit")
        return self._instant(call.parameters), lambda outcome: _answer(
            call, outcome, write_instant(outcome.result, limit)
        )

    def _asked_range(self, call: Call) -> tuple[RangeQuery, Callable[[Outcome], Response]]:
        """Return what ``/query_range`` is asked, and how its answer is written."""
        query = _range(call.parameters)
        limit = call.parameters.count("limit")
        return query, lambda outcome: _answer(
            call, outcome, write_range(outcome.result, limit, self._service.helpers)
        )

    async def explain_query(self, request: Request) -> Response:
        """
        Answer ``/explain_query``: how an expression is evaluated, at a moment or, with start, end and step, over a range.

        With ``run=true`` it is evaluated, and the plan tells what each step cost.
        """
        call = await self._admission.admit(request)
        parameters = call.parameters
        ranged = any(parameters.text(name) for name in ("start", "end", "step"))
        query = _range(parameters) if ranged else self._instant(parameters)
        if not parameters.flag("run"):
            try:
                return success_response(plan_document(self._service.explain(query)))
            except InvalidInput as error:
                raise invalid_parameter("query", error.message) from error
        query = replace(query, traced=True)
        if isinstance(query, RangeQuery):
            query = replace(query, cached=False)
        return await self._evaluate(request, call, query, _explained)

    def _instant(self, parameters: Parameters) -> InstantQuery:
        return InstantQuery(
            text=parameters.text("query"),
            time_ms=parameters.time_ms("time", self._clock.now_ms()),
            timeout_ms=_optional_duration(parameters, "timeout"),
            lookback_ms=_lookback(parameters),
            traced=parameters.text("stats") == "all",
        )

    async def format_query(self, request: Request) -> Response:
        """Answer ``/format_query``: the expression in canonical form, over several lines when it is long."""
        call = await self._admission.admit(request)
        return success_response(format_query(self._parsed(call)))

    async def parse_query(self, request: Request) -> Response:
        """Answer ``/parse_query``: the syntax tree of the expression."""
        call = await self._admission.admit(request)
        return success_response(to_json(self._parsed(call)))

    def _parsed(self, call: Call) -> Expr:
        try:
            return parse(call.parameters.text("query"), features=self._features)
        except ParseError as error:
            raise invalid_parameter("query", error.message) from error

    async def _evaluate(
        self,
        request: Request,
        call: Call,
        query: InstantQuery | RangeQuery,
        finish: Callable[[Outcome], Response],
    ) -> Response:
        answer = self._evaluate_at_once(call, query, finish)
        if answer is not None:
            return answer
        owner = call.access.project.project_id
        try:
            running = self._service.start(lambda: self._admission.store(call), query, finish, owner=owner)
            return await wait_for_answer(request, running)
        except InvalidInput as error:
            raise invalid_parameter("query", error.message) from error

    def _evaluate_at_once(
        self, call: Call, query: InstantQuery | RangeQuery, finish: Callable[[Outcome], Response]
    ) -> Response | None:
        return self._service.run_at_once(
            lambda: self._admission.store(call), query, finish, owner=call.access.project.project_id
        )


def _range(parameters: Parameters) -> RangeQuery:
    return RangeQuery(
        text=parameters.text("query"),
        start_ms=parameters.time_ms("start"),
        end_ms=parameters.time_ms("end"),
        step_ms=parameters.duration_ms("step"),
        timeout_ms=_optional_duration(parameters, "timeout"),
        lookback_ms=_lookback(parameters),
        traced=parameters.text("stats") == "all",
        # Statistics are those of the whole evaluation.
        cached=not parameters.flag("nocache") and not parameters.text("stats"),
    )


async def wait_for_answer(request: Request, running: RunningQuery[Answer]) -> Answer:
    """
    Return a running query's answer; cancel the query if the client goes away or the time is up.

    Raises
    ------
    QueryCancelled
        If the client went away.
    QueryTimeout
        If the query outlived its deadline.
    """
    answer = asyncio.wrap_future(running.future)
    try:
        done, _ = await asyncio.wait({answer}, timeout=_UNWATCHED_S)
        if not done:
            await _wait_watched(request, running, answer)
        return answer.result()
    except asyncio.CancelledError:
        running.cancel()
        if answer.cancelled():
            raise QueryCancelled from None
        raise
    finally:
        # What nobody waits for any more may still fail; that is not news.
        answer.add_done_callback(_retrieve)


async def _wait_watched(
    request: Request, running: RunningQuery[Answer], answer: asyncio.Future[Answer]
) -> None:
    gone = asyncio.ensure_future(_disconnected(request))
    both: set[asyncio.Future[Any]] = {answer, gone}  # futures of different results
    try:
        done, _ = await asyncio.wait(both, timeout=running.patience_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    if answer in done:
        return
    if gone in done:
        running.cancel()
        raise QueryCancelled
    raise running.overdue()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _retrieve(answer: asyncio.Future[Answer]) -> None:
    if not answer.cancelled():
        answer.exception()


def _optional_duration(parameters: Parameters, name: str) -> int | None:
    return parameters.duration_ms(name) if parameters.text(name) else None


def _lookback(parameters: Parameters) -> int | None:
    lookback_ms = _optional_duration(parameters, "lookback_delta")
    if lookback_ms is not None and lookback_ms <= 0:
        raise invalid_parameter("lookback_delta", "it must be positive, such as 5m")
    return lookback_ms


def _answer(call: Call, outcome: Outcome, written: WrittenResult) -> Response:
    result = outcome.result
    warnings = [*result.warnings]
    if written.truncated:
        warnings.append(TRUNCATED)
    stats = call.parameters.text("stats")
    if stats and stats not in _STATS:
        warnings.append(_STATS_WARNING)
    data = _data(written.parts, _stats_json(outcome) if stats else b"")
    return parts_response(success(data, warnings=warnings, infos=result.infos), coding=call.coding)


def _data(parts: Iterator[bytes], stats: bytes) -> Iterator[bytes]:
    yield b"{"
    yield from parts
    yield stats
    yield b"}"


def _explained(outcome: Outcome) -> Response:
    result = outcome.result
    assert result.plan is not None
    return success_response(plan_document(result.plan), warnings=result.warnings, infos=result.infos)


def plan_document(plan: PlanStep) -> dict[str, object]:
    """Return a plan for answers: as lines for people, and as a tree."""
    return {"text": list(plan.lines()), "plan": _step_document(plan)}


def _step_document(step: PlanStep) -> dict[str, object]:
    costs = {} if step.cost is None else asdict(step.cost)
    return {
        "step": step.headline,
        "expr": step.text,
        **costs,
        "below": [_step_document(below) for below in step.below],
    }


def _stats_json(outcome: Outcome) -> bytes:
    """Return the `stats` field; the engine evaluates, sorts and prepares as one, so that their times are its whole time."""
    stats, plan = outcome.result.stats, outcome.result.plan
    return b',"stats":' + json_bytes(
        {
            "timings": {
                "evalTotalTime": outcome.ran_s,
                "resultSortTime": 0,
                "queryPreparationTime": max(0.0, outcome.ran_s - stats.seconds),
                "innerEvalTime": stats.seconds,
                "execQueueTime": outcome.waited_s,
                "execTotalTime": outcome.waited_s + outcome.ran_s,
            },
            "samples": {
                "totalQueryableSamples": stats.samples,
                "samplesRead": stats.samples,
                "peakSamples": stats.peak_samples,
            },
            **({} if plan is None else {"plan": _step_document(plan)}),
        }
    )
