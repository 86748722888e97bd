"""Queries over HTTP, the programs in turn: heavy ones, small ones, dashboards; and whether the answers agree."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from benchmarks.compare.answers import compare, read_matrix
from benchmarks.compare.connection import RequestFailed
from benchmarks.compare.questions import HEAVY, panels, small_calls
from benchmarks.compare.report import OURS, Measure, Section, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.compare.bench import Bench
    from benchmarks.compare.connection import Connection
    from benchmarks.compare.programs import Program
    from benchmarks.compare.questions import Heavy

TIRING_S = 6.0
"""A program that takes longer for a query is not asked again: its place in the order is clear."""

CHECK_STEPS = 24
"""Answers are compared at this many steps; all steps of a large answer take longer to read than to make."""

CLIENTS = 16
DASHBOARD_ROUNDS = 2


class Asked:
    """
    The programs with the data set, ready for queries.

    Attributes
    ----------
    instance
        A host that lives at the end of the data.
    """

    def __init__(
        self, programs: Sequence[Program], *, start_ms: int, end_ms: int, instances: list[str]
    ) -> None:
        self.programs = programs
        self.start_s = start_ms / 1000
        self.end_s = end_ms / 1000
        self.instances = instances

    def heavy_path(self, program: Program, query: Heavy, step_s: float) -> str:
        """Return the path of a query over all of the data."""
        return program.path("query_range", query=query.text, start=self.start_s, end=self.end_s, step=step_s)


def measure_heavy(bench: Bench, asked: Asked) -> Section:
    """Measure the heavy queries, and how much memory they take, when what the programs do after a start is over."""
    for program in asked.programs:
        program.process.wait_until_calm()
    section = Section(
        "Heavy range queries",
        "Over all of the data, a point a minute, except `quantile_over_time`: every 5 minutes. Time until the last byte is read. "
        "The programs are calm when it begins; what the first of these queries costs right after a start stands above.",
    )
    peaks: dict[str, dict[str, float]] = {}
    for query in HEAVY:
        section.remarks += _check(bench, asked, query)
        seconds, peak = _time_heavy(bench, asked, query)
        section.measures.append(
            Measure.of_rounds(
                query.name,
                "ms",
                {name: [1000 * each for each in times] for name, times in seconds.items()},
                target=(Target(0.5, "VictoriaMetrics"), Target(0.1, "Prometheus")),
            )
        )
        peaks[query.name] = peak
        shown = ", ".join(f"{name} {value:,.0f} ms" for name, value in section.measures[-1].values.items())
        bench.say(f"{query.name}: {shown}")
    section.measures += [
        Measure(
            f"peak memory, {name}", "MB", {program: size / 1e6 for program, size in peak.items()}, target=goal
        )
        for name, peak, goal in _shown_peaks(peaks)
    ]
    return section


def _shown_peaks(
    peaks: dict[str, dict[str, float]],
) -> list[tuple[str, dict[str, float], tuple[Target, ...]]]:
    """Return the peak of the largest answer, and the highest of all queries."""
    highest: dict[str, float] = {}
    for peak in peaks.values():
        for program, size in peak.items():
            highest[program] = max(size, highest.get(program, 0))
    goal = (Target(1.0, "Prometheus"),)
    return [
        ("rate of each series", peaks["rate of each series"], goal),
        ("all of these queries", highest, goal),
    ]


def _time_heavy(bench: Bench, asked: Asked, query: Heavy) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Return the seconds of each run and the highest resident memory, by program."""
    seconds: dict[str, list[float]] = defaultdict(list)
    peak: dict[str, float] = {}
    for run in range(bench.sizes.query_runs):
        for program in asked.programs:
            if seconds[program.name] and max(seconds[program.name]) > TIRING_S:
                continue
            with contextlib.closing(program.connect()) as connection:
                if run == 0:
                    program.process.reset_peak()
                answer = connection.get(asked.heavy_path(program, query, query.step_s), keep=False)
                seconds[program.name].append(answer.seconds)
                peak[program.name] = max(peak.get(program.name, 0), program.process.peak())
    return seconds, peak


