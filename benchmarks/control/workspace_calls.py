"""
Times the calls of the workspace API on a large control database, the check of a key, and the edge of a request.

    python benchmarks/control/workspace_calls.py [--projects 1000] [--calls 300] [--url postgresql://...] [--output PAGE]

Ten workspaces and twenty servers a project, five targets a server: with 1,000 projects 10,000 workspaces and 100,000
targets, reserved ones not counted. Processor time is that of all threads of the process: it says what a call costs, whatever else the
machine does; the time by the clock says what a caller waits. ``--output`` writes `docs/control-performance.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime
import os
import platform
import random
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy import insert, select
from starlette.requests import Request

from bongsu.api import sysmon
from bongsu.api.access import AccessControl
from bongsu.api.body import CONTROL_LIMITS, read_raw_body
from bongsu.api.dispatch import Dispatcher
from bongsu.api.prometheus.envelope import failure_response
from bongsu.api.respond import no_content
from bongsu.api.routing import Router
from bongsu.control.context import ControlOptions
from bongsu.control.database import sqlite_url
from bongsu.control.limits import ControlLimits
from bongsu.control.plane import ControlPlane
from bongsu.control.tables import ProjectRow, ServerRow, TargetRow, WorkspaceRow
from bongsu.control.values import Scope, ScrapeOutcome
from bongsu.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message
    from starlette.types import Scope as AsgiScope

    from bongsu.control.projects import NewProject

JOBS, SERVERS, PORTS = 10, 20, 5
CALLED = 100
"""Projects that the calls go to at most: making one with its keys costs some 10 ms, and the others are there to be passed over."""
THEN_MS = 1_700_000_000_000
KEY_CHECKS, EDGE_CALLS = 20_000, 5_000
NOTHING = "/prometheus/api/v1/nothing"
CALL_GOAL_MS, KEY_GOAL_MS, EDGE_GOAL_MS = 5.0, 0.05, 0.3


@dataclass(frozen=True, slots=True)
class Row:
    """
    What one kind of call takes, in milliseconds.

    Attributes
    ----------
    median, high
        By the clock; `high` is the 99th percentile.
    processor, processor_high
        Mean and 99th percentile of the processor time, which other load on the machine hardly changes.
    goal
        What `high` is to stay under.
    """

    name: str
    median: float
    high: float
    processor: float
    processor_high: float
    goal: float | None = None

    def text(self) -> str:
        """Return a row of the page's table."""
        goal = "" if self.goal is None else f"{self.goal:g}"
        figures = (self.processor, self.processor_high, self.median, self.high)
        return f"| {self.name} | {' | '.join(f'{figure:.3f}' for figure in figures)} | {goal} |"


def fill(plane: ControlPlane, count: int) -> list[NewProject]:
    """Make the projects that are called by the service, and all else by bulk inserts; return the former."""
    others = [
        {
            "project_id": f"other-{number}",
            "name": f"other {number}",
            "region": "kr",
            "retention_ms": 0,
            "linux_workspace": True,
            "limits": {},
            "created_ms": THEN_MS,
        }
        for number in range(max(0, count - CALLED))
    ]
    with plane.database.write() as session:
        if others:
            session.execute(insert(ProjectRow), others)
    made = [plane.projects.create({"name": f"p{number}"}) for number in range(min(count, CALLED))]
    with plane.database.write() as session:
        pcodes = session.scalars(select(ProjectRow.pcode)).all()
        session.execute(insert(ServerRow), [row for pcode in pcodes for row in _servers(pcode)])
        session.execute(insert(WorkspaceRow), [row for pcode in pcodes for row in _jobs(pcode)])
        session.execute(insert(TargetRow), [row for pcode in pcodes for row in _targets(pcode)])
    return made


def _jobs(pcode: int) -> Iterator[dict[str, object]]:
    for i in range(JOBS):
        yield {
            "job_id": f"j-{pcode}-{i}",
            "name": f"job{i}",
            "metrics_path": "/m",
            "modified_ms": THEN_MS,
            "pcode": pcode,
            "region": "kr",
        }


def _servers(pcode: int) -> Iterator[dict[str, object]]:
    for i in range(SERVERS):
        yield {
            "host_id": f"h-{pcode}-{i}",
            "name": f"host{i}",
            "address": "10.0.0.1",
            "created_ms": THEN_MS,
            "pcode": pcode,
            "region": "kr",
        }


def _targets(pcode: int) -> Iterator[dict[str, object]]:
    for i in range(SERVERS):
        for port in range(PORTS):
            yield {
                "target_id": f"t-{pcode}-{i}-{port}",
                "job_id": f"j-{pcode}-{i % JOBS}",
                "host_id": f"h-{pcode}-{i}",
                "port": port + 1,
                "modified_ms": THEN_MS,
            }


