"""How large a comparison is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """
    The sizes of every part.

    Attributes
    ----------
    hosts, hours
        Of the data set that queries and disks are measured on; a host has 200 series.
    upkeep_s
        How long files must stay as they are before upkeep is taken for done; the programs' own clocks tick every 30 s and every minute.
    ingest_requests
        Remote write requests of 2,000 samples in each ingest run.
    ingest_runs
        Times that each program is measured, in turn with the others.
    kill_seconds
        How long each program takes samples before it is killed.
    targets, scrape_interval_s, scrape_seconds
        Targets of 500 series, and how long they are watched after a warm-up of two intervals.
    memory_hosts, memory_steps
        Of the data set that memory per series is measured on.
    query_runs
        Rounds of heavy queries; small ones run `small_runs` times.
    growth_series, growth_samples
        Points of the growth curves: series with 20 samples each; samples of 2,000 series.
    console_days, console_seconds
        How many days of ticks the console's real-time view is fed, and how long each other view refreshes itself as fast as it can.
    """

    hosts: int
    hours: float
    upkeep_s: float
    ingest_requests: int
    ingest_runs: int
    kill_seconds: float
    targets: int
    scrape_interval_s: int
    scrape_seconds: int
    memory_hosts: int
    memory_steps: int
    query_runs: int
    small_runs: int
    dashboard_seconds: float
    growth_series: tuple[int, ...]
    growth_samples: tuple[int, ...]
    console_days: float
    console_seconds: float


QUICK = Sizes(
    hosts=10,
    hours=4.0,
    upkeep_s=33,
    ingest_requests=60,
    ingest_runs=1,
    kill_seconds=1.0,
    targets=50,
    scrape_interval_s=2,
    scrape_seconds=6,
    memory_hosts=20,
    memory_steps=20,
    query_runs=1,
    small_runs=50,
    dashboard_seconds=1.0,
    growth_series=(1_000, 10_000),
    growth_samples=(60, 240),
    console_days=0.1,
    console_seconds=5.0,
)
"""Shows within two minutes that everything works; its numbers say little."""

FULL = Sizes(
    hosts=125,
    hours=6.0,
    upkeep_s=65,
    ingest_requests=1_000,
    ingest_runs=2,
    kill_seconds=4.0,
    targets=1_000,
    scrape_interval_s=15,
    scrape_seconds=120,
    memory_hosts=500,
    memory_steps=120,
    query_runs=3,
    small_runs=500,
    dashboard_seconds=6.0,
    growth_series=(10_000, 30_000, 100_000, 300_000, 1_000_000),
    growth_samples=(120, 480, 1_440, 5_760),
    console_days=0.25,
    console_seconds=40.0,
)
"""10,000 counters, 10,000 gauges and 5,000 others over 6 hours; a quarter of an hour on two cores."""
