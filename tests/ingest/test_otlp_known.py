"""Plain OTLP requests leave in the store and in the answer what the long way leaves, whether their series are known or not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from tests.support.access import make_access
from tests.support.apm_api import NOW_MS, ApmApi
from tests.support.otlp import metrics_json, metrics_protobuf
from tests.support.samples import stored

from bongsu.api.otlp.routes import BODY_LIMITS, OtlpReceiver
from bongsu.apm.settings import ApmSettings
from bongsu.ingest.otlp_metrics import OtlpIngestSettings, OtlpMetricsIngest
from bongsu.ingest.otlp_translation import Translation
from bongsu.model.errors import BongsuError
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import AppendResult, Reason, Rejection
from bongsu.storage.memory import MemoryProjectStore
from bongsu.wire.otlp.answers import Encoding
from bongsu.wire.otlp.limits import OtlpLimits
from bongsu.wire.otlp.points import PointReader
from bongsu.wire.otlp.protobuf import read_metrics
from bongsu.wire.otlp.values import (
    ExponentialPoint,
    HistogramPoint,
    Metric,
    MetricBatch,
    MetricGroup,
    MetricKind,
    NumberPoint,
    PointExemplar,
    Resource,
    Scope,
    SummaryPoint,
    Temporality,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bongsu.ingest.otlp_known import KnownRequest
    from bongsu.ingest.otlp_metrics import Written
    from bongsu.model.samples import SampleBatch
    from bongsu.storage.contract import Resolution
    from bongsu.wire.otlp.points import Points
    from bongsu.wire.otlp.values import Attributes

SEEDS = np.array([11, 22], dtype=np.uint64)
WANTED = "system.cpu.time"

scalars = st.text(max_size=6) | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.floats(width=32)
attributes = st.dictionaries(st.sampled_from(["a", "b.c", "", "job"]), scalars, max_size=3)
resources = st.dictionaries(
    st.sampled_from(["service.name", "service.instance.id", "host.name", "service.version"]),
    st.sampled_from(["x", "y"]),
    max_size=4,
).map(lambda given: Resource({**given}))
scopes = st.tuples(st.sampled_from(["", "lib"]), st.sampled_from(["", "1"])).map(lambda given: Scope(*given))
times = st.integers(NOW_MS - 700_000, NOW_MS + 590_000).map(lambda ms: ms * 1_000_000 + 999_999)
starts = st.just(0) | times
values = st.floats() | st.integers(-(2**63), 2**63 - 1)
numbers = st.tuples(attributes, starts, times, values, st.booleans()).map(
    lambda given: NumberPoint({**given[0]}, *given[1:])
)


def to_histogram(bounds: list[float], count: int, **fields: Any) -> HistogramPoint:
    counts = tuple(range(count, count + len(bounds) + 1)) if bounds else ()
    return HistogramPoint(bounds=tuple(sorted(set(bounds))), counts=counts[: len(set(bounds)) + 1], **fields)


histograms = st.builds(
    to_histogram,
    st.lists(st.sampled_from([0.1, 1.0, 5.0, float("inf")]), max_size=3),
    st.integers(0, 2**40),
    attributes=attributes,
    start_ns=starts,
    time_ns=times,
    observations=st.integers(0, 2**62),
    sum=st.none() | st.floats(allow_nan=False),
    absent=st.booleans(),
)
names = st.sampled_from(["m", "requests", "d.e", WANTED])
units = st.sampled_from(["", "s", "1"])
number_metrics = st.tuples(
    names,
    st.sampled_from(["", "help"]),
    units,
    st.sampled_from([MetricKind.GAUGE, MetricKind.SUM]),
    st.just(Temporality.CUMULATIVE),
    st.booleans(),
    st.lists(numbers, max_size=3).map(tuple),
).map(lambda given: Metric(*given))
histogram_metrics = st.tuples(
    st.sampled_from(["h", "h.i"]),
    st.just(""),
    units,
    st.just(MetricKind.HISTOGRAM),
    st.just(Temporality.CUMULATIVE),
    st.just(False),
    st.lists(histograms, max_size=2).map(tuple),
).map(lambda given: Metric(*given))
groups = st.tuples(
    resources, scopes, st.lists(number_metrics | histogram_metrics, max_size=3).map(tuple)
).map(lambda given: MetricGroup(*given))
batches = st.lists(groups, max_size=3).map(lambda given: MetricBatch(tuple(given)))


def later(batch: MetricBatch, add_ms: int) -> MetricBatch:
    """Return a batch with other times and values of the same series."""

    def point_later(point: Any) -> Any:
        changed = point._replace(time_ns=point.time_ns + add_ms * 1_000_000)
        if isinstance(point, NumberPoint):
            return changed._replace(value=add_ms)
        return changed._replace(observations=point.observations + 1)

    return MetricBatch(
        tuple(
            group._replace(
                metrics=tuple(
                    metric._replace(points=tuple(map(point_later, metric.points))) for metric in group.metrics
                )
            )
            for group in batch.groups
        )
    )


class Way:
    """A project whose requests go the short way where that can be, or always the long one."""

    def __init__(
        self,
        *,
        short: bool,
        translation: Translation | None = None,
        store: MemoryProjectStore | None = None,
    ) -> None:
        self.short = short
        self.store = store or MemoryProjectStore()
        settings = OtlpIngestSettings(start_timestamps=True, translation=translation or Translation())
        self.ingest = OtlpMetricsIngest(settings, store_of=lambda _: self.store, clock=ManualClock(NOW_MS))
        self.reader = PointReader(OtlpLimits(), SEEDS, {WANTED})
        self.took_short_way: list[bool] = []

    def write(self, body: bytes) -> Written:
        points, known = self.find(body)
        written = None if known is None else self.ingest.write_known("p", known)
        self.took_short_way.append(written is not None)
        return written or self.ingest.write("p", read_metrics(body), points)

    def find(self, body: bytes) -> tuple[Points | None, KnownRequest | None]:
        points = self.reader.read(body) if self.short else None
        return points, None if points is None else self.ingest.find("p", points)

    def content(self) -> Any:
        return bits(self.store), dict(self.store.metadata())


def bits(store: MemoryProjectStore) -> Any:
    """Return all samples of a store, floats by their bits: NaN is not equal to itself."""
    return {
        series: {
            at: np.float64(value).tobytes() if isinstance(value, float) else repr(value)
            for at, value in row.items()
        }
        for series, row in stored(store).items()
    }


def sent(way: Way, body: bytes) -> Any:
    """Return what came of a request: the answer, or the error's text."""
    try:
        return way.write(body)
    except BongsuError as error:
        return str(error)


