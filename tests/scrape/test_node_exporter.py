"""Scrapes of a real exporter, Debian's prometheus-node-exporter."""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from tests.support.free_port import free_port
from tests.support.scraping import open_doors
from tests.support.stored import samples_of

from bongsu.scrape.budget import BodyBudget, BodyLease
from bongsu.scrape.fetch import fetch
from bongsu.scrape.metrics import ScrapeMetrics
from bongsu.scrape.options import ScrapeOptions
from bongsu.scrape.outcomes import Health
from bongsu.scrape.reach import ANYWHERE
from bongsu.scrape.targets import ScrapeTarget
from bongsu.scrape.writer import TargetWriter
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator

NODE_EXPORTER = shutil.which("prometheus-node-exporter")

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.process,
    pytest.mark.skipif(
        NODE_EXPORTER is None,
        reason="NOT TESTED: install Debian's prometheus-node-exporter to scrape a real exporter",
    ),
]

T = 1_700_000_000_000


@pytest.fixture(scope="module")
def node_exporter_url() -> Iterator[str]:
    assert NODE_EXPORTER is not None
    url = f"http://127.0.0.1:{(port := free_port())}/metrics"
    process = subprocess.Popen(
        [NODE_EXPORTER, f"--web.listen-address=127.0.0.1:{port}"],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 20
        while not answers(url):
            assert time.monotonic() < deadline, "node exporter did not start"
            assert process.poll() is None, "node exporter ended"
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except OSError:
        return False


async def test_a_real_exporter_says_the_same_in_protobuf_and_in_text(node_exporter_url: str) -> None:
    found: list[set[str]] = []
    for native_histograms in (True, False):
        store = MemoryProjectStore()
        target = ScrapeTarget(
            "t",
            node_exporter_url,
            (),
            store,
            options=ScrapeOptions(scrape_native_histograms=native_histograms),
            reach=ANYWHERE,
        )
        writer = TargetWriter(target, ScrapeMetrics(CollectorRegistry()))
        async with open_doors() as doors:
            answer = await fetch(doors, target, BodyLease(BodyBudget()))
            assert native_histograms == (answer.content_type or "").startswith(
                "application/vnd.google.protobuf"
            )
            outcome = writer.write(answer, time_ms=T, elapsed=lambda: 0.0)
        assert (Health.UP, 0) == (outcome.health, outcome.dropped)
        found.append({series for series in samples_of(store) if not series.startswith("promhttp_")})
    # The machine may gain or lose an interface in between, and each scrape adds to what the exporter tells of itself.
    assert len(found[0] & found[1]) > 100
    assert len(found[0] ^ found[1]) < 20


async def test_a_real_exporter_is_stored_and_its_second_scrape_takes_the_fast_way(
    node_exporter_url: str,
) -> None:
    store, registry = MemoryProjectStore(), CollectorRegistry()
    target = ScrapeTarget(
        "t", node_exporter_url, (("job", "node"), ("instance", "here")), store, reach=ANYWHERE
    )
    writer = TargetWriter(target, ScrapeMetrics(registry))
    async with open_doors() as doors:
        for i in range(3):
            answer = await fetch(doors, target, BodyLease(BodyBudget()))
            outcome = writer.write(answer, time_ms=T + 15_000 * i, elapsed=lambda: 0.0)
            assert (Health.UP, 0, "") == (outcome.health, outcome.dropped, outcome.warning)
            assert outcome.samples > 100
    (load,) = samples_of(store, "node_load1").items()
    assert 'node_load1{instance="here", job="node"}' == load[0]
    assert [T, T + 15_000, T + 30_000] == [time_ms for time_ms, _ in load[1]]
    assert "counter" == store.metadata()["node_cpu_seconds_total"][0].type
    series = samples_of(store, "node_uname_info")
    assert 1 == len(series)
    # The first scrape that follows one may add series (of the scrape handler itself); from then on lines stay.
    assert 1 <= (registry.get_sample_value("bongsu_scrape_layout_hits_total") or 0)
