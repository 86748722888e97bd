"""
From the SDK to the server: spans in batches and metrics, both at the ticks of the wall clock, in threads of the agent's own.

The application never waits: a span that ends is put into a bounded queue, and what does not fit is dropped and counted. An outage of
the server is told once when it begins and once when it ends.
"""

from __future__ import annotations

import collections
import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry import context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricReader
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import SpanExportResult

from bongsu.agent.cadence import Cadence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_log = logging.getLogger("bongsu.agent")

BATCH = 512
"""Spans of one request, about 200 KB; as many that wait are sent at once."""
METRICS_LEAD_MS = -100
"""Metrics are read this long before a tick ends, so that they are of that tick."""
SPANS_LAG_MS = 20
"""Spans are sent this long after a tick's end: those that ended in it are all there."""
FIRST_REPORT_S = 2.0
"""A process that turns out to be the parent of workers reports nothing; servers show what they are sooner."""


class Reachability:
    """Tells the log when the server goes away and when it is back, once each."""

    def __init__(self) -> None:
        self._is_away = False

    def note(self, *, well: bool) -> None:
        """Take the outcome of an export."""
        if well and self._is_away:
            _log.warning("bongsu agent: the server is back")
        elif not well and not self._is_away:
            _log.warning("bongsu agent: the server takes no reports; the application goes on without them")
        self._is_away = not well


class SpanQueue(SpanProcessor):
    """
    Ended spans that wait for the next tick.

    Parameters
    ----------
    capacity
        Spans that wait at most.
    resource_of
        Returns this process' resource. Spans that began before a forked process was an agent have another one, and are sent with it
        all the same: else they would look like one more agent. None leaves each span its own.
    """

    def __init__(
        self,
        capacity: int,
        period_ms: int,
        reachability: Reachability,
        *,
        resource_of: Callable[[], Any] | None = None,
    ) -> None:
        self._capacity = capacity
        self._resource_of = resource_of
        self._period_ms = period_ms
        self._reachability = reachability
        self._exporting = threading.Lock()
        self.dropped = 0
        self._begin()

    def _begin(self) -> None:
        self._queue: collections.deque[Any] = collections.deque()
        self._exporter = OTLPSpanExporter()
        self._cadence = Cadence("bongsu-spans", self.send, period_ms=self._period_ms, offset_ms=SPANS_LAG_MS)
        self._is_started = False

    def start(self) -> None:
        """Begin to send."""
        if not self._is_started:
            self._is_started = True
            self._cadence.start()

    def on_end(self, span: Any) -> None:
        """Queue a span."""
        if not span.context.trace_flags.sampled:
            return
        queue = self._queue
        if len(queue) >= self._capacity:
            self.dropped += 1
            return
        queue.append(span)
        if len(queue) % BATCH == 0:
            self._cadence.wake()

    def send(self) -> None:
        """Send what waits; a batch that fails in all its repetitions is dropped and counted."""
        with self._exporting, _uninstrumented():
            for _ in range(-(-len(self._queue) // BATCH)):
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                self._own(batch)
                well = bool(batch) and self._exporter.export(batch) is SpanExportResult.SUCCESS
                if batch:
                    self._reachability.note(well=well)
                if not well:
                    self.dropped += len(batch)

    def _own(self, batch: list[Any]) -> None:
        if self._resource_of is not None:
            resource = self._resource_of()
            for span in batch:
                span._resource = resource  # noqa: SLF001 - there is no public way, and the span is ended

    def end(self, timeout_s: float) -> None:
        """Send the rest, waiting at most as long."""
        self._cadence.stop(0.0)
        last = threading.Thread(target=self.send, daemon=True)
        last.start()
        last.join(timeout_s)
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def after_fork(self) -> None:
        """Begin anew in a child: queue, connections and threads are the parent's."""
        self._exporting = threading.Lock()
        self.dropped = 0
        self._begin()


class TickReader(MetricReader):
    """Reads all metrics shortly before each tick ends, and sends them."""

    def __init__(self, period_ms: int, reachability: Reachability) -> None:
        self._sender = OTLPMetricExporter()
        super().__init__(
            preferred_temporality=self._sender._preferred_temporality,  # noqa: SLF001 - as the SDK's own reader does
            preferred_aggregation=self._sender._preferred_aggregation,  # noqa: SLF001 - as above
        )
        self._period_ms = period_ms
        self._reachability = reachability
        self._exporting = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._cadence = Cadence(
            "bongsu-metrics",
            self.collect,
            period_ms=self._period_ms,
            offset_ms=METRICS_LEAD_MS if self._period_ms >= -10 * METRICS_LEAD_MS else 0,
            not_before_s=FIRST_REPORT_S,
        )
        self._is_started = False

    def start(self) -> None:
        """Begin to report."""
        if not self._is_started:
            self._is_started = True
            self._cadence.start()

    def stop_reporting(self) -> None:
        """Report no more: this process is the parent of those that serve."""
        self._cadence.stop(0.0)

    def _receive_metrics(self, metrics_data: Any, timeout_millis: float = 10_000, **_options: Any) -> None:
        with self._exporting, _uninstrumented():
            # Metrics that are late are of no use: the next report is due in five seconds.
            result = self._sender.export(metrics_data, timeout_millis=min(timeout_millis, self._period_ms))
            self._reachability.note(well=result is MetricExportResult.SUCCESS)

    def shutdown(self, timeout_millis: float = 0, **_options: Any) -> None:  # noqa: ARG002 - the SDK names it
        """Stop; what the process held is gone with it, so nothing is sent."""
        self._cadence.stop(0.0)
        self._sender.shutdown()

    def after_fork(self) -> None:
        """Begin anew in a child."""
        self._exporting = threading.Lock()
        self._sender = OTLPMetricExporter()
        self._begin()


@contextlib.contextmanager
def _uninstrumented() -> Iterator[None]:
    """Keep the agent's own requests out of the traces, for the length of a block."""
    token = context.attach(context.Context())
    try:
        with suppress_instrumentation():
            yield
    finally:
        context.detach(token)


def quiet_exporters() -> None:
    """Leave it to `Reachability` to tell of outages: the exporters would write a line for every try."""
    for name in ("opentelemetry.exporter.otlp.proto.http", "opentelemetry.exporter.http"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