def compare(bodies: Sequence[bytes], translation: Translation | None = None) -> list[bool]:
    """Send requests both ways, compare answers and stores after each, and tell which went the short way."""
    short, long = Way(short=True, translation=translation), Way(short=False, translation=translation)
    for body in bodies:
        assert sent(long, body) == sent(short, body)
        assert long.content() == short.content()
    return short.took_short_way


@given(batches, batches)
def test_both_ways_leave_the_same(one: MetricBatch, other: MetricBatch) -> None:
    mixed = MetricBatch((*later(one, 3_000).groups, *other.groups))
    compare([metrics_protobuf(b) for b in (one, later(one, 1_000), later(one, 2_000), other, mixed, one)])


@given(batches)
def test_both_ways_leave_the_same_where_everything_is_promoted(batch: MetricBatch) -> None:
    translation = Translation(
        promote_all_resource_attributes=True, promote_scope_metadata=True, convert_histograms_to_nhcb=True
    )
    compare([metrics_protobuf(batch), metrics_protobuf(later(batch, 1_000))], translation)


@given(batches, st.data())
def test_damaged_requests_are_judged_as_by_the_long_way(batch: MetricBatch, data: st.DataObject) -> None:
    good, next_one = metrics_protobuf(batch), metrics_protobuf(later(batch, 1_000))
    at, gone = data.draw(st.integers(0, len(next_one))), data.draw(st.integers(0, 4))
    put = data.draw(st.binary(max_size=4) | st.sampled_from([good[i : i + 9] for i in range(0, 90, 9)]))
    compare([good, next_one[:at] + put + next_one[at + gone :], next_one])


ATTRIBUTES: Attributes = {"route": "/a", "port": 80, "ratio": 0.5, "ok": True}
RESOURCE = Resource({"service.name": "shop", "service.instance.id": "i1", "host.name": "web"})


def request(*metrics: Metric, resource: Resource = RESOURCE, at_ms: int = 0) -> bytes:
    return metrics_protobuf(later(MetricBatch((MetricGroup(resource, Scope("lib", "1"), metrics),)), at_ms))


