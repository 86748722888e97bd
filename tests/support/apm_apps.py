"""
Real applications under the stock OpenTelemetry SDK, as a process of their own: FastAPI on uvicorn, Flask on waitress.

``python -m tests.support.apm_apps fastapi|flask OTLP_ENDPOINT KEY INSTANCE`` serves on a free port, says ``PORT n`` on its first
line, and ends when its standard input is closed.

- ``/work?ms=N`` sleeps, ``/fail`` answers 500, ``/hold?connections=N`` takes connections from the pool and stays in flight until
  ``/release``.
- The user is the header ``x-user`` where there is one; otherwise whatever address the SDK sends.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from typing import Any

import uvicorn
import waitress
from fastapi import FastAPI, HTTPException, Request
from flask import Flask, request
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import QueuePool

EXPORT_MS = 500
"""Short, so that the tests are; an operator uses five seconds."""

HELD_SECONDS = 60.0


def start_telemetry(endpoint: str, key: str, instance: str) -> None:
    """Set up the SDK as any program does."""
    headers = {"X-TC-APP-KEY": key}
    resource = Resource.create(
        {
            "service.name": "app",
            "service.instance.id": instance,
            "host.id": "the-host",
            "host.name": "the-host",
        }
    )
    tracers = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", headers=headers)
    tracers.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_MS))
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics", headers=headers),
        export_interval_millis=EXPORT_MS,
    )
    trace.set_tracer_provider(tracers)
    metrics.set_meter_provider(MeterProvider(resource=resource, metric_readers=[reader]))


def make_pool() -> Engine:
    """Return an instrumented engine with a pool of connections."""
    engine = create_engine(
        "sqlite://", poolclass=QueuePool, pool_size=8, connect_args={"check_same_thread": False}
    )
    # The instrumentation names SQLAlchemy 2.0 as its newest; its pool events are the same in 2.1.
    SQLAlchemyInstrumentor().instrument(engine=engine, skip_dep_check=True)
    return engine


def name_user(headers: Any) -> None:
    """Tell the current span who the user is."""
    user = headers.get("x-user")
    if user:
        trace.get_current_span().set_attribute("enduser.id", user)


def fastapi_app(engine: Engine) -> Any:
    """Return the application with FastAPI."""
    app = FastAPI()
    released = asyncio.Event()

    @app.get("/work")
    async def work(request: Request, ms: int = 0) -> dict[str, str]:
        name_user(request.headers)
        await asyncio.sleep(ms / 1000)
        return {}

    @app.get("/fail")
    async def fail(request: Request) -> None:
        name_user(request.headers)
        raise HTTPException(500)

    @app.get("/hold")
    async def hold(connections: int = 0) -> dict[str, str]:
        held = [engine.connect() for _ in range(connections)]
        await asyncio.wait_for(released.wait(), HELD_SECONDS)
        for connection in held:
            connection.close()
        return {}

    @app.get("/release")
    async def release() -> dict[str, str]:
        released.set()
        return {}

    FastAPIInstrumentor.instrument_app(app)
    return app


def flask_app(engine: Engine) -> Any:
    """Return the application with Flask."""
    app = Flask("app")
    released = threading.Event()

    @app.get("/work")
    def work() -> dict[str, str]:
        name_user(request.headers)
        time.sleep(int(request.args.get("ms", "0")) / 1000)
        return {}

    @app.get("/fail")
    def fail() -> tuple[str, int]:
        name_user(request.headers)
        return "", 500

    @app.get("/hold")
    def hold() -> dict[str, str]:
        held = [engine.connect() for _ in range(int(request.args.get("connections", "0")))]
        released.wait(HELD_SECONDS)
        for connection in held:
            connection.close()
        return {}

    @app.get("/release")
    def release() -> dict[str, str]:
        released.set()
        return {}

    FlaskInstrumentor().instrument_app(app)  # type: ignore[no-untyped-call]
    return app


def serve_fastapi(app: Any, listener: socket.socket) -> None:
    """Serve with uvicorn."""
    config = uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


def serve_flask(app: Any, listener: socket.socket) -> None:
    """Serve with waitress."""
    waitress.serve(app, sockets=[listener], threads=16, _quiet=True)


def main() -> None:
    """Serve until standard input is closed."""
    kind, endpoint, key, instance = sys.argv[1:5]
    start_telemetry(endpoint, key, instance)
    engine = make_pool()
    listener = socket.create_server(("127.0.0.1", 0))
    make, serve = {"fastapi": (fastapi_app, serve_fastapi), "flask": (flask_app, serve_flask)}[kind]
    threading.Thread(target=serve, args=(make(engine), listener), daemon=True).start()
    print(f"PORT {listener.getsockname()[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
