"""A thousand targets of 500 series: what collecting them costs."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from benchmarks.compare.connection import Connection, RequestFailed
from benchmarks.compare.exposition_server import SERIES
from benchmarks.compare.processes import Process, free_port
from benchmarks.compare.programs import ROOT, bongsu, credentials, prometheus
from benchmarks.compare.report import Measure, Section, Target

if TYPE_CHECKING:
    from benchmarks.compare.bench import Bench
    from benchmarks.compare.programs import Program

WARM_INTERVALS = 2
"""In the first interval series are made, in the second the scrapers learn the layout."""

JOB = "bench"
"""Name of the job or workspace: a program may also scrape itself."""

_JSON = {"Content-Type": "application/json"}


def measure_scraping(bench: Bench) -> Section:
    """Let Bongsu and Prometheus scrape the same targets, one after the other."""
    sizes = bench.sizes
    port = free_port()
    exporter = Process(
        [sys.executable, "-m", "benchmarks.compare.exposition_server", str(port)],
        log=bench.folder / "exporter.log",
        cwd=ROOT,
        environment=os.environ,
    )
    cpu: dict[str, float] = {}
    memory: dict[str, float] = {}
    try:
        interval = f"{sizes.scrape_interval_s}s"
        recipes = [
            bongsu(BONGSU_SCRAPE_INTERVAL=interval, BONGSU_SCRAPE_TIMEOUT=interval),
            prometheus(bench.peers["prometheus"], _configuration(port, sizes.targets, interval)),
        ]
        for recipe in recipes:
            program = bench.program(recipe, "scrape")
            program.start()
            try:
                if recipe.name == "Bongsu":
                    _register(program, port, sizes.targets)
                cpu[recipe.name], memory[recipe.name] = _watch(bench, program)
            finally:
                program.remove()
            bench.say(f"scraping, {recipe.name}: {cpu[recipe.name]:.1f}% of a core")
    finally:
        exporter.terminate()
    return Section(
        "Scraping",
        f"{sizes.targets:,} targets of {SERIES} series every {sizes.scrape_interval_s} s, bodies with other values each time, text format 0.0.4.",
        [
            Measure("processor time", "% of a core", cpu, target=(Target(2.0, "Prometheus"),)),
            Measure("memory a series at the end", "bytes", memory, note=f"{sizes.targets * SERIES:,} series"),
        ],
    )


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


def _watch(bench: Bench, program: Program) -> tuple[float, float]:
    """Return the share of a core in percent, and bytes of memory a series."""
    sizes = bench.sizes
    _await_targets(program, sizes.targets, within_s=60 + 3 * sizes.scrape_interval_s)
    time.sleep(WARM_INTERVALS * sizes.scrape_interval_s)
    before, began = program.process.cpu_seconds(), time.perf_counter()
    time.sleep(sizes.scrape_seconds)
    share = (program.process.cpu_seconds() - before) / (time.perf_counter() - began)
    now_ms = time.time_ns() // 1_000_000
    scraped = program.count(f'sum(scrape_samples_scraped{{job="{JOB}"}})', now_ms)
    if scraped != sizes.targets * SERIES:
        raise RequestFailed(
            f"{program.name} scraped {scraped:,.0f} samples of {sizes.targets * SERIES:,}: no number to compare"
        )
    return 100 * share, program.process.resident() / (sizes.targets * SERIES)


def _await_targets(program: Program, targets: int, *, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    up = 0.0
    while time.monotonic() < deadline:
        up = program.count(f'count(up{{job="{JOB}"}} == 1)', time.time_ns() // 1_000_000)
        if up == targets:
            return
        time.sleep(1)
    raise RequestFailed(f"{program.name} reached {up:.0f} of {targets} targets within {within_s:.0f} s")