def number(**fields: Any) -> NumberPoint:
    return NumberPoint(ATTRIBUTES, 0, NOW_MS * 1_000_000, 1.5)._replace(**fields)


def histogram(**fields: Any) -> HistogramPoint:
    point = HistogramPoint(ATTRIBUTES, 0, NOW_MS * 1_000_000, 6, 4.5, (0.1, 1.0), (1, 2, 3))
    return point._replace(**fields)


def gauge(*points: NumberPoint, name: str = "g") -> Metric:
    return Metric(name, "help", "s", MetricKind.GAUGE, Temporality.UNSPECIFIED, False, points)


def total(*points: NumberPoint, temporality: int = Temporality.CUMULATIVE) -> Metric:
    return Metric("c", "", "1", MetricKind.SUM, temporality, True, points)


def durations(*points: HistogramPoint) -> Metric:
    return Metric("h", "", "s", MetricKind.HISTOGRAM, Temporality.CUMULATIVE, False, points)


PLAIN = (
    gauge(number(), number(attributes={}), number(attributes={"list": (1, "a"), "map": {"k": b"v"}})),
    total(number(start_ns=5_000_000), number(attributes={"x": "1"}, value=-7)),
    durations(histogram(), histogram(attributes={}, sum=None), histogram(bounds=(), counts=())),
)


def test_the_second_request_goes_the_short_way() -> None:
    assert [False, True, True] == compare([request(*PLAIN, at_ms=at) for at in (0, 1_000, 400_000)])


def test_points_without_a_value_are_stale_markers() -> None:
    absent = (gauge(number(absent=True)), durations(histogram(absent=True)))
    before = (gauge(number()), durations(histogram()))
    assert [False, True] == compare([request(*before), request(*absent, at_ms=1_000)])


def test_all_that_names_a_series_tells_it_from_others() -> None:
    g = gauge(number())
    variants = [
        request(g, at_ms=1_000),
        request(g._replace(name="g2")),
        request(g._replace(unit="ms")),
        request(g._replace(description="other")),
        request(g._replace(kind=MetricKind.SUM, temporality=Temporality.CUMULATIVE)),
        request(total(number())._replace(name="g", unit="s", description="help")),
        request(gauge(number(attributes={**ATTRIBUTES, "port": "80"}))),
        request(g, resource=Resource({**RESOURCE.attributes, "host.name": "db"})),
        request(durations(histogram())),
        request(durations(histogram(bounds=(0.2, 1.0)))),
        request(durations(histogram(sum=None))),
    ]
    assert [False] + [True] + [False] * (len(variants) - 1) == compare([request(g), *variants])


def test_bytes_of_a_resource_are_not_those_of_a_scope() -> None:
    """An attribute's bytes are a scope's name as well: the levels must be told apart by more than their bytes."""
    bodies: list[bytes] = []
    for in_resource in (True, False):
        message = ExportMetricsServiceRequest()
        resource = message.resource_metrics.add()
        scope = resource.scope_metrics.add()
        if in_resource:
            pair = resource.resource.attributes.add()
            pair.key, pair.value.string_value = "service.name", "shop"
        else:
            scope.scope.ParseFromString(bodies_resource(bodies[0]))
        metric = scope.metrics.add()
        metric.name = "g"
        point = metric.gauge.data_points.add()
        point.time_unix_nano, point.as_double = NOW_MS * 1_000_000, 1.0
        bodies.append(message.SerializeToString())
    translation = Translation(promote_all_resource_attributes=True, promote_scope_metadata=True)
    assert [False, False] == compare(bodies, translation)


def bodies_resource(body: bytes) -> bytes:
    """Return the bytes of the only resource of a request."""
    resource: bytes = (
        ExportMetricsServiceRequest.FromString(body).resource_metrics[0].resource.SerializeToString()
    )
    return resource


DELTAS = total(number(), temporality=Temporality.DELTA)._replace(name="d")
POWERS = ExponentialPoint({"a": "b"}, 0, NOW_MS * 1_000_000, 3, 6.0, 1, 0, 0.0, 0, (1, 2), 0, ())
OTHERS = (
    DELTAS,
    durations()._replace(name="e", kind=MetricKind.EXPONENTIAL, points=(POWERS,)),
    gauge()._replace(
        name="s",
        kind=MetricKind.SUMMARY,
        points=(SummaryPoint({}, 0, NOW_MS * 1_000_000, 3, 6.0, ((0.5, 1.0),)),),
    ),
)


