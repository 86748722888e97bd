"""
The shop's telemetry: the stock OpenTelemetry SDK, and the four numbers that no SDK gives.

OpenTelemetry has spans when a request ends, not while it runs, and knows no worker threads; so the shop itself sends its
requests in flight by state and age, its worker threads, its queue and the machine's cores, under Bongsu's documented names.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flask import Flask
    from sqlalchemy import Engine

EXPORT_MS = 5_000
"""Bongsu's numbers are exact to 5 seconds; OpenTelemetry's default of 60 would make every gauge a minute old."""

SPAN_DELAY_MS = 1_000
"""How long ended spans wait for company before they are sent."""

BANDS = ((3.0, "0-3s"), (8.0, "3-8s"), (float("inf"), "8s-"))
"""Ages of requests in flight, in seconds: in time, slow, very slow."""


@dataclass(slots=True)
class _InFlight:
    started: float
    state: str = "method"


class ActiveTransactions:
    """Requests in flight, by thread: WSGI middleware that knows what each request does just now."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._in_flight: dict[int, _InFlight] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Run one request and keep it in the table while it runs."""
        if environ.get("PATH_INFO") == "/metrics":
            return self._application(environ, start_response)
        thread = threading.get_ident()
        with self._lock:
            self._in_flight[thread] = _InFlight(time.monotonic())
        try:
            return self._application(environ, start_response)
        finally:
            with self._lock:
                self._in_flight.pop(thread, None)

    def watch_queries(self, engine: Engine) -> None:
        """Mark a request as in SQL while its statement runs."""
        event.listen(engine, "before_cursor_execute", lambda *_: self._mark("sql"))
        event.listen(engine, "after_cursor_execute", lambda *_: self._mark("method"))

    def observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        """Count the requests by state and age band."""
        now = time.monotonic()
        with self._lock:
            found = Counter((entry.state, _band(now - entry.started)) for entry in self._in_flight.values())
        for state in ("method", "sql"):
            for _, band in BANDS:
                yield Observation(found[state, band], {"state": state, "band": band})

    def _mark(self, state: str) -> None:
        entry = self._in_flight.get(threading.get_ident())
        if entry is not None:
            entry.state = state


def _band(age: float) -> str:
    return next(band for limit, band in BANDS if age < limit)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The shop's providers; `shutdown` sends what is left."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider

    def flush(self) -> None:
        """Send everything that was recorded so far."""
        self.tracer_provider.force_flush()
        self.meter_provider.force_flush()

    def shutdown(self) -> None:
        """Send what is left and stop."""
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()


def start_telemetry(endpoint: str, key: str, instance: str) -> Telemetry:
    """
    Set the SDK up to report to a Bongsu server.

    Parameters
    ----------
    endpoint
        Address of the server's OTLP endpoint, ``http://HOST:PORT/otlp``.
    key
        A key of the project with the scope ``write``.
    """
    headers = {"X-TC-APP-KEY": key}
    resource = Resource.create(
        {
            "service.name": "shop",
            "service.instance.id": instance,
            "host.name": os.uname().nodename,
            "host.id": _host_id(),
        }
    )
    tracers = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", headers=headers)
    tracers.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=SPAN_DELAY_MS))
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics", headers=headers),
        export_interval_millis=EXPORT_MS,
    )
    meters = MeterProvider(resource=resource, metric_readers=[reader])
    trace.set_tracer_provider(tracers)
    metrics.set_meter_provider(meters)
    return Telemetry(tracers, meters)


def instrument(
    app: Flask, engine: Engine, active: ActiveTransactions, workers: Callable[[], tuple[int, int]]
) -> None:
    """
    Instrument the shop.

    Parameters
    ----------
    workers
        Returns how many worker threads are busy and how many requests wait for one.
    """
    FlaskInstrumentor().instrument_app(  # type: ignore[no-untyped-call]
        app, excluded_urls="metrics", request_hook=_name_customer
    )
    # The instrumentation names SQLAlchemy 2.0 as its newest, and would silently send no pool; its events are the same in 2.1.
    SQLAlchemyInstrumentor().instrument(engine=engine, skip_dep_check=True)
    SystemMetricsInstrumentor(config={"system.cpu.utilization": ["idle", "user", "system"]}).instrument()
    active.watch_queries(engine)
    meter = metrics.get_meter("examples.shop")
    meter.create_observable_gauge("bongsu.transactions.active", [active.observe], "{transaction}")
    meter.create_observable_gauge(
        "bongsu.threadpool.active", [lambda _: [Observation(workers()[0])]], "{thread}"
    )
    meter.create_observable_gauge(
        "bongsu.threadpool.queue", [lambda _: [Observation(workers()[1])]], "{request}"
    )
    meter.create_observable_gauge(
        "bongsu.host.cpu.cores", [lambda _: [Observation(os.cpu_count() or 1)]], "{cpu}"
    )


def _name_customer(span: trace.Span, environ: dict[str, Any]) -> None:
    """Say who the user of a request is: without it, users are told apart by their address."""
    customer = environ.get("HTTP_X_CUSTOMER")
    if customer:
        span.set_attribute("enduser.id", customer)


def _host_id() -> str:
    try:
        with open("/etc/machine-id", encoding="ascii") as file:  # noqa: PTH123 - one line, once
            return file.read().strip() or os.uname().nodename
    except OSError:
        return os.uname().nodename
