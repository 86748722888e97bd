"""Real Prometheus servers and agents write into the real server, read from it, and federate from it."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from tests.support.free_port import free_port
from tests.support.metric_families import (
    CONTENT_TYPE,
    COUNTER,
    HISTOGRAM,
    exemplar,
    family,
    metric,
    native,
    plain,
)
from tests.support.peers import installed, peer, running
from tests.support.process import call, eventually
from tests.support.remote_write import V2_TYPE, SentSeries, encode_v2

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint
from bongsu.model.samples import STALE_NAN
from bongsu.runtime.compress import compress_snappy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.peers import Running
    from tests.support.process import ServerProcess, Tenant

QUERIES = (
    "took",
    "histogram_count(increase(took{kind!='gauge'}[1m]))",
    "rate(took{kind!='gauge'}[1m])",
    "delta(took{kind='gauge'}[1m])",
    "resets(took[5m])",
    "count_over_time(took[5m])",
)
"""What is asked of both, over native histograms of all kinds; rates of gauges are extrapolated otherwise since 3.6."""

pytestmark = [pytest.mark.process, pytest.mark.differential]

CREATED_MS = 1_700_000_000_000
BUCKETS = Histogram(0, 0.001, 1.0, 6.0, 42.5, ((0, 1), (1, 1)), (3.0, 2.0))


class _Source(BaseHTTPRequestHandler):
    """A program with a counter that has an exemplar and a creation time, and a native histogram."""

    def do_GET(self) -> None:
        now = time.time_ns() // 1_000_000
        seen = exemplar({"trace_id": "abc"}, 0.5, now)
        body = family(
            "jobs_total",
            COUNTER,
            metric(COUNTER, plain(7.0, exemplar_content=seen, created_ms=CREATED_MS), {"queue": "ü"}),
            help_text="Jobs.",
        )
        body += family("took_seconds", HISTOGRAM, metric(HISTOGRAM, native(BUCKETS)), help_text="Time.")
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture(scope="module")
def source() -> Iterator[int]:
    """Run the source and give its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Source)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(frozen=True)
class Sender:
    """One way in which a Prometheus writes."""

    name: str
    newest: bool
    features: str
    message: str = ""

    def program(self) -> str:
        return peer("prometheus") if self.newest else installed("prometheus", "prometheus")


SENDERS = [
    Sender("2-version-1", False, "native-histograms,exemplar-storage"),
    Sender("3-version-1", True, "native-histograms,exemplar-storage"),
    Sender(
        "3-version-2",
        True,
        "native-histograms,exemplar-storage,metadata-wal-records,created-timestamp-zero-ingestion",
        "protobuf_message: io.prometheus.write.v2.Request",
    ),
]


@contextlib.contextmanager
def prometheus(program: str, features: str, config: str, folder: Path) -> Iterator[tuple[str, Running]]:
    """Run a Prometheus; gives the URL of its API."""
    port = free_port()
    (folder / "prometheus.yml").write_text(config)
    command = [
        program,
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address=127.0.0.1:{port}",
        *([f"--enable-feature={features}"] if features else []),
    ]
    with running(command, folder, f"http://127.0.0.1:{port}/-/ready") as process:
        yield f"http://127.0.0.1:{port}/api/v1", process


@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.name)
def test_a_prometheus_writes_samples_histograms_exemplars_and_metadata(
    server: ServerProcess, source: int, tmp_path: Path, sender: Sender
) -> None:
    tenant, other = server.create_project(sender.name), server.create_project("bystander")
    config = f"""
global: {{scrape_interval: 1s, external_labels: {{sender: "{sender.name}"}}}}
scrape_configs:
- job_name: source
  static_configs: [{{targets: ["127.0.0.1:{source}"]}}]
remote_write:
- url: {server.url}/prometheus/api/v1/write
  authorization: {{credentials: {tenant.appkey}}}
  send_exemplars: true
  send_native_histograms: true
  {sender.message}
  metadata_config: {{send: true, send_interval: 1s}}
  queue_config: {{batch_send_deadline: 200ms}}
"""
    with prometheus(sender.program(), sender.features, config, tmp_path) as (_, process):
        eventually(lambda: tenant.query("jobs_total") and tenant.query("took_seconds"), what="a write")
        eventually(
            lambda: {"jobs_total", "took_seconds"} <= tenant.prometheus("metadata").keys(), what="metadata"
        )
        exemplars = eventually(
            lambda: tenant.prometheus(
                "query_exemplars", query="jobs_total", start=time.time() - 60, end=time.time() + 60
            ),
            what="an exemplar",
        )
        eventually(lambda: len(tenant.query("jobs_total[1m]")[0]["values"]) > 2, what="several samples")
        assert "non-recoverable" not in process.log

    expected = {"__name__": "jobs_total", "queue": "ü", "job": "source", "sender": sender.name}
    (row,) = tenant.query("jobs_total")
    assert ("7", expected) == (row["value"][1], {k: v for k, v in row["metric"].items() if k != "instance"})
    assert "6" == tenant.query("histogram_count(took_seconds)")[0]["value"][1]
    assert "42.5" == tenant.query("histogram_sum(took_seconds)")[0]["value"][1]
    assert {"trace_id": "abc"} == exemplars[0]["exemplars"][0]["labels"]
    assert "counter" == tenant.prometheus("metadata", metric="jobs_total")["jobs_total"][0]["type"]
    assert [] == other.query("up")