def test_metrics_that_are_not_plain_do_not_cost_the_plain_ones_their_short_way() -> None:
    bodies = []
    for at in (0, 1_000, 400_000):
        plain = read_metrics(request(*PLAIN, at_ms=at)).groups[0]
        others = tuple(moved(metric, at) for metric in OTHERS)
        mixed = (others[0], *plain.metrics[:2], others[1], others[2], plain.metrics[2])
        alone = MetricGroup(Resource({"service.name": "alone", "k": "v"}), Scope(), others)
        bodies.append(metrics_protobuf(MetricBatch((plain._replace(metrics=mixed), alone))))
    assert [False, True, True] == compare(bodies)


def moved(metric: Metric, add_ms: int) -> Metric:
    points: Any = metric.points
    return metric._replace(
        points=tuple(point._replace(time_ns=point.time_ns + add_ms * 1_000_000) for point in points)
    )


TRACE = PointExemplar(NOW_MS * 1_000_000, 0.5, b"t" * 16, b"s" * 8, {"a": "b"})


def test_exemplars_are_kept_on_the_short_way() -> None:
    told = []
    for short in (True, False):
        way = Way(short=short)
        for at in (0, 1_000):
            exemplars = tuple(
                TRACE._replace(value=v, time_ns=(NOW_MS + at) * 1_000_000) for v in (0.1, 0.5, 7.0)
            )
            way.write(
                request(
                    gauge(number(exemplars=exemplars)),
                    durations(
                        histogram(exemplars=exemplars),
                        histogram(attributes={}, bounds=(), counts=(), exemplars=exemplars),
                    ),
                    at_ms=at,
                )
            )
        assert [False, short] == way.took_short_way
        found = way.store.exemplars([[]], 0, 2 * NOW_MS)
        columns = {name: found.labels.get(name) for name in found.labels}
        labels = {name: column.texts().tolist() for name, column in columns.items() if column is not None}
        told.append((labels, [list(each) for each in found.exemplars]))
    assert told[0] == told[1]
    assert {"g_seconds", "h_seconds_bucket"} == set(told[0][0]["__name__"])


@pytest.mark.parametrize(
    ("unusual", "short"),
    [
        (gauge(number(time_ns=0)), True),
        (gauge(number(time_ns=(NOW_MS + 700_000) * 1_000_000)), False),
        (gauge(number(time_ns=2**64 - 1)), True),
        (DELTAS, True),
        (total(number(), temporality=Temporality.UNSPECIFIED), True),
        (gauge(number())._replace(name=""), True),
        (durations(histogram(counts=(1, 2))), True),
        (durations(histogram(counts=(1, 2**64 - 1, 3))), True),
        (durations(histogram(observations=2**64 - 1)), True),
    ],
)
def test_unusual_points_are_judged_as_on_the_long_way(unusual: Metric, *, short: bool) -> None:
    """Also where all points beside them are known."""
    known = read_metrics(request(*PLAIN, at_ms=1_000)).groups[0]
    body = metrics_protobuf(MetricBatch((known._replace(metrics=(*known.metrics, unusual)),)))
    assert [False, short, short] == compare([request(*PLAIN), body, body])


def test_what_the_store_refuses_is_told() -> None:
    """Another value at a time that has one already."""
    bodies = [
        metrics_protobuf(MetricBatch((MetricGroup(RESOURCE, Scope(), (gauge(number(value=value)),)),)))
        for value in (1.0, 2.0)
    ]
    assert [False, False] == compare(bodies)
    short = Way(short=True)
    assert [0, 1] == [short.write(body).refused for body in bodies]


class ForgetfulStore(MemoryProjectStore):
    """Answers some references as a store does after their series left it."""

    def __init__(self) -> None:
        super().__init__()
        self.forgotten: set[int] = set()

    def resolve(self, keys: Sequence[bytes]) -> Resolution:
        resolution = super().resolve(keys)
        self.forgotten.difference_update(resolution.refs.tolist())
        return resolution

    def append(self, batch: SampleBatch) -> AppendResult:
        rejections = tuple(
            Rejection(row, Reason.UNKNOWN_SERIES, "no such series")
            for row, ref in enumerate(batch.refs.tolist())
            if ref in self.forgotten
        )
        return AppendResult(0, 0, rejections) if rejections else super().append(batch)


