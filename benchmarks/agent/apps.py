"""The applications of the benchmark, plain and with the stock SDK and instrumentation set up as OpenTelemetry's documentation does."""

from __future__ import annotations

import os
from typing import Any


def flask_plain() -> Any:
    """Return the WSGI application."""
    from flask import Flask

    app = Flask("bench")

    @app.get("/item/<int:number>")
    def item(number: int) -> dict[str, int]:
        return {"number": number, "square": number * number}

    return app


def fastapi_plain() -> Any:
    """Return the ASGI application."""
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/item/{number}")
    async def item(number: int) -> dict[str, int]:
        return {"number": number, "square": number * number}

    return app


def flask_stock() -> Any:
    """Return the WSGI application with the stock instrumentation."""
    start_stock()
    from opentelemetry.instrumentation.flask import FlaskInstrumentor

    app = flask_plain()
    FlaskInstrumentor().instrument_app(app)  # type: ignore[no-untyped-call]
    return app


def fastapi_stock() -> Any:
    """Return the ASGI application with the stock instrumentation."""
    start_stock()
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    app = fastapi_plain()
    FastAPIInstrumentor.instrument_app(app)
    return app


def start_stock() -> None:
    """Set up the SDK with its defaults, metrics every five seconds."""
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http"
    from opentelemetry import metrics, trace
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    url = os.environ["BENCH_OTLP"]
    resource = Resource.create({"service.name": "bench"})
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{url}/otlp/v1/traces")))
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(endpoint=f"{url}/otlp/v1/metrics"), export_interval_millis=5_000
    )
    trace.set_tracer_provider(tracers)
    metrics.set_meter_provider(MeterProvider(resource=resource, metric_readers=[reader]))