async def measure(
    name: str, calls: int, call: Callable[[], Awaitable[object]], goal: float | None = None
) -> Row:
    """Make many calls, one after the other."""
    await call()
    times, processor = [], []
    for _ in range(calls):
        start, worked = time.perf_counter(), time.process_time()
        await call()
        processor.append((time.process_time() - worked) * 1000)
        times.append((time.perf_counter() - start) * 1000)
    times.sort()
    processor.sort()
    last = int(calls * 0.99)
    return _said(Row(name, times[calls // 2], times[last], sum(processor) / calls, processor[last], goal))


def _said(row: Row) -> Row:
    print(
        f"{row.name:<36} processor {row.processor:7.3f} p99 {row.processor_high:7.3f}   "
        f"by the clock p50 {row.median:7.3f} p99 {row.high:7.3f} ms"
    )
    return row


async def measure_disk(folder: Path, calls: int) -> Row:
    """Measure a bare commit of a row as every changing call makes one: what the disk takes of it, whatever the program does."""
    with contextlib.closing(sqlite3.connect(folder / "disk.db", isolation_level=None)) as database:
        database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (x)")

        async def commit() -> None:
            database.execute("INSERT INTO t VALUES (?)", ("x" * 500,))

        return await measure("a bare commit to the disk", calls, commit)


async def measure_calls(plane: ControlPlane, made: Sequence[NewProject], calls: int) -> list[Row]:
    """Measure every call over the application, as random projects."""
    access = AccessControl(plane.keys, SystemClock(), CollectorRegistry())
    app = Dispatcher(sysmon.routes(access=access, control=plane, log=structlog.get_logger()))
    choose = random.Random(1)
    numbers = iter(range(10**9))

    async def call(method: str, path: str, fields: Callable[[int], object]) -> None:
        new = choose.choice(made)
        pcode = new.project.pcode
        path, _, query = path.partition("?")
        path = path.format(
            job=f"j-{pcode}-{choose.randrange(JOBS)}", target=f"t-{pcode}-0-0", first=f"j-{pcode}-0"
        )
        url = f"/v1.0/projects/{new.project.project_id}{path}"
        body = fields(pcode)
        sent = b"" if body is None else orjson.dumps(body)
        answer = await _ask(app, _scope(new.appkey, method, url, query), sent)
        assert orjson.loads(answer)["header"]["resultCode"] == 0, answer

    table: list[tuple[str, str, Callable[[int], object]]] = [
        ("GET", "/jobs", lambda _: None),
        ("GET", "/jobs/{job}", lambda _: None),
        ("GET", "/servers", lambda _: None),
        ("GET", "/servers?state=true", lambda _: None),
        ("GET", "/jobs/{job}/targets", lambda _: None),
        ("GET", "/jobs/{first}/targets/{target}", lambda _: None),
        ("POST", "/jobs", lambda _: {"jobName": f"n{next(numbers)}", "metricsPath": "/m"}),
        ("PUT", "/jobs/{job}", lambda _: {"metricsPath": "/n"}),
        (
            "POST",
            "/jobs/{job}/targets",
            lambda pcode: {"hostId": f"h-{pcode}-0", "port": 1000 + next(numbers)},
        ),
    ]
    return [
        await measure(
            f"{method} {path}",
            calls,
            lambda m=method, p=path, b=body: call(m, p, b),  # type: ignore[misc]
            CALL_GOAL_MS,
        )
        for method, path, body in table
    ]


async def measure_edge(plane: ControlPlane, new: NewProject) -> list[Row]:
    """Measure a key check, and what stands around every call: its route, key and bounded body, beside an application that has none."""
    access = AccessControl(plane.keys, SystemClock(), CollectorRegistry())
    log = structlog.get_logger()

    async def guarded(request: Request) -> Response:
        await access.require(request, Scope.READ)
        await read_raw_body(request, CONTROL_LIMITS)
        return no_content()

    async def bare(scope: AsgiScope, receive: object, send: Callable[[Message], Awaitable[None]]) -> None:
        await no_content()(scope, receive, send)  # type: ignore[arg-type]

    router = Router(failure_response, log)
    routes = sysmon.routes(access=access, control=plane, log=log)
    whole = Dispatcher([router.resource(NOTHING, POST=guarded), *routes])
    request = Request(_scope(new.appkey))
    key = await measure(
        "key check, cached", KEY_CHECKS, lambda: access.require(request, Scope.READ), KEY_GOAL_MS
    )
    nothing = await measure("a request without an edge", EDGE_CALLS, lambda: _ask(bare, _scope(new.appkey)))
    edge = await measure(
        "a request with route, key and body", EDGE_CALLS, lambda: _ask(whole, _scope(new.appkey))
    )
    return [
        key,
        nothing,
        edge,
        _said(
            Row(
                "what the edge adds",
                edge.median - nothing.median,
                edge.high - nothing.high,
                edge.processor - nothing.processor,
                edge.processor_high - nothing.processor_high,
                EDGE_GOAL_MS,
            )
        ),
    ]


def _scope(key: str, method: str = "POST", path: str = NOTHING, query: str = "") -> dict[str, object]:
    headers = [(b"host", b"x"), (b"x-tc-app-key", key.encode()), (b"x-sysmon-region", b"kr")]
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [*headers, (b"content-type", b"application/json")],
    }


async def _ask(app: ASGIApp, scope: dict[str, object], sent: bytes = b"{}") -> bytes:
    answer = []

    async def receive() -> Message:
        return {"type": "http.request", "body": sent, "more_body": False}

    async def send(message: Message) -> None:
        assert message.get("status", 200) < 300, message
        answer.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(answer)


def once(name: str, action: Callable[[], object]) -> str:
    """Return a line about how long one action takes."""
    start, processor = time.perf_counter(), time.process_time()
    action()
    took, processor = time.perf_counter() - start, time.process_time() - processor
    line = f"{name}: {processor * 1000:,.0f} ms of the processor, {took * 1000:,.0f} ms by the clock"
    print(line)
    return line


def measure_targets(plane: ControlPlane) -> list[str]:
    """Measure what concerns all targets of the server."""
    targets = plane.targets.scrape_targets()
    lines = [once(f"list {len(targets):,} targets to be scraped", plane.targets.scrape_targets)]
    for code, name in ((0, "write their first outcomes"), (-1, "write outcomes that all have changed")):
        plane.states.report([ScrapeOutcome(target.target_id, THEN_MS, code) for target in targets])
        lines.append(once(name, plane.states.flush))
    return lines


def page(rows: Sequence[Row], lines: Sequence[str], database: str, projects: int) -> str:
    """Return the page about the figures."""
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return "\n".join(
        [
            "# Performance of the control plane",
            "",
            "This page is written by `python benchmarks/control/workspace_calls.py --output docs/control-performance.md`. Calls go through the whole",
            "application of the workspace API without a network, one after the other, as random projects. The processor time is that of all threads",
            "of the process; times by the clock suffer from whatever else the machine does. 'Wanted' is for the 99th percentile by the clock. A call",
            "that changes something waits for the disk before it answers (SQLite's `synchronous = FULL`): a key that was shown is there after a power",
            "cut, and one that was revoked does not come back. A bare commit beside it tells how much of the call that is.",
            "",
            f"- {when}, {platform.machine()}, {os.cpu_count()} processors, load {load}, Python {platform.python_version()}",
            f"- {projects:,} projects, {projects * JOBS:,} workspaces, {projects * SERVERS * PORTS:,} targets in {database}",
            "",
            "| Call | processor, ms | its p99 | median, ms | p99, ms | wanted, ms |",
            "|---|---|---|---|---|---|",
            *[row.text() for row in rows],
            "",
            "For all targets together:",
            "",
            *[f"- {line}" for line in lines],
            "",
        ]
    )


def main() -> None:
    """Fill a database, measure, and write the page if it is wanted."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    arguments.add_argument("--projects", type=int, default=1000)
    arguments.add_argument("--calls", type=int, default=300)
    arguments.add_argument("--url", help="an empty database; default: SQLite in a temporary folder")
    arguments.add_argument("--output", type=Path, help="the page to write")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # Every server has as many targets as it may have by default, and is to take one more.
        options = ControlOptions(limits=ControlLimits(max_targets_per_server=0))
        plane = ControlPlane(chosen.url or sqlite_url(Path(folder) / "control.db"), SystemClock(), options)
        made: list[NewProject] = []
        once(f"fill, {chosen.projects} projects", lambda: made.extend(fill(plane, chosen.projects)))
        rows = asyncio.run(measure_calls(plane, made, chosen.calls))
        rows.append(asyncio.run(measure_disk(Path(folder), chosen.calls)))
        rows += asyncio.run(measure_edge(plane, made[0]))
        lines = measure_targets(plane)
        kind = "SQLite" if plane.database.is_sqlite else "PostgreSQL"
        plane.close()
    if chosen.output is not None:
        chosen.output.write_text(page(rows, lines, kind, chosen.projects))


if __name__ == "__main__":
    main()
