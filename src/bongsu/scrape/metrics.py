"""The scraper's own metrics: overload shows here, not as missing data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class ScrapeMetrics:
    """Counters and histograms of all scrapes of the process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.targets = Gauge("bongsu_scrape_targets", "Targets that are scraped now.", registry=registry)
        self.in_flight = Gauge("bongsu_scrape_in_flight", "Scrapes that are under way.", registry=registry)
        self.scrapes = Counter("bongsu_scrape_scrapes_total", "Scrapes that ended.", registry=registry)
        self.failures = Counter(
            "bongsu_scrape_failures_total", "Scrapes that failed, by reason.", ["reason"], registry=registry
        )
        self.missed = Counter(
            "bongsu_scrape_missed_total",
            "Scrapes that were skipped because the one before was still under way.",
            registry=registry,
        )
        self.lateness = Histogram(
            "bongsu_scrape_lateness_seconds",
            "Time from when a scrape was due to its start.",
            buckets=(0.002, 0.01, 0.05, 0.1, 0.5, 1, 5, 15),
            registry=registry,
        )
        self.duration = Histogram(
            "bongsu_scrape_duration_seconds",
            "Time of a scrape, from the request until its samples are durable.",
            buckets=(0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30),
            registry=registry,
        )
        self.samples = Counter("bongsu_scrape_samples_total", "Samples read from targets.", registry=registry)
        self.dropped = Counter(
            "bongsu_scrape_samples_dropped_total",
            "Samples of good scrapes that were not stored, by reason.",
            ["reason"],
            registry=registry,
        )
        self.layout_hits = Counter(
            "bongsu_scrape_layout_hits_total",
            "Bodies whose layout was that of the scrape before, so that only their values were parsed.",
            registry=registry,
        )