@pytest.mark.parametrize("option", ["-remoteWrite.forceVMProto", "-remoteWrite.forcePromProto"])
def test_vmagent_writes_in_both_of_its_protocols(
    server: ServerProcess, source: int, tmp_path: Path, option: str
) -> None:
    tenant = server.create_project("vmagent")
    port = free_port()
    (tmp_path / "scrape.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: self, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
    )
    command = [
        peer("vmagent"),
        f"-httpListenAddr=127.0.0.1:{port}",
        "-promscrape.config=scrape.yml",
        f"-remoteWrite.url={server.url}/prometheus/api/v1/write",
        f"-remoteWrite.bearerToken={tenant.appkey}",
        "-remoteWrite.tmpDataPath=queue",
        "-remoteWrite.flushInterval=200ms",
        option,
    ]
    with running(command, tmp_path, f"http://127.0.0.1:{port}/health") as process:
        rows = eventually(lambda: tenant.query("vm_app_version"), what="a write")
        eventually(lambda: len(tenant.query("up[1m]")[0]["values"]) > 2, what="several samples")
        metrics = call("GET", f"http://127.0.0.1:{port}/metrics").text

    assert f"127.0.0.1:{port}" == rows[0]["metric"]["instance"]
    refused = [
        line
        for line in metrics.splitlines()
        if line.startswith("vmagent_remotewrite_packets_dropped_total") and not line.endswith(" 0")
    ]
    assert [] == refused, process.log


def written(tenant: Tenant, server: ServerProcess, source: int) -> None:
    """Let the server itself scrape the source, native histograms too."""
    host = server.register_server(tenant, "source")
    job = tenant.sysmon("POST", "jobs", {"jobName": "own", "metricsPath": "/metrics"})["body"]["jobId"]
    tenant.sysmon("POST", f"jobs/{job}/targets", {"hostId": host, "port": str(source)})
    options = f"{server.url}/admin/v1/projects/{tenant.project_id}/workspaces/{job}/scrape"
    body = {"scrape_native_histograms": True}
    assert 200 == call("PUT", options, headers=server.admin_headers, body=body).status
    eventually(lambda: tenant.query("histogram_count(took_seconds)"), what="a scrape")


def asked(url: str, query: str) -> list[str]:
    """Return the values that a Prometheus answers."""
    answer = call(
        "POST",
        f"{url}/query",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=f"query={query}".encode(),
    )
    assert 200 == answer.status, answer.text
    return [row["value"][1] for row in answer.json()["data"]["result"]]


def test_a_prometheus_federates_native_histograms(server: ServerProcess, source: int, tmp_path: Path) -> None:
    tenant = server.create_project("federated")
    written(tenant, server, source)
    host, port = server.url.removeprefix("http://").split(":")
    config = f"""
global: {{scrape_interval: 1s}}
scrape_configs:
- job_name: federate
  honor_labels: true
  metrics_path: /prometheus/federate
  params: {{"match[]": ['{{job="own"}}']}}
  authorization: {{credentials: {tenant.token}}}
  static_configs: [{{targets: ["{host}:{port}"]}}]
"""
    with prometheus(peer("prometheus"), "native-histograms", config, tmp_path) as (url, _):
        counts = eventually(lambda: asked(url, "histogram_count(took_seconds)"), what="a federated histogram")
        assert (["6"], ["7"]) == (counts, asked(url, "jobs_total"))
        assert ["1"] == asked(url, 'up{job="own"}')


