"""Remote write as a sender with known series does it: how fast, at what cost, and what a killed program keeps."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from benchmarks.compare.connection import RequestFailed
from benchmarks.compare.dataset import CPUS, MODES, PROCESSES, SERIES_PER_HOST, STEP_MS, Shape, make_hosts
from benchmarks.compare.encoding import SeriesHead, Symbols, compress_request, encode_step
from benchmarks.compare.programs import bongsu
from benchmarks.compare.questions import COUNTER, GAUGE
from benchmarks.compare.report import OURS, PROGRAMS, Measure, Section, Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.compare.bench import Bench
    from benchmarks.compare.dataset import Host
    from benchmarks.compare.programs import Program

GROUPS = 12
"""Independent senders' worth of hosts; shared out evenly over 1 and 4 connections."""

HOSTS_PER_GROUP = 10
SAMPLES_PER_REQUEST = HOSTS_PER_GROUP * SERIES_PER_HOST
WARM_STEPS = 2
"""The first request of a group makes its series; what is measured is the ordinary life after that."""

CONCURRENCY = (1, 4)
SLOW_SYNC_MS = 5

ODD_STEPS = 2
"""Steps of requests that come twice, or late: enough to see what a sample costs, where that is a lot."""

COUNTER_TYPE, GAUGE_TYPE = 1, 2
"""Types of metrics by their number in the protocol."""

COUNTED = (COUNTER, GAUGE)
"""Metrics that are looked for after a kill: four fifths of a request."""

COUNTED_PER_REQUEST = HOSTS_PER_GROUP * (CPUS * len(MODES) + PROCESSES)


@dataclass(frozen=True, slots=True)
class Traffic:
    """
    Bodies by group and step, each with one sample of 2,000 series.

    Attributes
    ----------
    start_ms
        A sample of step *i* lies between `start_ms` + *i* steps and the next.
    version
        Of the protocol.
    """

    bodies: list[list[bytes]]
    start_ms: int
    version: int = 1


@dataclass(slots=True)
class Rates:
    """
    Run by run: samples a second, and processor seconds for a million samples.

    Attributes
    ----------
    again, late
        Samples a second of requests that are sent once more, and of requests whose samples lie between those that are there.
    """

    samples: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)


