"""
A seeded data set like that of node exporters: hosts that live for a while, each with 200 series.

Of the 200 there are 80 counters of seconds, 80 gauges in whole pages, 28 series of two classic histograms, and 12 others (decimal gauges,
whole counters, constants). A fifth of the hosts restart once, which resets their counters; a share of the hosts is replaced every hour by new
ones, with stale markers at the end of the old. Samples come every 15 s, some milliseconds early or late.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

STEP_MS = 15_000
SERIES_PER_HOST = 200
STALE = np.array([0x7FF0000000000002], dtype=np.uint64).view(np.float64)[0]
"""The stale marker of Prometheus, a NaN of its own."""

CPUS = 10
MODES = ("idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user")
_MODE_SHARE = (0.8, 0.01, 0.0, 0.001, 0.005, 0.0, 0.06, 0.12)
PROCESSES = 80
HANDLERS = ("/api/orders", "/api/items")
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf")
_JITTER_MS = 3.0
"""Standard deviation of a scrape's moment."""

Labels = dict[str, str]


@dataclass(frozen=True, slots=True)
class Shape:
    """
    What decides a data set.

    Attributes
    ----------
    end_ms
        Time after the last sample, Unix milliseconds.
    churn_per_hour
        Share of the hosts that is replaced every hour.
    groups
        Number of values of the label `cluster`, for senders that share the hosts out.
    """

    hosts: int
    steps: int
    end_ms: int
    seed: int = 20
    churn_per_hour: float = 0.05
    groups: int = 4

    @property
    def start_ms(self) -> int:
        """Time of the first step."""
        return self.end_ms - self.steps * STEP_MS


@dataclass(frozen=True, slots=True)
class Host:
    """
    One host with everything that it sends.

    Attributes
    ----------
    first_step
        Step of its first sample.
    times
        Unix milliseconds, shape (n_steps,).
    values
        Shape (200, n_steps); the last column is stale markers if the host was replaced.
    """

    slot: int
    generation: int
    first_step: int
    labels: list[Labels]
    times: NDArray[np.int64]
    values: NDArray[np.float64]


def make_hosts(shape: Shape) -> Iterator[Host]:
    """Yield every host that ever lived, slot by slot; the same shape gives the same bits."""
    replaced = _replacements(shape)
    for slot in range(shape.hosts):
        edges = [0, *replaced.get(slot, []), shape.steps]
        for generation, (first, stop) in enumerate(itertools.pairwise(edges)):
            yield _make_host(shape, slot, generation, first, stop)


def host_labels(slot: int, generation: int, groups: int) -> list[Labels]:
    """Return the label sets of a host's 200 series, in the order of its values."""
    common = {
        "cluster": f"c{slot % groups}",
        "instance": f"host-{slot:04d}-{generation}.example.com:9100",
        "job": f"node-{slot % 5}",
    }
    names: list[Labels] = [
        {"__name__": "node_cpu_seconds_total", "cpu": str(cpu), "mode": mode}
        for cpu in range(CPUS)
        for mode in MODES
    ]
    names += [
        {"__name__": "process_resident_memory_bytes", "process": f"worker-{i}"} for i in range(PROCESSES)
    ]
    for handler in HANDLERS:
        names += [
            {"__name__": "http_request_duration_seconds_bucket", "handler": handler, "le": bound}
            for bound in BOUNDS
        ]
        names.append({"__name__": "http_request_duration_seconds_sum", "handler": handler})
        names.append({"__name__": "http_request_duration_seconds_count", "handler": handler})
    names += [
        {"__name__": "node_load1"},
        {"__name__": "node_load5"},
        {"__name__": "node_hwmon_temp_celsius", "sensor": "temp1"},
        {"__name__": "node_hwmon_temp_celsius", "sensor": "temp2"},
        {"__name__": "node_memory_MemAvailable_bytes"},
        {"__name__": "node_memory_MemTotal_bytes"},
        {"__name__": "node_network_receive_bytes_total", "device": "eth0"},
        {"__name__": "node_network_transmit_bytes_total", "device": "eth0"},
        {"__name__": "node_boot_time_seconds"},
        {"__name__": "node_uname_info", "release": "6.12.0", "sysname": "Linux"},
        {"__name__": "node_filesystem_avail_bytes", "device": "/dev/vda1", "mountpoint": "/"},
        {"__name__": "up"},
    ]
    return [dict(sorted({**own, **common}.items())) for own in names]


