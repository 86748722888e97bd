from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from tests.support.forgetful_store import ForgetfulStore
from tests.support.remote_write import SentSeries, encode_v1, encode_v2, series
from tests.support.stored import STALE, samples_of

from bongsu.ingest.remote_writers import RemoteWriters
from bongsu.ingest.series_table import SeriesTable
from bongsu.model.errors import BongsuError, LimitExceeded
from bongsu.model.histograms import Histogram
from bongsu.model.samples import STALE_NAN, Exemplar, MetricMetadata
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import StoreLimits, StoreOptions
from bongsu.storage.memory import MemoryProjectStore
from bongsu.wire.remote_write.request import Version, WireRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bongsu.ingest.remote_write import WriteOutcome

T = 1_700_000_000_000
ENCODERS: dict[Version, Callable[[list[SentSeries]], bytes]] = {Version.V1: encode_v1, Version.V2: encode_v2}

both_versions = pytest.mark.parametrize("version", [Version.V1, Version.V2])


class Scene:
    """A writer on a store of its own, under a clock that stands at `T`."""

    def __init__(self, store: MemoryProjectStore | None = None) -> None:
        self.store = store or MemoryProjectStore()
        self.registry = CollectorRegistry()
        self.writer = RemoteWriters(ManualClock(T), self.registry).of("p", self.store)

    def send(self, version: Version, *sent: SentSeries) -> WriteOutcome:
        return self.send_together((version, sent))[0]

    def send_together(self, *requests: tuple[Version, Sequence[SentSeries]]) -> list[WriteOutcome]:
        """Send requests as they arrive at once; the error of any is raised."""
        bodies = [(ENCODERS[version]([*sent]), version) for version, sent in requests]
        outcomes = []
        for outcome in self.writer.write_all(bodies):
            if isinstance(outcome, BongsuError):
                raise outcome
            outcomes.append(outcome)
        return outcomes


@both_versions
def test_samples_are_stored_and_counted(version: Version) -> None:
    scene = Scene()
    for i in range(3):
        outcome = scene.send(version, series("a", (T + i, float(i)), x="1"), series("b", (T + i, STALE_NAN)))
        assert (2, 0, 0, 0, "") == (
            outcome.samples,
            outcome.histograms,
            outcome.exemplars,
            outcome.refused,
            outcome.message,
        )
    assert {
        'a{x="1"}': [(T, 0.0), (T + 1, 1.0), (T + 2, 2.0)],
        "b": [(T, STALE), (T + 1, STALE), (T + 2, STALE)],
    } == samples_of(scene.store)
    assert 6 == scene.registry.get_sample_value("bongsu_remote_write_written_total", {"kind": "sample"})


@both_versions
def test_unsorted_labels_and_any_unicode_name_one_series(version: Version) -> None:
    scene = Scene()
    names = (("__name__", "메트릭.이름"), ("a b", 'x"\n\\'), ("z", "🔥"))
    scene.send(version, SentSeries(names, ((T, 1.0, 0),)), SentSeries(names[::-1], ((T + 1, 2.0, 0),)))
    assert [[(T, 1.0), (T + 1, 2.0)]] == list(samples_of(scene.store).values())


@both_versions
@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ((), "it has no metric name"),
        ((("x", "1"),), 'it has no metric name, its labels are {x="1"}'),
        ((("__name__", "a"), ("", "1")), "a label name is empty"),
        ((("__name__", "a"), ("x", "1"), ("x", "2")), "label 'x' occurs twice"),
    ],
)
def test_one_bad_series_does_not_cost_the_good_ones(
    version: Version, labels: tuple[tuple[str, str], ...], reason: str
) -> None:
    scene = Scene()
    for i in range(2):
        outcome = scene.send(
            version, series("a", (T + i, 1.0)), SentSeries(labels, ((T, 1.0, 0),)), series("b", (T + i, 2.0))
        )
        assert (2, 1) == (outcome.samples, outcome.refused)
        assert outcome.message.startswith("series 2 of 3: ")
        assert reason in outcome.message
    assert {"a": [(T, 1.0), (T + 1, 1.0)], "b": [(T, 2.0), (T + 1, 2.0)]} == samples_of(scene.store)


