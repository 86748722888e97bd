"""The real server's real-time numbers: untidy spans of two projects, the store beside the API, a crash in the middle."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.apm import LOCAL, gauge, metrics, resource, span, span_id, spans
from tests.support.otlp import metrics_protobuf, spans_protobuf
from tests.support.process import call, eventually, running_server

from bongsu.api.openapm.routes import NUMBER_NAMES
from bongsu.apm.settings import TICK_MS
from bongsu.wire.otlp.values import SpanBatch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.process import ServerProcess, Tenant

    from bongsu.wire.otlp.values import MetricBatch

pytestmark = pytest.mark.process

QUICK = {"BONGSU_APM_GRACE": "2s"}
SPOT_NAMES = {"dbc_count": "dbconn_total", "dbc_active": "dbconn_act", "dbc_idle": "dbconn_idle"}


@pytest.fixture(scope="module")
def quick_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running_server(tmp_path_factory.mktemp("server") / "data", **QUICK) as process:
        yield process


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def send(tenant: Tenant, batch: SpanBatch | MetricBatch) -> None:
    if isinstance(batch, SpanBatch):
        kind, body = "traces", spans_protobuf(batch)
    else:
        kind, body = "metrics", metrics_protobuf(batch)
    headers = {"X-TC-APP-KEY": tenant.appkey, "Content-Type": "application/x-protobuf"}
    answer = call("POST", f"{tenant.url}/otlp/v1/{kind}", headers=headers, body=body)
    assert (200, b"") == (answer.status, answer.body)


def total(tenant: Tenant, query: str) -> float:
    """Return the one value of a query, 0 without series."""
    result = tenant.query(query)
    return float(result[0]["value"][1]) if result else 0.0


def spot(tenant: Tenant) -> dict[str, Any]:
    headers = {"x-whatap-token": tenant.token, "x-whatap-pcode": str(tenant.pcode)}
    document: dict[str, Any] = call("GET", f"{tenant.url}/open/api/json/spot", headers=headers).json()
    return document


def counted(tenant: Tenant) -> float:
    return total(tenant, "sum_over_time(bongsu_apm_txcount[10m])")


def test_reordered_repeated_nested_and_future_spans_count_once_and_late_ones_as_late(
    quick_server: ServerProcess,
) -> None:
    one, two = quick_server.create_project("untidy"), quick_server.create_project("tidy")
    now = now_ms()
    first, outer = spans(span(now, user="ann"), span(now - 10, user="ben", failed=True)), span_id()
    # Of an SDK that does not tell remote parents: the inner span comes first, and batches before its parent.
    inner = spans(span(now - 5, parent=outer, flags=0), of=resource("old"))
    later = spans(span(now - 4, own_id=outer, flags=0), of=resource("old"))
    ahead = spans(span(now + 40_000, user="ann"), span(now - 200, user="eve"))
    local = spans(span(now - 6, parent=span_id(), flags=LOCAL))
    for batch in (inner, ahead, first, local, later, first, inner):
        send(one, batch)
    send(two, spans(span(now, user="ann")))

    eventually(lambda: counted(one) >= 5, what="the transactions of the first project")
    eventually(lambda: counted(two) >= 1, what="the transaction of the second")
    assert (5, 1) == (counted(one), counted(two))
    # Both of the request that came twice; the inner one is known to be nested when it comes again.
    assert 2 == total(one, "bongsu_apm_repeated_spans_total")
    assert 1 == total(one, "bongsu_apm_transaction_errors_total")
    assert (0, 0) == (total(one, "bongsu_apm_late_spans_total"), total(two, "bongsu_apm_late_spans_total"))
    assert (3, 1) == (one.number("user"), two.number("user"))

    send(one, spans(span(now - 30_000, user="late")))
    send(one, spans(span(now_ms())))
    eventually(lambda: total(one, "bongsu_apm_late_spans_total") == 1, what="the late span")
    eventually(lambda: counted(one) >= 6, what="the transaction in time")
    assert (6, 3) == (counted(one), one.number("user"))


def test_every_number_of_the_api_is_the_stores_of_the_same_tick(quick_server: ServerProcess) -> None:
    tenant, other = quick_server.create_project("agreeing"), quick_server.create_project("silent")
    agreed: set[float] = set()

    def agree() -> bool:
        at = now_ms()
        of = resource("a", host=f"host-{at % 3}")
        send(
            tenant,
            spans(*(span(at - i, elapsed_ms=7 * i, user=f"u{i}") for i in range(at % 11)), span(at), of=of),
        )
        send(
            tenant,
            metrics(
                gauge("bongsu.transactions.active", ({"state": "sql", "band": "3-8s"}, at % 5), at_ms=at),
                gauge("bongsu.threadpool.active", ({}, at % 7), at_ms=at),
                gauge("bongsu.threadpool.queue", ({}, at % 2), at_ms=at),
                gauge(
                    "db.client.connection.count",
                    ({"state": "used"}, at % 4),
                    ({"state": "idle"}, 3),
                    at_ms=at,
                ),
                gauge("system.cpu.utilization", ({"cpu": 0, "state": "idle"}, at % 1000 / 1000), at_ms=at),
                gauge("bongsu.host.cpu.cores", ({}, 8), at_ms=at),
                of=of,
            ),
        )
        before = spot(tenant)
        rows = tenant.query('{__name__=~"bongsu_apm_.+"}')
        stored = {row["metric"]["__name__"]: row for row in rows if "state" not in row["metric"]}
        if before != spot(tenant) or "bongsu_apm_tps" not in stored:
            return False  # a tick was sealed meanwhile
        answered = {name: float(before[SPOT_NAMES.get(name, name)]) for name in NUMBER_NAMES}
        written = {name: float(stored[f"bongsu_apm_{name}"]["value"][1]) for name in NUMBER_NAMES}
        if answered["txcount"] and answered == written:
            agreed.add(total(tenant, "timestamp(bongsu_apm_txcount)"))
        return len(agreed) >= 3

    eventually(agree, what="agreement over three ticks")
    assert all(at * 1000 % TICK_MS == 0 for at in agreed)
    assert {"0"} == {str(spot(other)[name]) for name in NUMBER_NAMES if name not in SPOT_NAMES}


def test_a_crash_loses_no_sealed_tick_and_the_numbers_go_on(tmp_path: Path) -> None:
    with running_server(tmp_path, **QUICK) as server:
        one, two = server.first_project, server.create_project("second")
        for tenant, count in ((one, 4), (two, 2)):
            send(tenant, spans(*(span(now_ms(), user=f"u{i}") for i in range(count))))
        eventually(lambda: (counted(one), counted(two)) == (4, 2), what="sealed ticks")
        server.kill()
    with running_server(tmp_path, **QUICK) as server:
        one.url = two.url = server.url
        assert (4, 2) == (counted(one), counted(two))
        assert 0 == one.number("txcount"), (
            "what was in memory is gone, and no old number is shown as one of now"
        )
        send(one, spans(*(span(now_ms(), user="new") for _ in range(3))))
        eventually(lambda: counted(one) == 7, what="transactions after the crash")
        assert (1, 2) == (one.number("user"), counted(two))
        # The agent's sums begin anew, as a counter does.
        assert 3 == total(one, "bongsu_apm_transaction_duration_seconds_count")
        assert 1 <= total(one, "resets(bongsu_apm_transaction_duration_seconds_count[10m])")


def test_statistics_and_transactions_of_a_range_are_answered_for_their_own_project(
    quick_server: ServerProcess,
) -> None:
    one, two = quick_server.create_project("looked-at"), quick_server.create_project("other")
    now, root = now_ms(), span_id()
    query = span(
        now - 5,
        kind=3,
        parent=root,
        flags=LOCAL,
        attributes={"db.system": "mysql", "db.statement": "select 1"},
    )
    entry = span(now, own_id=root, failed=True, attributes={"http.route": "/pay"})
    send(one, spans(query, entry._replace(exception=("shop.NoMoney", "3"))))
    eventually(lambda: counted(one) == 1, what="the transaction")

    def records(tenant: Tenant, path: str) -> list[dict[str, Any]]:
        headers = {"x-whatap-token": tenant.token, "x-whatap-pcode": str(tenant.pcode)}
        answer = call("GET", f"{tenant.url}/open/api/json/{path}", headers=headers)
        assert 200 == answer.status, answer.text
        found: list[dict[str, Any]] = answer.json()["records"]
        return found

    around = f"{now - 60_000}/{now + 60_000}"
    assert ["select ?"] == [record["sql"] for record in records(one, f"sql/{around}")]
    assert [("shop.NoMoney", "/pay")] == [
        (r["class"], r["service"]) for r in records(one, f"exception/{around}")
    ]
    assert ["/pay"] == [record["service"] for record in records(one, f"transaction/{around}")]
    [kept] = records(one, f"transactions/{around}?failed=true")
    assert 2 == len(records(one, f"spans/{kept['traceId']}"))
    for path in ("sql", "exception", "transaction", "transactions", "hitmap", "txcount"):
        assert [] == records(two, f"{path}/{around}"), path