def _check(bench: Bench, asked: Asked, query: Heavy) -> list[str]:
    """Compare the answers at some steps; return what the page should say. The first run also brings files into memory."""
    step = int((asked.end_s - asked.start_s) / CHECK_STEPS) or 1
    results = {}
    for program in asked.programs:
        with contextlib.closing(program.connect()) as connection:
            results[program.name] = read_matrix(
                connection.get(asked.heavy_path(program, query, step)).json()["data"]
            )
    remarks = []
    for name, theirs in results.items():
        if name == OURS:
            continue
        difference = compare(results[OURS], theirs)
        expected = name == "VictoriaMetrics" and query.differs
        if not difference.agrees:
            why = f": {query.differs}" if expected else ". **This is not expected.**"
            remarks.append(f"{name} answers `{query.text}` differently ({difference}){why}")
            if not expected:
                bench.say(f"WRONG ANSWER? {remarks[-1]}")
    return remarks


def measure_small(bench: Bench, asked: Asked) -> Section:
    """Measure small calls on one connection, in turns of a tenth of the runs."""
    section = Section("Small queries", "One keep-alive connection, one request after the other.")
    for call in small_calls(asked.instances[0], asked.end_s):
        seconds: dict[str, list[float]] = defaultdict(list)
        connections = [(program, program.connect()) for program in asked.programs]
        for program, connection in connections:
            _repeat(connection, program.path(call.call, **call.parameters), 20)
        for _ in range(10):
            for program, connection in connections:
                path = program.path(call.call, **call.parameters)
                seconds[program.name] += _repeat(connection, path, max(1, bench.sizes.small_runs // 10))
        for _, connection in connections:
            connection.close()
        section.measures.append(
            Measure(
                call.name,
                "ms",
                {name: 1000 * statistics.median(times) for name, times in seconds.items()},
                target=(Target(2.0, "least"),),
            )
        )
        shown = ", ".join(f"{name} {value:.2f} ms" for name, value in section.measures[-1].values.items())
        bench.say(f"{call.name}: {shown}")
    return section


def _repeat(connection: Connection, path: str, times: int) -> list[float]:
    return [connection.get(path, keep=False).seconds for _ in range(times)]


def measure_dashboards(bench: Bench, asked: Asked) -> Section:
    """Let many clients ask for panels of dashboards, each as fast as it is answered."""
    done: dict[str, list[float]] = defaultdict(list)
    late: dict[str, list[float]] = defaultdict(list)
    for _ in range(DASHBOARD_ROUNDS):
        for program in asked.programs:
            seconds = _run_clients(asked, program, bench.sizes.dashboard_seconds)
            done[program.name].append(len(seconds) / bench.sizes.dashboard_seconds)
            late[program.name].append(1000 * statistics.quantiles(seconds, n=20)[-1])
    section = Section(
        "Dashboards",
        f"{CLIENTS} clients at once, each asking for the panels of one host after the other: an hour, a point every 15 s, "
        "six panels.",
        [
            Measure(
                "dashboard queries",
                "1/s",
                {name: statistics.median(rates) for name, rates in done.items()},
                more_is_better=True,
                target=(Target(1.0, "Prometheus"),),
            ),
            Measure(
                "95% of them are answered within",
                "ms",
                {name: statistics.median(times) for name, times in late.items()},
            ),
        ],
    )
    for name, value in section.measures[0].values.items():
        bench.say(f"dashboards, {name}: {value:,.0f} queries/s")
    return section


def _run_clients(asked: Asked, program: Program, seconds: float) -> list[float]:
    """Return how long each query took."""
    took: list[float] = []
    failed: list[RequestFailed] = []
    deadline = time.monotonic() + seconds

    def client(number: int) -> None:
        paths = [
            program.path("query_range", **panel)
            for instance in (asked.instances[number:] + asked.instances[:number])
            for panel in panels(instance, asked.end_s)
        ]
        with contextlib.closing(program.connect()) as connection:
            while True:
                for path in paths:
                    if time.monotonic() >= deadline:
                        return
                    try:
                        took.append(connection.get(path, keep=False).seconds)
                    except RequestFailed as error:
                        failed.append(error)
                        return

    threads = [
        threading.Thread(target=client, args=(number % len(asked.instances),), daemon=True)
        for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return took
