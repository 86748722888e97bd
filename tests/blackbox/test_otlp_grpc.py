"""The real server takes OTLP over gRPC where it is told to listen."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from tests.support.free_port import free_port
from tests.support.process import BONGSU, eventually, running_server

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process


def test_an_sdk_sends_metrics_over_grpc(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with running_server(tmp_path / "data", "--otlp-grpc-listen", address) as server:
        tenant, other = server.first_project, server.create_project("other")
        exporter = OTLPMetricExporter(
            endpoint=address, insecure=True, headers=(("authorization", f"Bearer {tenant.appkey}"),)
        )
        provider = MeterProvider([PeriodicExportingMetricReader(exporter, export_interval_millis=1e9)])
        provider.get_meter("m").create_counter("orders").add(3)
        provider.shutdown()
        rows = eventually(lambda: tenant.query("orders_total"), what="the sum")
        assert ["3"] == [row["value"][1] for row in rows]
        assert [] == other.query("orders_total", time=time.time())


@pytest.mark.parametrize(
    ("address", "words"),
    [("nowhere", "write HOST:PORT"), ("203.0.113.1:1", "cannot listen on 203.0.113.1:1 for OTLP over gRPC")],
)
def test_an_address_that_cannot_be_listened_on_ends_the_start(
    tmp_path: Path, address: str, words: str
) -> None:
    done = subprocess.run(
        [
            BONGSU,
            "serve",
            "--data",
            str(tmp_path / "d"),
            "--listen",
            "127.0.0.1:0",
            "--otlp-grpc-listen",
            address,
        ],
        env=os.environ.copy(),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert 0 != done.returncode
    assert words in done.stdout + done.stderr