def _replacements(shape: Shape) -> dict[int, list[int]]:
    """Return the steps at which each slot's host is replaced."""
    random = np.random.default_rng([shape.seed, 1])
    hourly = 3_600_000 // STEP_MS
    found: dict[int, list[int]] = {}
    for hour in range(-(-shape.steps // hourly)):
        count = round(shape.hosts * shape.churn_per_hour)
        for slot in random.choice(shape.hosts, count, replace=False).tolist():
            step = hour * hourly + int(random.integers(hourly))
            if 0 < step < shape.steps - 1 and step - max(found.get(slot, [0])) > 1:
                found.setdefault(slot, []).append(step)
    return found


def _make_host(shape: Shape, slot: int, generation: int, first: int, stop: int) -> Host:
    random = np.random.default_rng([shape.seed, 2, slot, generation])
    steps = stop - first
    times = shape.start_ms + STEP_MS * np.arange(first, stop, dtype=np.int64)
    # Each host has its own moment in the interval, and hits it more or less.
    times += 1_000 + int(random.integers(STEP_MS - 2_000))
    times += np.clip(np.rint(random.normal(0, _JITTER_MS, steps)), -900, 900).astype(np.int64)
    values = _values(random, steps)
    if stop < shape.steps:
        values[:, -1] = STALE
    return Host(slot, generation, first, host_labels(slot, generation, shape.groups), times, values)


def _values(random: np.random.Generator, steps: int) -> NDArray[np.float64]:
    counters = np.vstack([_cpu_seconds(random, steps), *(_histogram(random, steps) for _ in HANDLERS)])
    n_cpu = CPUS * len(MODES)
    others, is_counter = _others(random, steps)
    values = np.vstack([counters[:n_cpu], _process_memory(random, steps), counters[n_cpu:], others])
    resets = np.concatenate(
        [
            np.ones(n_cpu, bool),
            np.zeros(PROCESSES, bool),
            np.ones(len(counters) - n_cpu, bool),
            is_counter,
        ]
    )
    if random.random() < 0.2 and steps > 2:
        at = int(random.integers(1, steps - 1))
        # Rounded, so that what had two decimals still has two.
        values[resets, at:] = np.round(values[resets, at:] - values[resets, at : at + 1], 6)
    return np.ascontiguousarray(values)


def _cpu_seconds(random: np.random.Generator, steps: int) -> NDArray[np.float64]:
    share = np.tile(_MODE_SHARE, CPUS)[:, None]
    grown = share * 15 * random.uniform(0.6, 1.4, (len(share), steps))
    begin = share * random.uniform(1e3, 1e6)
    return np.round(begin + np.cumsum(grown, axis=1), 2)


def _process_memory(random: np.random.Generator, steps: int) -> NDArray[np.float64]:
    moves = random.random((PROCESSES, steps)) < 0.3
    pages = np.cumsum(moves * np.rint(random.normal(0, 60, (PROCESSES, steps))), axis=1)
    begin = random.integers(20_000, 400_000, (PROCESSES, 1))
    return np.maximum(begin + pages, 100) * 4096.0


def _histogram(random: np.random.Generator, steps: int) -> NDArray[np.float64]:
    weights = random.dirichlet(np.linspace(4, 0.3, len(BOUNDS)))
    busy = float(random.uniform(5, 200))
    fell = random.poisson(busy * weights[:, None], (len(BOUNDS), steps))
    buckets = np.cumsum(np.cumsum(fell, axis=1), axis=0)
    total = buckets[-1]
    seconds = np.round(np.cumsum(fell.sum(axis=0) * random.uniform(0.05, 0.2, steps)), 6)
    return np.vstack([buckets, seconds, total]).astype(np.float64)


def _others(random: np.random.Generator, steps: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    load = np.abs(1.5 + np.cumsum(random.normal(0, 0.05, (2, steps)), axis=1))
    heat = 45 + np.cumsum(random.normal(0, 0.2, (2, steps)), axis=1)
    available = np.rint(2e6 + np.cumsum(random.normal(0, 40, steps))) * 4096
    network = np.cumsum(random.poisson(random.choice([200, 9_000, 400_000]), (2, steps)), axis=1)
    disk = 9e10 - 4096 * np.cumsum(random.poisson(0.5, steps))
    rows = [
        np.round(load[0], 2),
        np.round(load[1], 2),
        np.round(heat[0], 1),
        np.round(heat[1], 1),
        available,
        np.full(steps, 16_777_216_000.0),
        network[0].astype(np.float64),
        network[1].astype(np.float64),
        np.full(steps, float(random.integers(1_600_000_000, 1_700_000_000))),
        np.ones(steps),
        disk,
        np.ones(steps),
    ]
    return np.vstack(rows), np.array([6 <= i <= 7 for i in range(len(rows))])