def test_a_series_that_left_the_store_is_made_again() -> None:
    way = Way(short=True, store=ForgetfulStore())
    for at in (0, 1_000):
        way.write(request(*PLAIN, at_ms=at))
    assert isinstance(way.store, ForgetfulStore)
    way.store.forgotten = set(range(len(stored(way.store))))
    for at in (2_000, 3_000):
        assert 0 == way.write(request(*PLAIN, at_ms=at)).refused
    assert [False, True, False, True] == way.took_short_way
    assert all(NOW_MS + 3_000 in row for row in stored(way.store).values())


@pytest.mark.parametrize(
    "limits", [OtlpLimits(max_points=7), OtlpLimits(max_groups=1), OtlpLimits(max_messages=10)]
)
def test_requests_beyond_a_limit_are_left_to_the_long_way(limits: OtlpLimits) -> None:
    body = request(*PLAIN)
    assert PointReader(OtlpLimits(), SEEDS, ()).read(body) is not None
    assert PointReader(limits, SEEDS, ()).read(body) is None


def receiver_of(api: ApmApi) -> OtlpReceiver:
    return OtlpReceiver(make_access(api.keys, api.manual), api.engine, api.ingest, OtlpLimits(), BODY_LIMITS)


def test_a_project_knows_nothing_of_another() -> None:
    api = ApmApi()
    receiver = receiver_of(api)
    for at in (0, 1_000):
        receiver.take_metrics("alpha", request(*PLAIN, at_ms=at), Encoding.PROTOBUF, "")
    points = PointReader(OtlpLimits(), api.ingest.seeds, ()).read(request(*PLAIN))
    assert points is not None
    assert api.ingest.find("alpha", points) is not None
    assert api.ingest.find("beta", points) is None
    assert {} == stored(api.stores["beta"])


@pytest.mark.anyio
@pytest.mark.parametrize(("most_agents", "active"), [(2, 10), (1, 5)])
async def test_the_real_time_numbers_are_those_of_the_long_way(most_agents: int, active: int) -> None:
    """JSON always goes the long way."""
    told: list[Any] = []
    for encoding, write in ((Encoding.PROTOBUF, metrics_protobuf), (Encoding.JSON, metrics_json)):
        api = ApmApi(settings=ApmSettings(max_agents=most_agents))
        receiver = receiver_of(api)
        answers: list[Any] = []
        for tick in range(6):
            at_ms = NOW_MS + 5_000 * tick + 1_000
            await api.to(at_ms + 100)
            batch = agents_batch(at_ms, tick)
            assert (tick > 0 and encoding is Encoding.PROTOBUF) == is_known(api, batch)
            answer = receiver.take_metrics("alpha", write(batch), encoding, "10.0.0.1")
            answers.append(
                (told_of(encoding, answer), api.engine.newest("alpha").numbers, api.engine.used("alpha"))
            )
        answers.append(bits(api.stores["alpha"]))
        told.append(answers)
    assert told[0] == told[1]
    assert active == told[0][-2][1].threadpool_active


def agents_batch(at_ms: int, tick: int) -> MetricBatch:
    """Return what two instances report: a pool, durations, and a metric of their own."""
    pool = gauge(number(time_ns=at_ms * 1_000_000, value=5), name="bongsu.threadpool.active")
    own = total(number(time_ns=at_ms * 1_000_000, value=tick))
    slow = durations(
        histogram(time_ns=at_ms * 1_000_000, observations=6 * tick, counts=(tick, 2 * tick, 3 * tick))
    )._replace(name="http.server.request.duration")
    return MetricBatch(
        tuple(
            MetricGroup(
                Resource({**RESOURCE.attributes, "service.instance.id": instance}),
                Scope("lib"),
                (pool, own, slow),
            )
            for instance in ("i1", "i2")
        )
    )


def told_of(encoding: Encoding, answer: bytes) -> tuple[int, str]:
    """Return the partial success of an answer."""
    if encoding is Encoding.PROTOBUF:
        told = ExportMetricsServiceResponse.FromString(answer).partial_success
        return told.rejected_data_points, told.error_message
    partial = json.loads(answer).get("partialSuccess", {})
    return int(partial.get("rejectedDataPoints", 0)), partial.get("errorMessage", "")


def is_known(api: ApmApi, batch: MetricBatch) -> bool:
    points = PointReader(OtlpLimits(), api.ingest.seeds, ()).read(metrics_protobuf(batch))
    return points is not None and api.ingest.find("alpha", points) is not None
