"""Import and export: what goes out of one project comes into another, sample by sample."""

from __future__ import annotations

import gzip
import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import structlog
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from tests.support.prometheus_api import NOW_MS, PrometheusApi, put
from tests.support.stores import KEEP_ALL, Row, a_histogram, bits_of, expected, found, open_tsdb, write_rows

from bongsu.api.access import AccessControl
from bongsu.api.body import BodyLimits
from bongsu.api.prometheus.import_data import import_routes
from bongsu.ingest.imports import ImportMetrics
from bongsu.model.errors import LimitExceeded
from bongsu.model.samples import STALE_NAN, MetricMetadata
from bongsu.runtime.compress import compress_zstd
from bongsu.storage.errors import StoreReadOnly
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    import httpx

    from bongsu.api.access import ProjectAccess
    from bongsu.model.samples import SampleBatch
    from bongsu.storage.contract import AppendResult, ProjectStore

pytestmark = pytest.mark.anyio

UP = {"__name__": "up", "job": "a"}
T = NOW_MS - 3_600_000


class Exchange:
    """The Prometheus API with its import routes over the stores of two projects."""

    def __init__(self, stores: dict[str, Any] | None = None) -> None:
        self.api = PrometheusApi()
        self.stores: dict[str, Any] = stores or self.api.stores
        self.registry = CollectorRegistry()
        routes = import_routes(
            access=AccessControl(self.api.keys, self.api.clock, CollectorRegistry()),
            open_store=self.open_store,
            metrics=ImportMetrics(self.registry),
            clock=self.api.clock,
            log=structlog.get_logger(),
            limits=BodyLimits(max_decompressed_bytes=1 << 20),
        )
        self.api.stores = self.stores
        self.api.app = Starlette(routes=[*routes, *self.api.routes])

    def open_store(self, access: ProjectAccess) -> ProjectStore:
        store: ProjectStore = self.stores[access.project.project_id]
        return store

    async def send(self, path: str, body: Any, project: str = "alpha", **options: Any) -> httpx.Response:
        async with self.api.client(project) as client:
            return await client.post(path, content=body, **options)

    async def export(
        self, project: str = "alpha", match: str = '{__name__!=""}', **options: str
    ) -> httpx.Response:
        async with self.api.client(project) as client:
            return await client.get("/export", params={"match[]": match, **options})


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    exchange = Exchange()
    yield exchange
    exchange.api.close()


def rows() -> list[Row]:
    """Return samples of every kind that a store holds."""
    made = [Row(UP, T + 15_000 * i, value) for i, value in enumerate((1.0, 0.1, -0.0, float("inf"), 5e-324))]
    made += [Row(UP, T + 90_000, STALE_NAN), Row(UP, T + 100_000, float("nan"))]
    made += [Row({"__name__": "c_total", "안녕": '"\\\n'}, T + i, float(i), start=T - 5) for i in range(3)]
    made += [
        Row({"__name__": "h"}, T + i, a_histogram(3 + i, is_float=i % 2 == 1), start=i) for i in range(4)
    ]
    made += [Row({"__name__": "h"}, T + 10, 1.5)]
    return made


async def test_an_export_imported_elsewhere_is_the_same_bit_by_bit(tmp_path: Path) -> None:
    store = open_tsdb(tmp_path / "store")
    projects = {name: store.project(name, KEEP_ALL) for name in ("alpha", "beta")}
    exchange = Exchange(projects)
    write_rows(projects["alpha"], rows())

    exported = await exchange.export(max_rows_per_line="2")
    imported = await exchange.send("/import", exported.content, "beta")

    assert 204 == imported.status_code, imported.text
    assert str(len(rows())) == imported.headers["x-bongsu-samples-written"]
    assert expected(*rows()) == found(projects["beta"])
    again = await exchange.send(
        "/import", gzip.compress(exported.content, mtime=0), "beta", headers={"Content-Encoding": "gzip"}
    )
    assert 204 == again.status_code
    assert expected(*rows()) == found(projects["beta"])
    exchange.api.close()
    store.close()