@both_versions
def test_a_repeated_sample_is_harmless_and_a_changed_one_is_named(version: Version) -> None:
    scene = Scene()
    scene.send(version, series("a", (T, 1.0)))
    assert 0 == scene.send(version, series("a", (T, 1.0))).refused
    outcome = scene.send(version, series("a", (T, 2.0), (T + 1, 3.0)))
    assert (1, 1) == (outcome.samples, outcome.refused)
    assert f"duplicate sample for timestamp {T} of a" in outcome.message
    assert {"a": [(T, 1.0), (T + 1, 3.0)]} == samples_of(scene.store)


@both_versions
def test_old_samples_in_any_order_are_taken_and_future_ones_are_not(version: Version) -> None:
    scene = Scene()
    outcome = scene.send(
        version, series("a", (T, 3.0), (T - 3_600_000, 1.0), (T + 600_001, 9.0), (T + 600_000, 4.0))
    )
    assert (3, 1) == (outcome.samples, outcome.refused)
    assert (
        f"out of bounds: sample of a at {T + 600_001} is more than 10 minutes ahead of the server; check the sender's clock"
    ) == outcome.message
    assert {"a": [(T - 3_600_000, 1.0), (T, 3.0), (T + 600_000, 4.0)]} == samples_of(scene.store)


@both_versions
def test_series_over_the_limit_are_named_and_taken_when_the_limit_is_raised(version: Version) -> None:
    scene = Scene(MemoryProjectStore(StoreOptions(retention_ms=0, limits=StoreLimits(max_series=1))))
    outcome = scene.send(version, series("a", (T, 1.0)), series("b", (T, 1.0)))
    assert (1, 1) == (outcome.samples, outcome.refused)
    assert "raise the project's limit 'max_series'" in outcome.message
    scene.store.options = StoreOptions(retention_ms=0)
    assert 2 == scene.send(version, series("a", (T + 1, 1.0)), series("b", (T + 1, 1.0))).samples


@both_versions
def test_exemplars_are_stored_and_overlong_ones_refused(version: Version) -> None:
    scene = Scene()
    good, bad = Exemplar((("trace_id", "x"),), 0.5, T), Exemplar((("trace_id", "y" * 121),), 0.5, T)
    outcome = scene.send(version, SentSeries((("__name__", "a"),), ((T, 1.0, 0),), exemplars=(good, bad)))
    assert (1, 1, 1) == (outcome.samples, outcome.exemplars, outcome.refused)
    assert "more than 128 characters" in outcome.message
    assert [[good]] == [list(row) for row in scene.store.exemplars([], 0, 2 * T).exemplars]


HISTOGRAM = Histogram(3, 0.001, 1.0, 6.0, 2.5, ((0, 2), (1, 1)), (2.0, 1.0, 2.0))


@both_versions
def test_native_histograms_are_stored_and_broken_ones_named(version: Version) -> None:
    scene = Scene()
    broken = Histogram(3, 0.001, 1.0, 99.0, 2.5, ((0, 2),), (2.0, 1.0))
    outcome = scene.send(
        version,
        SentSeries((("__name__", "h"),), (), ((T, HISTOGRAM, 0), (T + 1, broken, 0))),
        series("a", (T, 1.0)),
    )
    assert (1, 1, 1) == (outcome.samples, outcome.histograms, outcome.refused)
    assert outcome.message
    assert 2 == scene.store.stats().samples


def test_start_timestamps_of_version_2_are_stored() -> None:
    scene = Scene()
    scene.send(Version.V2, SentSeries((("__name__", "a"),), ((T, 1.0, T - 5), (T + 1, 2.0, 0))))
    with scene.store.select([], 0, 2 * T) as selection:
        view = selection.chunks(0, 1)
        starts = view.chunk_bytes(0, 32)[16:].view(np.int64)
        assert [T - 5, 0] == starts.tolist()


def test_metadata_of_version_1_is_kept() -> None:
    scene = Scene()
    told = (MetricMetadata("a", "counter", "Help.", "s"), MetricMetadata("", "gauge"))
    outcome = scene.writer.write(WireRequest(encode_v1([], told), Version.V1))
    assert 0 == outcome.refused
    assert {"a": (told[0],)} == dict(scene.store.metadata())


def test_metadata_of_version_2_is_kept_once_and_when_it_changes() -> None:
    scene = Scene()
    calls: list[int] = []
    put = scene.store.put_metadata
    scene.store.put_metadata = lambda entries: (calls.append(len(entries)), put(entries))[1]  # type: ignore[method-assign, func-returns-value]

    def send(help_text: str) -> None:
        told = MetricMetadata("", "gauge", help_text)
        labels = [(("__name__", "a"), ("x", str(i))) for i in range(3)]
        scene.send(Version.V2, *(SentSeries(pairs, ((T, 1.0, 0),), metadata=told) for pairs in labels))

    for help_text in ("one", "one", "two", "two"):
        send(help_text)
    assert [1, 1] == calls
    assert ("two", "one") == tuple(entry.help for entry in scene.store.metadata()["a"])


