"""
Times the real-time endpoints at many agents, and the memory of agents, users and kept transactions.

    python -m benchmarks.apm.realtime [--agents 500] [--users 1000000] [--calls 200]

Every agent sends 20 spans a tick and a report of 17 gauge streams; users are spread over the five minutes of their window. Endpoints are
called through ASGI, without a socket: what is measured is the server's work for one answer.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import statistics
import time

import psutil
from tests.support.apm import gauge, metrics, resource, span, spans
from tests.support.apm_api import NOW_MS, ApmApi

from bongsu.api.openapm.routes import NUMBER_NAMES
from bongsu.apm.settings import TICK_MS

SPANS = 20
WINDOW_TICKS = 60
TARGET_MS = 2.0


def resident_mb() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 2**20


def report(at_ms: int, agent: int) -> list[object]:
    states = ("method", "sql", "httpc", "dbc", "socket")
    in_flight = [({"state": s, "band": b}, 1.0) for s in states for b in ("0-3s", "3-8s")]
    return [
        gauge("bongsu.transactions.active", *in_flight, at_ms=at_ms),
        gauge("bongsu.threadpool.active", ({"pool": "a"}, 3.0), at_ms=at_ms),
        gauge("bongsu.threadpool.queue", ({"pool": "a"}, 1.0), at_ms=at_ms),
        gauge(
            "db.client.connection.count",
            *(
                ({"db.client.connection.state": s, "db.client.connection.pool.name": "p"}, 2.0)
                for s in ("used", "idle")
            ),
            at_ms=at_ms,
        ),
        gauge("bongsu.host.cpu.cores", ({}, 8.0), at_ms=at_ms),
        gauge(
            "system.cpu.utilization",
            ({"cpu.mode": "idle"}, 0.5 + agent % 5 / 10),
            ({"cpu.mode": "user"}, 0.1),
            at_ms=at_ms,
        ),
    ]


async def fill(api: ApmApi, agents: int, users: int, ticks: int) -> list[float]:
    """Send ticks of spans and reports; return the seconds that each sealing took."""
    seals: list[float] = []
    per_tick = users // ticks
    user = 0
    for tick in range(ticks):
        begin = NOW_MS + tick * TICK_MS
        await api.manual.advance((begin + 4_000 - api.manual.now_ms()) / 1000)
        for agent in range(agents):
            of = resource(f"i{agent}", host=f"host-{agent // 2}")
            count = max(SPANS, per_tick // agents)
            items = []
            for number in range(count):
                items.append(span(begin + 1_000, elapsed_ms=5 + number, user=f"user-{user}"))
                user = (user + 1) % users
            api.engine.add_spans("alpha", spans(*items, of=of))
            api.engine.add_metrics("alpha", metrics(*report(begin + 3_900, agent), of=of))  # type: ignore[arg-type]
        begun = time.perf_counter()
        api.engine.tick()
        seals.append(time.perf_counter() - begun)
    await api.to(NOW_MS + ticks * TICK_MS + api.settings.grace_ms)
    return seals


async def time_endpoints(api: ApmApi, calls: int) -> dict[str, float]:
    """Return the median milliseconds of each endpoint."""
    paths = [f"/open/api/{name}" for name in NUMBER_NAMES] + ["/open/api/json/spot"]
    medians = {}
    async with api.client() as client:
        for path in paths:
            taken = []
            for _ in range(calls):
                begun = time.perf_counter()
                answer = await client.get(path, headers=api.reader())
                taken.append(1_000 * (time.perf_counter() - begun))
                assert answer.status_code == 200
            medians[path] = statistics.median(taken)
    return medians


async def main(agents: int, users: int, calls: int) -> None:
    print(
        json.dumps(
            {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
        )
    )
    before = resident_mb()
    small = ApmApi()
    await fill(small, agents, agents * SPANS, 3)
    with_agents = resident_mb()
    print(f"{agents} agents: {with_agents - before:.0f} MB")
    medians = await time_endpoints(small, calls)
    slowest = max(medians, key=lambda path: medians[path])
    print(
        f"slowest endpoint at {agents} agents: {slowest} {medians[slowest]:.2f} ms, of {TARGET_MS} ms; client included"
    )
    begin = resident_mb()
    large = ApmApi()
    seals = await fill(large, agents, users, WINDOW_TICKS)
    tick = large.engine.newest("alpha")
    print(
        f"{users} users over {agents} agents: {resident_mb() - begin:.0f} MB with ticks in memory; counted {tick.numbers.user} "
        f"({tick.numbers.user / users - 1:+.2%}); sealing {statistics.median(seals):.2f} s, at most {max(seals):.2f} s a tick"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=500)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=200)
    given = parser.parse_args()
    asyncio.run(main(given.agents, given.users, given.calls))