def make_traffic(requests: int, end_ms: int, version: int = 1) -> Traffic:
    """Return the bodies of about so many requests beside the warm-up."""
    steps = WARM_STEPS + max(1, requests // GROUPS)
    shape = Shape(GROUPS * HOSTS_PER_GROUP, steps, end_ms, churn_per_hour=0, groups=GROUPS)
    hosts = list(make_hosts(shape))
    return Traffic(
        [list(_group_bodies(hosts[group::GROUPS], steps, version)) for group in range(GROUPS)],
        shape.start_ms,
        version,
    )


def _group_bodies(hosts: Sequence[Host], steps: int, version: int) -> Iterator[bytes]:
    symbols = Symbols()
    heads = [[_head(labels, symbols, version) for labels in host.labels] for host in hosts]
    table = symbols.encode() if version == 2 else b""
    for step in range(steps):
        yield compress_request((table, *encode_step(hosts, heads, step)))


def _head(labels: Mapping[str, str], symbols: Symbols, version: int) -> SeriesHead:
    if version == 1:
        return SeriesHead(labels)
    kind = COUNTER_TYPE if labels["__name__"].endswith(("_total", "_bucket", "_count")) else GAUGE_TYPE
    return symbols.head(labels, kind, f"Help of {labels['__name__']}.")


def measure_ingest(bench: Bench) -> Section:
    """Measure every program in turn, each time with an empty data folder."""
    bench.say("making remote write requests")
    end_ms = bench.data_end_ms()
    traffic = make_traffic(bench.sizes.ingest_requests, end_ms)
    late = make_traffic(GROUPS * ODD_STEPS, end_ms - STEP_MS // 2)
    rates: dict[tuple[str, int], Rates] = defaultdict(Rates)
    recipes = [*bench.recipes(), bongsu(SLOW_SYNC_MS)]
    for _ in range(bench.sizes.ingest_runs):
        for concurrency in CONCURRENCY:
            for recipe in recipes:
                program = bench.program(recipe, f"ingest{concurrency}")
                odd = late if concurrency == 1 and recipe.name in PROGRAMS else None
                _run(program, traffic, odd, concurrency, rates[recipe.name, concurrency])
                bench.say(_progress(recipe.name, concurrency, rates[recipe.name, concurrency]))
    second = _second_version(bench, end_ms)
    lost = _losses(bench, traffic)
    section = Section(
        "Remote write",
        f"{SAMPLES_PER_REQUEST:,} samples a request (one sample of each of 2,000 series), snappy, version 1.0, an answer awaited before the next "
        "request of a connection. Bongsu answers when the samples are synced to disk; Prometheus when they are written to its log, without a "
        "sync, so that they outlive the process and not the machine; VictoriaMetrics from memory.",
    )
    for concurrency in CONCURRENCY:
        section.measures += _rows(rates, concurrency, [recipe.name for recipe in recipes[:3]])
    section.measures += second
    section.measures += [
        Measure.of_rounds(
            name,
            "samples/s",
            {recipe.name: getattr(rates[recipe.name, 1], kind) for recipe in recipes[:3]},
            more_is_better=True,
        )
        for name, kind in (
            ("the same requests once more", "again"),
            ("samples between those that are there", "late"),
        )
    ]
    section.measures.append(
        Measure(
            "acknowledged samples lost by `kill -9`",
            "% of a run",
            lost,
            target=(Target(0),),
        )
    )
    for concurrency in CONCURRENCY:
        slow = rates[recipes[3].name, concurrency]
        section.remarks.append(
            f"With {SLOW_SYNC_MS} ms added to each sync of Bongsu's, {concurrency} at once: {statistics.median(slow.samples):,.0f} samples/s at "
            f"{statistics.median(slow.cpu):.2f} CPU s a million."
        )
    return section


def _second_version(bench: Bench, end_ms: int) -> list[Measure]:
    """Measure version 2.0, with metadata in every request; VictoriaMetrics does not take it."""
    traffic = make_traffic(bench.sizes.ingest_requests, end_ms, version=2)
    concurrency = CONCURRENCY[-1]
    rates: dict[tuple[str, int], Rates] = defaultdict(Rates)
    recipes = bench.recipes()[:2]
    for recipe in recipes:
        _run(bench.program(recipe, "ingest-v2"), traffic, None, concurrency, rates[recipe.name, concurrency])
        bench.say("version 2.0, " + _progress(recipe.name, concurrency, rates[recipe.name, concurrency]))
    speed, cost = _rows(rates, concurrency, [recipe.name for recipe in recipes])
    return [
        replace(speed, name=f"version 2.0, {concurrency} at once", target=()),
        replace(cost, name="its processor time, version 2.0"),
    ]


def _rows(rates: dict[tuple[str, int], Rates], concurrency: int, names: list[str]) -> list[Measure]:
    return [
        Measure.of_rounds(
            f"remote write, {concurrency} at once",
            "samples/s",
            {name: rates[name, concurrency].samples for name in names},
            more_is_better=True,
            target=(Target(1.0, "VictoriaMetrics"),),
        ),
        Measure.of_rounds(
            f"its processor time, {concurrency} at once",
            "s/M samples",
            {name: rates[name, concurrency].cpu for name in names},
            target=(Target(1.0, "Prometheus"),),
        ),
    ]


def _progress(name: str, concurrency: int, rates: Rates) -> str:
    text = f"ingest, {concurrency} at once, {name}: {rates.samples[-1]:,.0f} samples/s, {rates.cpu[-1]:.2f} CPU s/M"
    if rates.late:
        text += f"; once more {rates.again[-1]:,.0f}/s, late {rates.late[-1]:,.0f}/s"
    return text


def _run(program: Program, traffic: Traffic, late: Traffic | None, concurrency: int, rates: Rates) -> None:
    """Measure one program with an empty data folder; with `late` also what comes twice and late."""
    program.start()
    try:
        Senders(program, traffic, concurrency, range(WARM_STEPS)).run()
        program.process.wait_until_calm(longest_s=10)
        steps = range(WARM_STEPS, len(traffic.bodies[0]))
        cpu = program.process.cpu_seconds()
        rates.samples.append(_samples_per_second(program, traffic, concurrency, steps))
        samples = len(steps) * GROUPS * SAMPLES_PER_REQUEST
        rates.cpu.append((program.process.cpu_seconds() - cpu) / samples * 1e6)
        if late is not None:
            rates.again.append(_samples_per_second(program, traffic, 1, steps[-ODD_STEPS:]))
            rates.late.append(_samples_per_second(program, late, 1, range(ODD_STEPS)))
    finally:
        program.remove()


def _samples_per_second(program: Program, traffic: Traffic, concurrency: int, steps: range) -> float:
    senders = Senders(program, traffic, concurrency, steps)
    began = time.perf_counter()
    senders.run()
    return len(steps) * GROUPS * SAMPLES_PER_REQUEST / (time.perf_counter() - began)


class Senders:
    """
    Connections that share the groups of a traffic; the steps of a group are sent in order.

    Attributes
    ----------
    acknowledged
        By group: steps that were answered.
    """

    def __init__(self, program: Program, traffic: Traffic, concurrency: int, steps: range) -> None:
        self._program = program
        self._traffic = traffic
        self._steps = steps
        self._errors: list[Exception] = []
        self.acknowledged = [0] * GROUPS
        self._threads = [
            threading.Thread(target=self._send, args=(range(worker, GROUPS, concurrency),), daemon=True)
            for worker in range(concurrency)
        ]

    def run(self) -> None:
        """Send everything."""
        self.start()
        self.join()
        if self._errors:
            raise self._errors[0]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end, which may be the program's."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))

    def _send(self, groups: range) -> None:
        with contextlib.closing(self._program.connect()) as connection:
            try:
                for step in self._steps:
                    for group in groups:
                        self._program.write(
                            connection, self._traffic.bodies[group][step], self._traffic.version
                        )
                        self.acknowledged[group] += 1
            except RequestFailed as error:
                self._errors.append(error)


def _losses(bench: Bench, traffic: Traffic) -> dict[str, float]:
    """Return the share of acknowledged samples that each program does not have any more after it was killed, in percent."""
    lost = {}
    for recipe in bench.recipes():
        program = bench.program(recipe, "kill")
        program.start()
        try:
            senders = Senders(program, traffic, 4, range(len(traffic.bodies[0])))
            senders.start()
            senders.join(bench.sizes.kill_seconds)
            program.kill()
            senders.join()
            program.start()
            share = _missing(program, traffic, senders.acknowledged)
        finally:
            program.remove()
        lost[recipe.name] = 100 * share
        bench.say(f"lost by kill -9, {recipe.name}: {100 * share:.1f}% of what was acknowledged")
    if lost[OURS] > 0:
        bench.say("BONGSU LOST ACKNOWLEDGED SAMPLES")
    return lost


def _missing(program: Program, traffic: Traffic, acknowledged: list[int]) -> float:
    """Return the share of acknowledged samples that are not found; what came after the last answer does not count."""
    found = 0.0
    for group, steps in enumerate(acknowledged):
        if steps:
            for name in COUNTED:
                query = f'sum(count_over_time({name}{{cluster="c{group}"}}[{steps * STEP_MS}ms]))'
                found += program.count(query, traffic.start_ms + steps * STEP_MS)
    sent = sum(acknowledged) * COUNTED_PER_REQUEST
    return 1 - found / sent if sent else 0.0