@both_versions
def test_series_that_left_the_store_are_made_again(version: Version) -> None:
    store = ForgetfulStore()
    scene = Scene(store)
    sent = SentSeries((("__name__", "h"),), (), ((T, HISTOGRAM, 0),))
    scene.send(version, series("a", (T, 1.0)), sent)
    store.shift = 1_000
    outcome = scene.send(
        version, series("a", (T + 1, 2.0)), SentSeries(sent.labels, (), ((T + 1, HISTOGRAM, 0),))
    )
    assert (1, 1, 0, "") == (outcome.samples, outcome.histograms, outcome.refused, outcome.message)
    assert {"a": [(T, 1.0), (T + 1, 2.0)]} == samples_of(store, "a")


def test_another_project_has_its_own_series() -> None:
    writers = RemoteWriters(ManualClock(T), CollectorRegistry())
    mine, theirs = MemoryProjectStore(), MemoryProjectStore()
    body = encode_v1([series("a", (T, 1.0))])
    for project, store in (("p", mine), ("q", theirs)):
        writers.of(project, store).write(WireRequest(body, Version.V1))
    writers.of("p", mine).write(WireRequest(encode_v1([series("a", (T + 1, 2.0))]), Version.V1))
    assert {"a": [(T, 1.0), (T + 1, 2.0)]} == samples_of(mine)
    assert {"a": [(T, 1.0)]} == samples_of(theirs)


def test_a_new_view_of_a_project_starts_with_new_references() -> None:
    writers = RemoteWriters(ManualClock(T), CollectorRegistry())
    old, new = MemoryProjectStore(), MemoryProjectStore()
    writers.of("p", old).write(
        WireRequest(encode_v1([series("a", (T, 1.0)), series("b", (T, 1.0))]), Version.V1)
    )
    writers.of("p", new).write(WireRequest(encode_v1([series("b", (T, 1.0))]), Version.V1))
    assert {"b": [(T, 1.0)]} == samples_of(new)


def test_only_a_few_faults_are_told_and_all_are_counted() -> None:
    scene = Scene()
    outcome = scene.send(Version.V1, *(series("a", (T + 700_000 + i, 1.0)) for i in range(9)))
    assert 9 == outcome.refused
    assert outcome.message.endswith("; and 4 more")
    assert 9 == scene.registry.get_sample_value(
        "bongsu_remote_write_refused_total", {"reason": "too-far-in-future"}
    )


def test_the_table_grows_and_keeps_what_it_knows() -> None:
    table = SeriesTable()
    generator = np.random.default_rng(1)
    hashes = generator.integers(1, 2**63, (5_000, 2), dtype=np.uint64)
    refs = np.arange(5_000)
    metadata = refs.astype(np.uint64) * np.uint64(7)
    for part in np.array_split(np.arange(5_000), 13):
        table.put(hashes[part], refs[part], metadata[part])
    found, told = table.find(hashes)
    assert refs.tolist() == found.tolist()
    assert metadata.tolist() == told.tolist()
    assert 5_000 == len(table)
    assert [-1, -1] == table.find(hashes[:2] + np.uint64(1))[0].tolist()


def test_requests_that_arrive_together_are_stored_together_and_answered_one_by_one() -> None:
    scene = Scene()
    scene.send(Version.V1, series("a", (T, 1.0)), series("b", (T, 1.0)))
    first, second, third = scene.send_together(
        (Version.V1, [series("a", (T + 1, 2.0)), series("b", (T + 1, 2.0))]),
        (Version.V1, [series("a", (T, 9.0)), series("b", (T + 2, 3.0))]),
        (Version.V1, [series("new", (T, 4.0)), series("a", (T + 2, 3.0))]),
    )
    assert [(2, 0), (1, 1), (2, 0)] == [(each.samples, each.refused) for each in (first, second, third)]
    assert "duplicate sample for timestamp" in second.message
    assert {
        "a": [(T, 1.0), (T + 1, 2.0), (T + 2, 3.0)],
        "b": [(T, 1.0), (T + 1, 2.0), (T + 2, 3.0)],
        "new": [(T, 4.0)],
    } == samples_of(scene.store)
    assert 7 == scene.registry.get_sample_value("bongsu_remote_write_written_total", {"kind": "sample"})


