"""
Times the calls of the workspace API on a large control database.

    python benchmarks/control/workspace_calls.py [--projects 1000] [--calls 300] [--url postgresql://...]

Ten workspaces and twenty servers a project, five targets a server: with 1,000 projects 10,000 workspaces and 100,000
targets, reserved ones not counted. The goal is 5 ms at the 99th percentile, and 50 µs for a key check.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy import insert
from starlette.applications import Starlette
from starlette.requests import Request

from bongsu.api import sysmon
from bongsu.api.access import AccessControl
from bongsu.control.database import sqlite_url
from bongsu.control.plane import ControlPlane
from bongsu.control.tables import ServerRow, TargetRow, WorkspaceRow
from bongsu.control.values import Scope, ScrapeOutcome
from bongsu.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bongsu.control.projects import NewProject

JOBS, SERVERS, PORTS = 10, 20, 5


def fill(plane: ControlPlane, count: int) -> list[NewProject]:
    """Make projects by the service, and what they hold by bulk inserts."""
    made = [plane.projects.create({"name": f"p{number}"}) for number in range(count)]
    now = 1_700_000_000_000
    for new in made:
        pcode = new.project.pcode
        common = {"pcode": pcode, "region": "kr"}
        jobs = [
            {
                "job_id": f"j-{pcode}-{i}",
                "name": f"job{i}",
                "metrics_path": "/m",
                "modified_ms": now,
                **common,
            }
            for i in range(JOBS)
        ]
        servers = [
            {
                "host_id": f"h-{pcode}-{i}",
                "name": f"host{i}",
                "address": "10.0.0.1",
                "created_ms": now,
                **common,
            }
            for i in range(SERVERS)
        ]
        targets = [
            {
                "target_id": f"t-{pcode}-{i}-{port}",
                "job_id": f"j-{pcode}-{i % JOBS}",
                "host_id": f"h-{pcode}-{i}",
                "port": port + 1,
                "modified_ms": now,
            }
            for i in range(SERVERS)
            for port in range(PORTS)
        ]
        with plane.database.write() as session:
            session.execute(insert(ServerRow), servers)
            session.execute(insert(WorkspaceRow), jobs)
            session.execute(insert(TargetRow), targets)
    return made


async def measure(name: str, calls: int, call: Callable[[], Awaitable[object]]) -> None:
    """Print the percentiles of many calls, one after the other."""
    await call()
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        await call()
        times.append((time.perf_counter() - start) * 1000)
    times.sort()
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    print(f"{name:<24} p50 {p50:7.3f} ms   p99 {p99:7.3f} ms")


async def run(plane: ControlPlane, made: list[NewProject], calls: int) -> None:
    """Measure every call over the application, as random projects."""
    clock = SystemClock()
    access = AccessControl(plane.keys, clock, CollectorRegistry())
    app = Starlette(routes=sysmon.routes(access=access, control=plane, log=structlog.get_logger()))
    choose = random.Random(1)
    numbers = iter(range(10**9))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://b") as client:

        async def call(method: str, path: str, body: object = None) -> None:
            new = choose.choice(made)
            pcode = new.project.pcode
            headers = {"X-TC-APP-KEY": new.appkey, "X-SYSMON-REGION": "kr"}
            path = path.format(
                job=f"j-{pcode}-{choose.randrange(JOBS)}", target=f"t-{pcode}-0-0", first=f"j-{pcode}-0"
            )
            url = f"/v1.0/projects/{new.project.project_id}{path}"
            answer = await client.request(method, url, headers=headers, json=body)
            assert answer.json()["header"]["resultCode"] == 0, answer.text

        await measure("GET /jobs", calls, lambda: call("GET", "/jobs"))
        await measure("GET /jobs/{jobId}", calls, lambda: call("GET", "/jobs/{job}"))
        await measure("GET /servers", calls, lambda: call("GET", "/servers"))
        await measure("GET .../targets", calls, lambda: call("GET", "/jobs/{job}/targets"))
        await measure("GET .../{targetId}", calls, lambda: call("GET", "/jobs/{first}/targets/{target}"))
        await measure(
            "POST /jobs",
            calls,
            lambda: call("POST", "/jobs", {"jobName": f"n{next(numbers)}", "metricsPath": "/m"}),
        )
        await measure("PUT /jobs/{jobId}", calls, lambda: call("PUT", "/jobs/{job}", {"metricsPath": "/n"}))

    request = Request(
        {"type": "http", "headers": [(b"host", b"x"), (b"x-tc-app-key", made[0].appkey.encode())]}
    )
    await measure("key check, cached", 20_000, lambda: access.require(request, Scope.READ))


def once(name: str, action: Callable[[], object]) -> None:
    """Print how long one action takes."""
    start = time.perf_counter()
    action()
    print(f"{name:<24} {(time.perf_counter() - start) * 1000:7.0f} ms")


def main() -> None:
    """Fill a database and measure."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    arguments.add_argument("--projects", type=int, default=1000)
    arguments.add_argument("--calls", type=int, default=300)
    arguments.add_argument("--url", help="an empty database; default: SQLite in a temporary folder")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plane = ControlPlane(chosen.url or sqlite_url(Path(folder) / "control.db"), SystemClock())
        print(f"{platform.machine()}, Python {platform.python_version()}, {plane.database!r}")
        once(f"fill, {chosen.projects} projects", lambda: made.extend(fill(plane, chosen.projects)))
        asyncio.run(run(plane, made, chosen.calls))
        targets = plane.targets.scrape_targets()
        once(f"list {len(targets)} targets", plane.targets.scrape_targets)
        plane.states.report([ScrapeOutcome(target.target_id, 1, 0) for target in targets])
        once("first flush of outcomes", plane.states.flush)
        plane.states.report([ScrapeOutcome(target.target_id, 2, 0) for target in targets])
        once("flush of no change", plane.states.flush)
        plane.close()


made: list[NewProject] = []

if __name__ == "__main__":
    main()
