"""A thousand targets of 500 series: what collecting them costs on one core, and whether every scrape comes in time."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from benchmarks.compare.connection import Connection, RequestFailed
from benchmarks.compare.exposition_server import SERIES
from benchmarks.compare.processes import Process, free_port
from benchmarks.compare.programs import ROOT, bongsu, credentials, prometheus
from benchmarks.compare.report import OURS, Measure, Section, Target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.compare.bench import Bench
    from benchmarks.compare.programs import Program, Recipe

WARM_INTERVALS = 2
"""In the first interval series are made, in the second the scrapers learn the layout."""

JOB = "bench"
"""Name of the job or workspace: a program may also scrape itself."""

_JSON = {"Content-Type": "application/json"}


SCRAPER_CORE, EXPORTER_CORE = 0, 1
"""The program has a core of its own; what it scrapes is on another where there is one."""

ROOM = 50.0
"""Percent of its core that a scraper of so many targets may take: bodies that change, queries and rules need the rest."""


@dataclass(frozen=True, slots=True)
class _Watched:
    """
    What a program did while it was watched.

    Attributes
    ----------
    share
        Of a core, in percent.
    missed
        Scrapes that should have come and did not.
    off_ms
        How far the 99th percentile of the times between two scrapes of a target is from the interval.
    slow_ms
        99th percentile of the time of a scrape, as the program itself says.
    """

    share: float
    memory: float
    missed: float
    off_ms: float
    slow_ms: float


def measure_scraping(bench: Bench) -> Section:
    """Let Bongsu and Prometheus scrape the same targets, one after the other."""
    sizes = bench.sizes
    port = free_port()
    exporter = Process(
        _on_core(EXPORTER_CORE, [sys.executable, "-m", "benchmarks.compare.exposition_server", str(port)]),
        log=bench.folder / "exporter.log",
        cwd=ROOT,
        environment=os.environ,
    )
    interval = f"{sizes.scrape_interval_s}s"
    recipes = [
        bongsu(BONGSU_SCRAPE_INTERVAL=interval, BONGSU_SCRAPE_TIMEOUT=interval),
        prometheus(bench.peers["prometheus"], _configuration(port, sizes.targets, interval)),
    ]
    try:
        watched = {recipe.name: _watched(bench, _pinned(recipe), port) for recipe in recipes}
    finally:
        exporter.terminate()
    return Section(
        "Scraping",
        f"{sizes.targets:,} targets of {SERIES} series every {sizes.scrape_interval_s} s, bodies with other values each time, text format 0.0.4; "
        f"each program has one core, and is watched for {sizes.scrape_seconds} s.",
        _measures(watched, sizes.targets * SERIES),
    )


def _watched(bench: Bench, recipe: Recipe, port: int) -> _Watched:
    program = bench.program(recipe, "scrape")
    program.start()
    try:
        if recipe.name == OURS:
            _register(program, port, bench.sizes.targets)
        watched = _watch(bench, program)
    finally:
        program.remove()
    bench.say(f"scraping, {recipe.name}: {watched}")
    return watched


def _measures(watched: dict[str, _Watched], series: int) -> list[Measure]:
    def row(name: str, unit: str, attribute: str, *target: Target, note: str = "") -> Measure:
        values = {program: float(getattr(each, attribute)) for program, each in watched.items()}
        return Measure(name, unit, values, target=target, note=note)

    return [
        row("scraping, processor time", "% of a core", "share", Target(2.0, "Prometheus"), Target(ROOM)),
        row("missed scrapes", "scrapes", "missed", Target(0.0)),
        row("time between two scrapes off the interval, 99%", "ms", "off_ms"),
        row("time of a scrape, 99%", "ms", "slow_ms"),
        row("memory a series at the end", "bytes", "memory", note=f"{series:,} series"),
    ]


def _pinned(recipe: Recipe) -> Recipe:
    """Return a recipe whose program has one core."""

    def command(folder: Path, port: int) -> list[str]:
        return _on_core(SCRAPER_CORE, recipe.command(folder, port))

    return replace(recipe, command=command)


def _on_core(core: int, command: list[str]) -> list[str]:
    """Return a command that runs on one core, on any if the machine has not that many."""
    return ["taskset", "-c", str(core), *command] if core < (os.cpu_count() or 1) else command


def _configuration(port: int, targets: int, interval: str) -> str:
    groups = [
        {
            "targets": [f"127.0.0.1:{port}"],
            "labels": {"__metrics_path__": f"/metrics/{i}", "instance": f"target-{i}"},
        }
        for i in range(targets)
    ]
    job = {
        "job_name": JOB,
        "scrape_interval": interval,
        "scrape_timeout": interval,
        "static_configs": groups,
    }
    return f"scrape_configs: {json.dumps([job])}\n"  # JSON is YAML


def _register(program: Program, port: int, targets: int) -> None:
    """Make servers and targets as an operator does."""
    said = credentials(program.folder)
    project = said["projectId"]
    admin = Connection(program.url, {"Authorization": f"Bearer {said['adminToken']}"})
    sysmon = Connection(program.url, {"X-TC-APP-KEY": said["appkey"], "X-SYSMON-REGION": "kr"})
    with closing(admin), closing(sysmon):
        admin.request("PATCH", f"/admin/v1/projects/{project}", b'{"linuxWorkspace": false}', headers=_JSON)
        jobs = f"/v1.0/projects/{project}/jobs"
        job = _sysmon(sysmon, jobs, {"jobName": JOB, "metricsPath": "/metrics"})["jobId"]
        for number in range(targets):
            host = _host(admin, project, number)
            _sysmon(sysmon, f"{jobs}/{job}/targets", {"hostId": host, "port": port})


def _host(admin: Connection, project: str, number: int) -> str:
    body = json.dumps({"hostNm": f"target-{number}", "svrIp": "127.0.0.1"}).encode()
    answer = admin.request("POST", f"/admin/v1/projects/{project}/servers", body, headers=_JSON)
    host: str = answer.json()["hostId"]
    return host


def _sysmon(connection: Connection, path: str, body: dict[str, object]) -> Any:
    """Return what a call of the workspace API made."""
    answer = connection.request("POST", path, json.dumps(body).encode(), headers=_JSON).json()
    if not answer["header"]["isSuccessful"]:
        raise RequestFailed(f"{path}: {answer['header']}")
    return answer["body"]


def _watch(bench: Bench, program: Program) -> _Watched:
    sizes = bench.sizes
    _await_targets(program, sizes.targets, within_s=60 + 3 * sizes.scrape_interval_s)
    time.sleep(WARM_INTERVALS * sizes.scrape_interval_s)
    before, began, began_ms = program.process.cpu_seconds(), time.perf_counter(), time.time_ns() // 1_000_000
    time.sleep(sizes.scrape_seconds)
    share = (program.process.cpu_seconds() - before) / (time.perf_counter() - began)
    now_ms = time.time_ns() // 1_000_000
    scraped = program.count(f'sum(scrape_samples_scraped{{job="{JOB}"}})', now_ms)
    if scraped != sizes.targets * SERIES:
        raise RequestFailed(
            f"{program.name} scraped {scraped:,.0f} samples of {sizes.targets * SERIES:,}: no number to compare"
        )
    memory = program.process.resident() / (sizes.targets * SERIES)
    # The newest scrapes may still be under way: whole intervals before them are looked at.
    until_ms = now_ms - 2_000
    span_ms = until_ms - began_ms
    times = [[at for at, value in row if value == 1.0] for row in _samples(program, "up", until_ms, span_ms)]
    missed, off_ms = _regularity(times, sizes.scrape_interval_s * 1000)
    took = [
        value for row in _samples(program, "scrape_duration_seconds", until_ms, span_ms) for _, value in row
    ]
    return _Watched(100 * share, memory, missed, off_ms, 1000 * statistics.quantiles(took, n=100)[-1])


def _samples(program: Program, name: str, until_ms: int, span_ms: int) -> list[list[tuple[int, float]]]:
    """Return times, in Unix milliseconds, and values of a report series of each target."""
    query = f'{name}{{job="{JOB}"}}[{span_ms}ms]'
    found = program.ask("query", query=query, time=until_ms / 1000)["result"]
    return [[(round(at * 1000), float(value)) for at, value in series["values"]] for series in found]


def _regularity(times: Sequence[Sequence[int]], interval_ms: int) -> tuple[float, float]:
    """Return how many scrapes are missing between those that came, and how far the 99% of the gaps are off the interval."""
    gaps = [after - before for each in times for before, after in pairwise(each)]
    missed = sum(round(gap / interval_ms) - 1 for gap in gaps)
    off = sorted(abs(gap - interval_ms * max(1, round(gap / interval_ms))) for gap in gaps)
    return float(missed), statistics.quantiles(off, n=100)[-1]


def _await_targets(program: Program, targets: int, *, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    up = 0.0
    while time.monotonic() < deadline:
        up = program.count(f'count(up{{job="{JOB}"}} == 1)', time.time_ns() // 1_000_000)
        if up == targets:
            return
        time.sleep(1)
    raise RequestFailed(f"{program.name} reached {up:.0f} of {targets} targets within {within_s:.0f} s")