@pytest.mark.parametrize(
    ("format_", "media"), [("openmetrics", "application/openmetrics-text"), ("prometheus", "text/plain")]
)
async def test_text_carries_every_float_but_stale_markers(tmp_path: Path, format_: str, media: str) -> None:
    store = open_tsdb(tmp_path / "store")
    projects = {name: store.project(name, KEEP_ALL) for name in ("alpha", "beta")}
    exchange = Exchange(projects)
    write_rows(projects["alpha"], rows())
    projects["alpha"].put_metadata([MetricMetadata("c", "counter", "counts")])

    exported = await exchange.export(format=format_)
    imported = await exchange.send(
        "/import/prometheus", exported.content, "beta", headers={"Content-Type": media}
    )

    assert 204 == imported.status_code, imported.text
    assert "4" == exported.headers["x-bongsu-histograms-left-out"]
    assert (format_ == "openmetrics") == exported.text.endswith("# EOF\n")
    assert f"# TYPE {'c' if format_ == 'openmetrics' else 'c_total'} counter\n" in exported.text
    carried = [
        Row(row.labels, row.timestamp, row.value)
        for row in rows()
        if isinstance(row.value, float) and bits_of(row.value) != bits_of(STALE_NAN)
    ]
    assert expected(*carried) == found(projects["beta"])
    exchange.api.close()
    store.close()


async def test_a_bad_line_is_named_and_the_others_are_stored(exchange: Exchange) -> None:
    text = f"up 1 {T}\nup two {T}\nup 3 {T + 1}\n".encode()

    answer = await exchange.send("/import/prometheus", text)

    assert 400 == answer.status_code
    said = answer.json()
    assert ("error", "bad_data", 2, 1) == (
        said["status"],
        said["errorType"],
        said["data"]["written"],
        said["data"]["refused"],
    )
    assert [{"line": 2, "id": "bad-exposition"}] == [
        {key: fault[key] for key in ("line", "id")} for fault in said["data"]["faults"]
    ]
    assert "line 2: expected a value" in said["error"]
    assert {"up": 2} == {labels: len(samples) for labels, samples in found(exchange.stores["alpha"]).items()}
    assert {} == found(exchange.stores["beta"])
    assert 1.0 == exchange.registry.get_sample_value(
        "bongsu_import_refused_total", {"reason": "bad-exposition"}
    )


async def test_refusals_of_the_store_and_of_the_clock_are_named_by_line(exchange: Exchange) -> None:
    put(exchange.stores["alpha"], {"__name__": "up"}, [1.0], end_ms=T)
    body = b"\n".join(
        json.dumps({"metric": {"__name__": "up"}, "values": [value], "timestamps": [time]}).encode()
        for value, time in ((2, T), (1, T), (1, NOW_MS + 3_600_000))
    )

    answer = await exchange.send("/import", body)

    assert [(1, "duplicate-timestamp"), (3, "too-far-in-future")] == sorted(
        (fault["line"], fault["id"]) for fault in answer.json()["data"]["faults"]
    )
    overwritten = await exchange.send("/import?overwrite=true", body.splitlines()[0])
    assert 204 == overwritten.status_code
    assert {"up": [(T, bits_of(2.0), 0)]} == found(exchange.stores["alpha"])


async def test_labels_and_a_time_can_be_given_for_all_lines(exchange: Exchange) -> None:
    answer = await exchange.send(
        "/import/prometheus",
        b'up{job="x"} 1\n',
        params={"extra_label": ["job=a", "zone=b=c"], "timestamp": str(T)},
    )

    assert 204 == answer.status_code
    assert {'up{job="a", zone="b=c"}': [(T, bits_of(1.0), 0)]} == found(exchange.stores["alpha"])
    wrong = await exchange.send("/import?extra_label=job", b"")
    assert 400 == wrong.status_code
    assert "write it as name=value" in wrong.text


async def test_a_long_body_is_stored_while_it_arrives(exchange: Exchange) -> None:
    lines = [f"up {i} {T + i}\n".encode() for i in range(200_000)]

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(lines), 7_001):
            yield b"".join(lines[start : start + 7_001])
            if start > 150_000:
                assert found(exchange.stores["alpha"])["up"]
        yield b"up 1"

    answer = await exchange.send("/import/prometheus", body())

    assert "200001" == answer.headers["x-bongsu-samples-written"]