@pytest.mark.parametrize("newest", [False, True], ids=["2", "3"])
def test_a_prometheus_reads_samples_and_histograms_from_us(
    server: ServerProcess, source: int, tmp_path: Path, newest: bool
) -> None:
    tenant = server.create_project("read")
    written(tenant, server, source)
    config = f"""
remote_read:
- url: {server.url}/prometheus/api/v1/read
  authorization: {{credentials: {tenant.token}}}
  read_recent: true
"""
    program = peer("prometheus") if newest else installed("prometheus", "prometheus")
    with prometheus(program, "native-histograms", config, tmp_path) as (url, _):
        assert ["7"] == asked(url, "jobs_total"), "a stream of chunks"
        if newest:  # the older release passes over histograms among samples
            assert ["6"] == asked(url, "histogram_count(took_seconds)")
            assert ["2"] == asked(url, 'count({job="own",__name__=~"jobs_total|took_seconds"})')


def histories(now_ms: int) -> list[SentSeries]:
    """Return series with native histograms of each kind: they grow, are reset, change their layout, end, and mix with floats."""
    grown = tuple(
        (now_ms - 1000 * (300 - i), replace(BUCKETS, count=7.0 + i, positive_buckets=(3.0, 3.0 + i)), 0)
        for i in range(290)
    )
    reset = (
        *grown[200:250],
        *((t, replace(h, count=6.0, positive_buckets=(3.0, 2.0)), 0) for t, h, _ in grown[250:]),
    )
    finer = (
        *grown[:100],
        *((t, replace(h, schema=3, zero_threshold=2.0**-128), 0) for t, h, _ in grown[100:]),
    )
    floats = tuple(
        (
            t,
            replace(
                h, count=h.count / 4, zero_count=0.25, positive_buckets=(0.75, h.count / 4 - 1), is_float=True
            ),
            0,
        )
        for t, h, _ in grown
    )
    gauge = tuple(
        (t, replace(h, positive_buckets=(h.count - 1.0 - i % 3, float(i % 3)), reset_hint=ResetHint.GAUGE), 0)
        for i, (t, h, _) in enumerate(grown)
    )
    custom = tuple(
        (
            t,
            Histogram(
                CUSTOM_BUCKETS_SCHEMA,
                0.0,
                0.0,
                i + 2.0,
                i / 3,
                ((0, 2),),
                (i + 1.0, 1.0),
                custom_values=(0.5, 1 / 3 + 1),
            ),
            0,
        )
        for i, (t, _, _) in enumerate(grown)
    )
    ended = (*grown[:60], (grown[60][0], replace(BUCKETS, sum=STALE_NAN), 0), *grown[70:90])
    kinds = {
        "grown": grown,
        "reset": reset,
        "finer": finer,
        "floats": floats,
        "gauge": gauge,
        "custom": custom,
        "ended": ended,
    }
    sent = [
        SentSeries((("__name__", "took"), ("kind", kind)), histograms=rows) for kind, rows in kinds.items()
    ]
    mixed = tuple((t - 500, float(i), 0) for i, (t, _, _) in enumerate(grown) if i % 50 == 0)
    return [*sent, SentSeries((("__name__", "took"), ("kind", "mixed")), mixed, grown)]


def test_a_prometheus_answers_the_same_of_the_histogram_chunks_that_it_reads(
    server: ServerProcess, tmp_path: Path
) -> None:
    tenant = server.create_project("chunks")
    now_ms = int(time.time()) * 1000
    headers = {"X-TC-APP-KEY": tenant.appkey, "Content-Type": V2_TYPE, "Content-Encoding": "snappy"}
    body = compress_snappy(encode_v2(histories(now_ms)))
    assert 204 == call("POST", f"{server.url}/prometheus/api/v1/write", headers=headers, body=body).status
    config = f"""
remote_read:
- url: {server.url}/prometheus/api/v1/read
  authorization: {{credentials: {tenant.token}}}
  read_recent: true
"""
    span = {"start": (now_ms // 1000 - 300), "end": now_ms // 1000, "step": 7}
    with prometheus(peer("prometheus"), "native-histograms", config, tmp_path) as (url, _):
        for query in QUERIES:
            answer = call("GET", f"{url}/query_range?{urlencode({'query': query, **span})}")
            assert 200 == answer.status, answer.text
            assert tenant.prometheus("query_range", query=query, **span) == answer.json()["data"], query
