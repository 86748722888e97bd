"""Reading what senders send, from the bytes to samples of known series: OTLP beside remote write, in this process and without a store."""

from __future__ import annotations

import itertools
import statistics
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client import CollectorRegistry

from benchmarks.compare.dataset import STEP_MS, Shape, make_hosts
from benchmarks.compare.encoding import SeriesHead, encode_step
from benchmarks.compare.report import OURS, Measure, Section, Target, median_ratio
from bongsu.ingest.otlp_metrics import OtlpIngestSettings, OtlpMetricsIngest
from bongsu.ingest.remote_writers import RemoteWriters
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import AppendResult
from bongsu.storage.memory import MemoryProjectStore
from bongsu.wire.otlp.limits import OtlpLimits
from bongsu.wire.otlp.points import PointReader
from bongsu.wire.otlp.protobuf import read_metrics
from bongsu.wire.remote_write.request import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.proto.metrics.v1.metrics_pb2 import ScopeMetrics

    from benchmarks.compare.bench import Bench
    from benchmarks.compare.dataset import Host
    from bongsu.model.samples import SampleBatch

_HOSTS = 10
_STEPS = 42
_KNOWN_FROM = 2
"""The first requests make the series known."""

_BOUNDS = tuple(2.0**i for i in range(-8, 4))
_HISTOGRAMS = 143
"""Of fourteen series each: about as many samples as the other requests have."""

_CUMULATIVE = 2
_SEEDS = np.array([7, 11], dtype=np.uint64)


class _Sink(MemoryProjectStore):
    """A store that makes series, and takes samples without keeping them."""

    def append(self, batch: SampleBatch) -> AppendResult:
        return AppendResult(len(batch), 0)


def measure_decoding(bench: Bench) -> Section:
    """Measure requests of the same 2,000 series in both protocols, and of histograms, step by step in turn."""
    hosts = list(make_hosts(Shape(_HOSTS, _STEPS, bench.data_end_ms(), churn_per_hour=0)))
    clock = ManualClock(bench.data_end_ms())
    heads = [[SeriesHead(labels) for labels in host.labels] for host in hosts]
    ways: dict[str, tuple[list[tuple[bytes, int]], Callable[[bytes], object]]] = {
        "remote write": ([_written(hosts, heads, step) for step in range(_STEPS)], _remote_writer(clock)),
        "OTLP numbers": ([_numbers(hosts, step) for step in range(_STEPS)], _otlp_writer(clock)),
        "OTLP histograms": ([_histograms(hosts[0], step) for step in range(_STEPS)], _otlp_writer(clock)),
    }
    spent: dict[str, list[float]] = defaultdict(list)
    for step in range(_STEPS):
        for name, (bodies, write) in ways.items():
            body, samples = bodies[step]
            began = time.thread_time()
            write(body)
            if step >= _KNOWN_FROM:
                spent[name].append((time.thread_time() - began) / samples * 1e9)
    section = Section(
        "Reading what comes in",
        f"From decompressed bytes to samples of known series, {_HOSTS * len(heads[0]):,} a request, processor time in one process, without the store.",
    )
    section.measures.append(
        Measure("remote write 1.0", "ns a sample", {OURS: statistics.median(spent["remote write"])})
    )
    for name in ("OTLP numbers", "OTLP histograms"):
        ratio = median_ratio(spent[name], spent["remote write"])
        section.measures += [
            Measure(name, "ns a sample", {OURS: statistics.median(spent[name])}),
            Measure(f"{name}, of remote write", "times", {OURS: ratio}, target=(Target(2.0),)),
        ]
    bench.say("reading: " + ", ".join(f"{name} {statistics.median(ns):.0f} ns" for name, ns in spent.items()))
    return section


def _remote_writer(clock: ManualClock) -> Callable[[bytes], object]:
    writer = RemoteWriters(clock, CollectorRegistry()).of("bench", _Sink())

    def write(body: bytes) -> object:
        return writer.write_all([(body, Version.V1)])

    return write


def _otlp_writer(clock: ManualClock) -> Callable[[bytes], object]:
    store = _Sink()
    ingest = OtlpMetricsIngest(OtlpIngestSettings(), store_of=lambda _: store, clock=clock)
    reader = PointReader(OtlpLimits(), _SEEDS, set())

    def write(body: bytes) -> object:
        points = reader.read(body)
        assert points is not None, "BUG: the request is not plain"
        known = ingest.find("bench", points)
        if known is not None:
            return ingest.write_known("bench", known)
        return ingest.write("bench", read_metrics(body), points)

    return write


def _written(hosts: Sequence[Host], heads: Sequence[Sequence[SeriesHead]], step: int) -> tuple[bytes, int]:
    return b"".join(encode_step(hosts, heads, step)), len(hosts) * len(heads[0])


def _numbers(hosts: Sequence[Host], step: int) -> tuple[bytes, int]:
    """Return the same samples as an SDK or a collector groups them: by resource, then by metric."""
    request = ExportMetricsServiceRequest()
    for host in hosts:
        scope = _scope(request, host)
        rows = zip(host.labels, host.values[:, step].tolist(), strict=True)
        for name, points in itertools.groupby(rows, key=lambda row: row[0]["__name__"]):
            metric = scope.metrics.add(name=name, unit="1")
            metric.sum.aggregation_temporality, metric.sum.is_monotonic = _CUMULATIVE, True
            for labels, value in points:
                point = metric.sum.data_points.add(as_double=value)
                point.start_time_unix_nano, point.time_unix_nano = _span(host, step)
                for key, text in labels.items():
                    if key not in ("__name__", "job", "instance"):
                        point.attributes.add(key=key).value.string_value = text
    return request.SerializeToString(), sum(len(host.labels) for host in hosts)


def _histograms(host: Host, step: int) -> tuple[bytes, int]:
    request = ExportMetricsServiceRequest()
    metric = _scope(request, host).metrics.add(name="request_duration", unit="s")
    metric.histogram.aggregation_temporality = _CUMULATIVE
    for number in range(_HISTOGRAMS):
        point = metric.histogram.data_points.add(count=13 * step, sum=float(step))
        point.start_time_unix_nano, point.time_unix_nano = _span(host, step)
        point.explicit_bounds.extend(_BOUNDS)
        point.bucket_counts.extend([step] * (len(_BOUNDS) + 1))
        point.attributes.add(key="http.route").value.string_value = f"/api/{number}"
    return request.SerializeToString(), _HISTOGRAMS * (len(_BOUNDS) + 3)


def _scope(request: ExportMetricsServiceRequest, host: Host) -> ScopeMetrics:
    resource = request.resource_metrics.add()
    for key, label in (("service.name", "job"), ("service.instance.id", "instance")):
        resource.resource.attributes.add(key=key).value.string_value = host.labels[0][label]
    scope = resource.scope_metrics.add()
    scope.scope.name = "node"
    return scope


def _span(host: Host, step: int) -> tuple[int, int]:
    """Return start and time in nanoseconds."""
    return (int(host.times[0]) - STEP_MS) * 1_000_000, int(host.times[step]) * 1_000_000