def test_a_broken_request_costs_those_beside_it_nothing() -> None:
    scene = Scene()
    good = encode_v1([series("a", (T, 1.0))])
    scene.writer.write_all([(good, Version.V1)])
    broken, stored = scene.writer.write_all(
        [(good + b"\x0a\x7f", Version.V1), (encode_v1([series("a", (T + 1, 2.0))]), Version.V1)]
    )
    assert isinstance(broken, BongsuError)
    assert not isinstance(stored, BongsuError)
    assert {"a": [(T, 1.0), (T + 1, 2.0)]} == samples_of(scene.store)


def test_a_store_that_takes_nothing_is_the_error_of_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    body = (encode_v1([series("a", (T, 1.0))]), Version.V1)
    scene.writer.write_all([body])

    def refuse(_: object) -> None:
        raise LimitExceeded("too many", limit="x", setting="limits.x")

    monkeypatch.setattr(scene.store, "append", refuse)
    assert all(isinstance(each, LimitExceeded) for each in scene.writer.write_all([body, body]))


@both_versions
def test_the_second_request_goes_the_short_way(version: Version, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    is_second = version is Version.V2
    told = MetricMetadata("", "gauge", "Help.") if is_second else None

    def send(time_ms: int) -> WriteOutcome:
        labels = [(("__name__", "a"), ("x", str(i))) for i in range(2)]
        sample = (time_ms, float(time_ms - T), T - 9 if is_second else 0)
        return scene.send(version, *(SentSeries(each, (sample,), metadata=told) for each in labels))

    send(T)
    monkeypatch.setattr("bongsu.ingest.remote_write.WireRequest", None)
    assert 2 == send(T + 1).samples
    assert [[(T, 0.0), (T + 1, 1.0)]] * 2 == list(samples_of(scene.store).values())
    if is_second:
        with scene.store.select([], 0, 2 * T) as selection:
            starts = selection.chunks(0, 1).chunk_bytes(0, 32)[16:].view(np.int64)
        assert [T - 9, T - 9] == starts.tolist()


def test_a_table_that_changes_meanwhile_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    table = SeriesTable()
    seeds = np.zeros(2, dtype=np.uint64)
    data = np.frombuffer(encode_v1([series("a", (T, 1.0))]), dtype=np.uint8)
    request = WireRequest(data.tobytes(), Version.V1)
    hashes = request.hashes(seeds - np.uint64(1)).labels
    table.put(hashes, np.array([5]), np.zeros(1, dtype=np.uint64))
    known = table.read_known(data, Version.V1, seeds)
    assert known is not None
    assert [5, T] == known[:2, 0].tolist()

    def change(*arguments: object) -> int:
        table.put(hashes, np.array([6]), np.zeros(1, dtype=np.uint64))
        return 1

    monkeypatch.setattr("bongsu.ingest.series_table.read_known", change)
    assert table.read_known(data, Version.V1, seeds) is None


def test_series_of_version_2_are_described_by_labels_of_their_metadata() -> None:
    store = MemoryProjectStore()
    writer = RemoteWriters(ManualClock(T), CollectorRegistry(), describes=True).of("p", store)
    labels = (("__name__", "m"), ("__type__", "mine"))

    def send(at: int, kind: str | None, version: Version = Version.V2) -> None:
        told = None if kind is None else MetricMetadata("m", kind, "", "s")
        (outcome,) = writer.write_all(
            [(ENCODERS[version]([SentSeries(labels, ((T + at, 1.0, 0),), metadata=told)]), version)]
        )
        assert not isinstance(outcome, BongsuError)
        assert 1 == outcome.samples

    for at, kind in enumerate(["counter", "counter", "gauge", None, "gauge", "unknown"]):
        send(at, kind)
    send(6, None, Version.V1)

    assert {
        'm{__type__="counter", __unit__="s"}': [(T, 1.0), (T + 1, 1.0)],
        'm{__type__="gauge", __unit__="s"}': [(T + 2, 1.0), (T + 4, 1.0)],
        'm{__type__="mine"}': [(T + 3, 1.0), (T + 6, 1.0)],
        'm{__type__="mine", __unit__="s"}': [(T + 5, 1.0)],
    } == samples_of(store)
