"""The gauges of agents: pools, requests in flight, processors; current and older names, cumulative and delta."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.support.apm import NOW_MS, SETTINGS, gauge, metrics, resource

from bongsu.apm.project import ProjectApm
from bongsu.apm.ticks import Numbers
from bongsu.wire.otlp.values import MetricKind, Temporality

if TYPE_CHECKING:
    from bongsu.wire.otlp.values import AttributeValue, Metric, Resource

T0 = NOW_MS
AT = T0 + 3_000
SEAL = T0 + 5_000 + SETTINGS.grace_ms

Streams = list[tuple[dict[str, "AttributeValue"], float]]


def numbers_of(*posts: tuple[int, Metric] | tuple[int, Metric, Resource], seal_ms: int = SEAL) -> Numbers:
    """Return the numbers after posts of (time of arrival, metric, resource)."""
    apm = ProjectApm(SETTINGS, secret=b"s", now_ms=T0)
    for at_ms, metric, *of in posts:
        apm.add_metrics(metrics(metric, of=of[0] if of else None), now_ms=at_ms)
    apm.tick(seal_ms)
    return apm.newest().numbers


def test_own_in_flight_metric_gives_states_and_bands() -> None:
    streams: Streams = [
        ({"state": "method", "band": "0-3s"}, 3),
        ({"state": "sql", "band": "3-8s"}, 2),
        ({"state": "httpc", "band": "8s-"}, 4),
        ({"state": "dbc"}, 1),
        ({"state": "socket"}, 5),
        ({"state": "daydreaming"}, 7),
        ({}, 1),
    ]
    apm = ProjectApm(SETTINGS, secret=b"s", now_ms=T0)
    apm.add_metrics(metrics(gauge("bongsu.transactions.active", *streams, at_ms=AT)), now_ms=AT)
    apm.tick(SEAL)
    numbers = apm.newest().numbers
    assert (23, 11, 2, 4, 1, 5) == (
        numbers.actx,
        numbers.act_method,
        numbers.act_sql,
        numbers.act_httpc,
        numbers.act_dbc,
        numbers.act_socket,
    )
    in_flight = apm.newest().agents[0].gauges.in_flight
    assert (2, 4) == (in_flight["sql", "3-8s"], in_flight["httpc", "8s-"])
    assert 17 == sum(count for (_, band), count in in_flight.items() if band == "0-3s")


def test_active_requests_count_as_method_unless_the_agent_sends_our_metric() -> None:
    active = gauge(
        "http.server.active_requests", ({"m": "GET"}, 4), ({"m": "PUT"}, 2), at_ms=AT, kind=MetricKind.SUM
    )
    own = gauge("bongsu.transactions.active", ({"state": "sql"}, 1), at_ms=AT)
    numbers = numbers_of((AT, active), (AT, active, resource("i2")), (AT, own, resource("i2")))
    assert (7, 6, 1) == (numbers.actx, numbers.act_method, numbers.act_sql)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("db.client.connection.count", "db.client.connection.state"),
        ("db.client.connections.usage", "state"),
        ("db.client.connection.count", "state"),
    ],
)
def test_database_pools_under_current_and_older_names(name: str, key: str) -> None:
    streams: Streams = [
        ({"pool.name": "a", key: "used"}, 3),
        ({"pool.name": "a", key: "idle"}, 2),
        ({"pool.name": "b", key: "used"}, 1),
        ({"pool.name": "b", key: "idle"}, 4),
    ]
    numbers = numbers_of((AT, gauge(name, *streams, at_ms=AT, kind=MetricKind.SUM)))
    assert (10, 4, 6) == (numbers.dbc_count, numbers.dbc_active, numbers.dbc_idle)


def test_a_pool_sent_under_both_names_counts_once() -> None:
    new = gauge("db.client.connection.count", ({"db.client.connection.state": "used"}, 3), at_ms=AT)
    old = gauge("db.client.connections.usage", ({"state": "used"}, 3), at_ms=AT)
    assert 3 == numbers_of((AT, old), (AT, new)).dbc_active


def test_delta_reports_are_added_up() -> None:
    def used(change: float, at_ms: int) -> tuple[int, Metric]:
        metric = gauge(
            "db.client.connection.count",
            ({"state": "used"}, change),
            at_ms=at_ms,
            kind=MetricKind.SUM,
            temporality=Temporality.DELTA,
        )
        return at_ms, metric

    posts = [used(3, T0 + 1_000), used(2, T0 + 2_500), used(2, T0 + 2_500), used(-1, T0 + 4_000)]
    assert 4 == numbers_of(*posts).dbc_active, "the repeated report counts once"


def test_thread_pools_under_our_name_and_others() -> None:
    numbers = numbers_of(
        (AT, gauge("bongsu.threadpool.active", ({"pool": "a"}, 3), ({"pool": "b"}, 2), at_ms=AT)),
        (AT, gauge("bongsu.threadpool.queue", ({}, 7), at_ms=AT)),
        (AT, gauge("jetty.thread.busy.count", ({}, 90), at_ms=AT)),
        (AT, gauge("dotnet.thread_pool.thread.count", ({}, 11), at_ms=AT), resource("net")),
        (AT, gauge("dotnet.thread_pool.queue.length", ({}, 1), at_ms=AT), resource("net")),
        (AT, gauge("tomcat.thread.busy.count", ({"name": "http-8080"}, 5), at_ms=AT), resource("java")),
    )
    assert (5 + 11 + 5, 7 + 1) == (numbers.threadpool_active, numbers.threadpool_queue)


def test_cpu_from_shares_by_processor_and_mode_is_one_minus_idle() -> None:
    streams: Streams = [
        ({"cpu": 0, "state": "idle"}, 0.5),
        ({"cpu": 0, "state": "user"}, 0.4),
        ({"cpu": 0, "state": "system"}, 0.1),
        ({"cpu": 1, "state": "idle"}, 0.8125),
        ({"cpu": 1, "state": "user"}, 0.1875),
    ]
    numbers = numbers_of((AT, gauge("system.cpu.utilization", *streams, at_ms=AT)))
    assert 34.38 == numbers.cpu  # (50 + 18.75) / 2, rounded
    assert 2 == numbers.cpucore


def test_cpu_from_counted_time_is_the_share_between_two_reports() -> None:
    def time(at_ms: int, idle: float, user: float) -> tuple[int, Metric]:
        streams: Streams = [
            ({"cpu.logical_number": 0, "cpu.mode": "idle"}, idle),
            ({"cpu.logical_number": 0, "cpu.mode": "user"}, user),
        ]
        return at_ms, gauge("system.cpu.time", *streams, at_ms=at_ms, kind=MetricKind.SUM, monotonic=True)

    assert 0.0 == numbers_of(time(T0 + 1_000, 100, 50)).cpu
    assert 25.0 == numbers_of(time(T0 - 4_000, 100, 50), time(T0 + 1_000, 103, 51)).cpu
    assert 0.0 == numbers_of(time(T0 - 4_000, 100, 50), time(T0 + 1_000, 3, 1)).cpu, "after a reset"


def test_host_numbers_count_once_per_host_with_the_newest_report() -> None:
    def cpu(value: float, at_ms: int) -> Metric:
        return gauge("jvm.system.cpu.utilization", ({}, value), at_ms=at_ms)

    a1, a2, b = resource("i1", host="a"), resource("i2", host="a"), resource("i3", host="b")
    numbers = numbers_of(
        (AT, cpu(0.9, AT - 1_000), a1),
        (AT, cpu(0.5, AT), a2),
        (AT, cpu(0.1, AT), b),
        (AT, gauge("bongsu.host.cpu.cores", ({}, 8), at_ms=AT), a1),
        (AT, gauge("system.cpu.logical.count", ({}, 8), at_ms=AT), a2),
        (AT, gauge("jvm.cpu.count", ({}, 4), at_ms=AT), b),
    )
    assert (2, 12, 30.0) == (numbers.host, numbers.cpucore, numbers.cpu)


def test_our_own_core_count_goes_before_a_containers_share() -> None:
    share, whole = (
        gauge(name, ({}, value), at_ms=AT)
        for name, value in (("jvm.cpu.count", 2), ("bongsu.host.cpu.cores", 16))
    )
    assert 16 == numbers_of((AT, share), (AT, whole)).cpucore


def test_a_gauge_counts_in_the_tick_of_its_time_not_of_its_arrival() -> None:
    posts = [(T0 + 7_000, gauge("bongsu.threadpool.active", ({}, 9), at_ms=T0 + 6_000))]
    assert 0 == numbers_of(*posts).threadpool_active
    assert 9 == numbers_of(*posts, seal_ms=SEAL + 5_000).threadpool_active


def test_an_old_report_does_not_replace_a_newer_one() -> None:
    newer, older = (
        gauge("bongsu.threadpool.active", ({}, value), at_ms=at_ms)
        for value, at_ms in ((1, AT), (9, AT - 2_500))
    )
    assert 1 == numbers_of((AT, newer), (AT + 10, older)).threadpool_active


def test_a_gauge_ends_after_fifteen_seconds_or_two_and_a_half_intervals() -> None:
    def pool(at_ms: int) -> tuple[int, Metric, Resource]:
        return at_ms, gauge("bongsu.threadpool.active", ({}, 5), at_ms=at_ms), resource()

    def heartbeat(at_ms: int) -> tuple[int, Metric, Resource]:
        return at_ms, gauge("process.uptime", ({}, 1), at_ms=at_ms), resource()

    beats = [heartbeat(T0 + second * 1_000) for second in range(0, 230, 5)]
    once = [pool(T0), *beats]
    assert 5 == numbers_of(*once, seal_ms=T0 + 10_000 + SETTINGS.grace_ms).threadpool_active
    assert 0 == numbers_of(*once, seal_ms=T0 + 15_000 + SETTINGS.grace_ms).threadpool_active
    every_minute = [pool(T0), *beats[:12], pool(T0 + 60_000), *beats[12:]]
    assert 5 == numbers_of(*every_minute, seal_ms=T0 + 205_000 + SETTINGS.grace_ms).threadpool_active
    assert 0 == numbers_of(*every_minute, seal_ms=T0 + 210_000 + SETTINGS.grace_ms).threadpool_active


def test_a_stream_that_is_missing_from_a_newer_report_is_gone() -> None:
    def in_flight(at_ms: int, *states: str) -> tuple[int, Metric]:
        streams: Streams = [({"state": state}, 1) for state in states]
        return at_ms, gauge("bongsu.transactions.active", *streams, at_ms=at_ms)

    numbers = numbers_of(in_flight(T0 - 3_000, "sql", "method"), in_flight(T0 + 2_000, "method"))
    assert (1, 0) == (numbers.act_method, numbers.act_sql)


def test_the_gauges_of_a_silent_agent_do_not_count() -> None:
    posts = [(AT, gauge("bongsu.threadpool.active", ({}, 5), at_ms=AT))]
    assert 0 == numbers_of(*posts, seal_ms=SEAL + 15_000).threadpool_active


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_no_numbers_are_left_out(value: float) -> None:
    posts = [
        (AT, gauge("bongsu.threadpool.active", ({}, value), at_ms=AT)),
        (AT, gauge("system.cpu.utilization", ({"state": "idle"}, value), at_ms=AT)),
    ]
    numbers = numbers_of(*posts)
    assert Numbers(act_agent=1, host=1) == numbers


def test_a_count_below_zero_is_zero() -> None:
    assert 0 == numbers_of((AT, gauge("http.server.active_requests", ({}, -3), at_ms=AT))).actx


def test_a_report_without_a_time_counts_when_it_came() -> None:
    assert 5 == numbers_of((AT, gauge("bongsu.threadpool.active", ({}, 5), at_ms=0))).threadpool_active


def test_beyond_the_limit_of_streams_known_ones_go_on_and_new_ones_are_told() -> None:
    apm = ProjectApm(replace(SETTINGS, max_streams=3), secret=b"s", now_ms=T0)

    def send(at_ms: int, *pools: str) -> str:
        streams: Streams = [({"pool": pool}, 1) for pool in pools]
        report = gauge("bongsu.threadpool.active", *streams, at_ms=at_ms)
        return apm.add_metrics(metrics(report), now_ms=at_ms).reason

    assert "" == send(AT, "a", "b", "c")
    apm.tick(SEAL)
    assert "'apm.max_streams'" in send(AT + 5_000, "a", "b", "c", "d")
    apm.tick(SEAL + 5_000)
    assert 3 == apm.newest().numbers.threadpool_active


def test_a_machines_own_agent_is_no_application() -> None:
    apm = ProjectApm(SETTINGS, secret=b"secret", now_ms=NOW_MS)
    of = resource("web-1", service="bongsu-host-agent", bongsu__agent__kind="host")
    apm.add_metrics(
        metrics(gauge("system.cpu.utilization", ({}, 0.5), at_ms=NOW_MS + 1_000), of=of),
        now_ms=NOW_MS + 1_000,
    )
    apm.tick(NOW_MS + 30_000)
    assert (0, 0, 0) == (
        apm.newest().numbers.act_agent,
        apm.newest().numbers.inact_agent,
        apm.newest().numbers.host,
    )


def test_the_process_own_share_counts_only_where_nothing_tells_of_the_host() -> None:
    apm = ProjectApm(SETTINGS, secret=b"secret", now_ms=NOW_MS)
    share = gauge("jvm.cpu.recent_utilization", ({}, 0.25), at_ms=NOW_MS + 1_000)
    modes = gauge(
        "process.cpu.utilization",
        ({"cpu.mode": "user"}, 0.3),
        ({"cpu.mode": "system"}, 0.1),
        at_ms=NOW_MS + 1_000,
    )
    whole = gauge("jvm.system.cpu.utilization", ({}, 0.75), at_ms=NOW_MS + 1_000)
    for host, sent in (("h1", (share,)), ("h2", (modes,)), ("h3", (share, whole))):
        apm.add_metrics(metrics(*sent, of=resource(host, host=host)), now_ms=NOW_MS + 1_000)
    apm.tick(NOW_MS + 5_000 + SETTINGS.grace_ms)
    assert [25.0, 40.0, 75.0] == [agent.gauges.cpu for agent in apm.newest().agents]
    assert round((25 + 40 + 75) / 3, 2) == apm.newest().numbers.cpu