async def test_an_import_that_is_under_way_is_slowed_down_not_refused() -> None:
    class Limited(MemoryProjectStore):
        calls = 0

        def append(self, batch: SampleBatch) -> AppendResult:
            Limited.calls += 1
            if Limited.calls in {2, 3}:
                raise LimitExceeded("too many", retry_after_s=0.0)
            return super().append(batch)

    exchange = Exchange({"alpha": Limited()})
    text = b"".join(f"up {i} {T + i}\n".encode() for i in range(120_000))
    answer = await exchange.send("/import/prometheus", text)

    assert (204, "120000") == (answer.status_code, answer.headers["x-bongsu-samples-written"])
    Limited.calls = 1
    refused = await exchange.send("/import/prometheus", b"up 1 1\n")
    assert 429 == refused.status_code
    assert refused.headers["retry-after"]
    exchange.api.close()


async def test_a_store_that_takes_no_writes_is_told_so_that_the_sender_tries_again() -> None:
    class Full(MemoryProjectStore):
        def append(self, batch: SampleBatch) -> AppendResult:
            raise StoreReadOnly("the disk is full")

    exchange = Exchange({"alpha": Full()})
    answer = await exchange.send("/import/prometheus", b"up 1\n")

    assert (503, "unavailable") == (answer.status_code, answer.json()["errorType"])
    exchange.api.close()


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "words"),
    [
        ("/import", b"x", {"Content-Encoding": "br"}, 415, "gzip, zstd"),
        ("/import", b"not gzip", {"Content-Encoding": "gzip"}, 400, "cannot read as gzip"),
        (
            "/import",
            gzip.compress(b"up 1\n" * 99, mtime=0)[:-9],
            {"Content-Encoding": "gzip"},
            400,
            "end early",
        ),
        ("/import", compress_zstd(b" " * (2 << 20)), {"Content-Encoding": "zstd"}, 413, "send less at once"),
        ("/import", b" " * (5 << 20), {}, 413, "several lines"),
        ("/import/prometheus?timestamp=x", b"", {}, 400, "timestamp"),
        ("/import/csv", b"", {}, 404, "no endpoint"),
    ],
)
async def test_bad_requests_are_told_what_to_change(
    exchange: Exchange, path: str, body: bytes, headers: dict[str, str], status: int, words: str
) -> None:
    answer = await exchange.send(path, body, headers=headers)

    assert status == answer.status_code
    assert words in answer.text


async def test_keys_decide_who_may_do_what(exchange: Exchange) -> None:
    async with exchange.api.client(key=exchange.api.read_key) as client:
        assert 403 == (await client.post("/import", content=b"")).status_code
    async with exchange.api.client(key=exchange.api.write_key) as client:
        assert 403 == (await client.get("/export", params={"match[]": "up"})).status_code
        assert 204 == (await client.post("/import", content=b"")).status_code
    assert 400 == (await exchange.export(match="")).status_code


async def test_an_export_has_each_series_once_and_only_its_own_project_s(exchange: Exchange) -> None:
    put(exchange.stores["alpha"], UP, [1.0, 2.0, 3.0])
    put(exchange.stores["beta"], {"__name__": "secret"}, [1.0])

    async with exchange.api.client() as client:
        both = await client.get("/export", params={"match[]": ["up", '{job="a"}']})
        some = await client.get(
            "/export", params={"match[]": "up", "start": str(NOW_MS / 1000 - 15), "end": str(NOW_MS / 1000)}
        )

    (line,) = both.text.splitlines()
    assert UP == json.loads(line)["metric"]
    assert [2.0, 3.0] == json.loads(some.text)["values"]
    assert "secret" not in (await exchange.export()).text


async def test_long_series_are_read_in_pieces(tmp_path: Path) -> None:
    from bongsu.query.export import series_pieces

    store = open_tsdb(tmp_path / "store")
    project = store.project("one", KEEP_ALL)
    write_rows(project, [Row(UP, T + 15_000 * i, float(i)) for i in range(1000)])
    pieces = list(series_pieces(project, [()], T, NOW_MS * 2, max_samples=100))

    assert len(pieces) > 3
    assert max(len(piece.times) for piece in pieces) < 400
    assert np.arange(1000).tolist() == [value for piece in pieces for value in piece.values.tolist()]
    assert struct.pack("<d", 999.0) == bits_of(float(pieces[-1].values[-1]))
    store.close()
