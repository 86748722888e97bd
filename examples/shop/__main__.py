"""
Run the shop: ``python -m examples.shop --port 8100 --otlp http://127.0.0.1:9595/otlp``.

The key is read from the environment variable BONGSU_KEY, so that it shows in no process list.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import waitress

from examples.shop.application import ShopMetrics, make_application
from examples.shop.catalogue import open_catalogue
from examples.shop.telemetry import ActiveTransactions, instrument, start_telemetry

THREADS = 8
"""Worker threads: few enough that a burst shows in the queue."""

POOL_SIZE = 4
"""Database connections: fewer than threads, so that the pool has something to do."""


def main() -> None:
    """Serve the shop until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="examples.shop", description="A small instrumented shop.")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument(
        "--otlp", default="http://127.0.0.1:9595/otlp", help="OTLP endpoint of the Bongsu server"
    )
    parser.add_argument("--data", type=Path, default=Path(".demo"), help="folder of the shop's database")
    parser.add_argument("--instance", default="shop-1", help="name of this instance")
    arguments = parser.parse_args()
    key = os.environ.get("BONGSU_KEY")
    if not key:
        sys.exit("set BONGSU_KEY to a key of the project with the scope write")

    arguments.data.mkdir(parents=True, exist_ok=True)
    telemetry = start_telemetry(arguments.otlp, key, arguments.instance)
    engine = open_catalogue(arguments.data / "shop.db", pool_size=POOL_SIZE)
    app = make_application(engine, ShopMetrics())
    active = ActiveTransactions(app)
    server = waitress.create_server(active, host="127.0.0.1", port=arguments.port, threads=THREADS)
    dispatcher = server.task_dispatcher
    instrument(app, engine, active, lambda: (dispatcher.active_count, len(dispatcher.queue)))

    def stop(*_: object) -> NoReturn:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    print(f"shop: listening on http://127.0.0.1:{server.effective_port}", flush=True)
    try:
        server.run()
    finally:
        telemetry.shutdown()


if __name__ == "__main__":
    main()
