"""Results as JSON, against the plain way of building the same document."""

from __future__ import annotations

import itertools
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.naive.format_floats import format_time, format_value

from bongsu.api.prometheus.results import write_instant, write_range
from bongsu.kernels import format_floats
from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram
from bongsu.model.label_columns import LabelColumns
from bongsu.promql.histograms.columns import HistogramCells
from bongsu.promql.values import QueryResult, RangeVector, Scalar, String, Vector

if TYPE_CHECKING:
    from bongsu.api.prometheus.results import WrittenResult

LABELS = st.dictionaries(
    st.sampled_from(["__name__", "a", "b", 'quo"te', "한"]),
    st.text(max_size=4, alphabet=st.characters(codec="utf-8")),
    max_size=4,
)


def document(written: WrittenResult) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(b"{" + b"".join(written.parts) + b"}", parse_float=str, parse_int=str)
    return loaded


def naive_points(steps: list[int], kinds: list[int], values: list[float]) -> list[list[str]]:
    return [[format_time(t), format_value(v)] for t, k, v in zip(steps, kinds, values, strict=True) if k == 1]


@st.composite
def vectors(draw: st.DrawFn, max_series: int = 70) -> Vector:
    maps = draw(st.lists(LABELS, max_size=max_series))
    n_steps = draw(st.integers(1, 4))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    values = random.integers(0, 2**64, (len(maps), n_steps), dtype=np.uint64).view(np.float64)
    kinds = random.integers(0, 2, values.shape).astype(np.uint8) if draw(st.booleans()) else None
    return Vector(LabelColumns.from_maps(maps), values, kinds)


def naive_rows(vector: Vector, steps: list[int]) -> list[dict[str, Any]]:
    kinds = vector.kind_matrix()
    rows = [
        {"metric": vector.labels.labels(row), "values": naive_points(steps, kinds[row].tolist(), values)}
        for row, values in enumerate(vector.values.tolist())
    ]
    return [row for row in rows if row["values"]]


@given(vectors(), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_a_matrix_is_what_the_plain_way_gives(vector: Vector, limit: int) -> None:
    steps = [1_435_781_451_781 + 15_000 * step for step in range(vector.n_steps)]
    rows = naive_rows(vector, steps)
    rows.sort(key=lambda row: sorted((n.encode(), v.encode()) for n, v in row["metric"].items()))
    written = write_range(QueryResult(vector, np.array(steps, dtype=np.int64)), limit)

    assert {"resultType": "matrix", "result": rows[: limit or None]} == document(written)
    assert (0 < limit < len(rows)) == written.truncated


@given(vectors(), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_a_vector_is_what_the_plain_way_gives_in_the_engine_s_order(vector: Vector, limit: int) -> None:
    first = Vector(vector.labels, vector.values[:, :1], None if vector.kinds is None else vector.kinds[:, :1])
    rows = [
        {"metric": row["metric"], "value": row["values"][0]} for row in naive_rows(first, [1_700_000_000_000])
    ]
    written = write_instant(QueryResult(first, np.array([1_700_000_000_000])), limit)

    assert {"resultType": "vector", "result": rows[: limit or None]} == document(written)


@given(st.lists(st.tuples(LABELS, st.integers(1, 5)), max_size=60), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_raw_samples_are_what_the_plain_way_gives(
    series: list[tuple[dict[str, str], int]], seed: int
) -> None:
    random = np.random.default_rng(seed)
    offsets = np.concatenate(([0], np.cumsum([count for _, count in series]))).astype(np.int64)
    times = np.sort(random.integers(-(10**13), 10**13, offsets[-1]))
    values = random.integers(0, 2**64, offsets[-1], dtype=np.uint64).view(np.float64)
    labels = LabelColumns.from_maps([labels for labels, _ in series])
    rows = [
        {
            "metric": labels.labels(row),
            "values": naive_points(
                times[start:stop].tolist(), [1] * int(stop - start), values[start:stop].tolist()
            ),
        }
        for row, (start, stop) in enumerate(itertools.pairwise(offsets))
    ]
    written = write_instant(QueryResult(RangeVector(labels, offsets, times, values), np.array([0])))

    assert {"resultType": "matrix", "result": rows} == document(written)


def test_a_matrix_larger_than_a_part_is_written_in_parts() -> None:
    values = np.random.default_rng(3).random((300, 400))
    labels = LabelColumns.from_maps([{"__name__": "m", "i": f"{i:03}"} for i in range(300)])
    steps = np.arange(400, dtype=np.int64) * 1000
    parts = list(write_range(QueryResult(Vector(labels, values), steps)).parts)

    rows = json.loads(b"{" + b"".join(parts) + b"}")["result"]
    assert len(parts) > 4
    assert max(map(len, parts)) <= (1 << 20) + 1
    assert [[[t, format_value(v)] for t, v in enumerate(row)] for row in values.tolist()] == [
        row["values"] for row in rows
    ]


def test_one_series_larger_than_a_part_is_written_whole() -> None:
    steps = np.arange(40_000, dtype=np.int64) * 1500
    vector = Vector(LabelColumns.from_maps([{"a": "b"}]), np.full((1, 40_000), 1 / 3))

    [row] = document(write_range(QueryResult(vector, steps)))["result"]
    assert 40_000 == len(row["values"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Scalar(np.array([1e-9])), {"resultType": "scalar", "result": ["1.500", "0.000000001"]}),
        (Scalar(np.array([-math.inf])), {"resultType": "scalar", "result": ["1.500", "-Inf"]}),
        (String('a "b"\n'), {"resultType": "string", "result": ["1.500", 'a "b"\n']}),
        (String("\udcff"), {"resultType": "string", "result": ["1.500", "\N{REPLACEMENT CHARACTER}"]}),
    ],
)
def test_scalars_and_strings_stand_alone(value: Scalar | String, expected: dict[str, object]) -> None:
    assert expected == document(write_instant(QueryResult(value, np.array([1500]))))


EXPONENTIAL = Histogram(
    schema=0,
    zero_threshold=0.001,
    zero_count=2,
    count=11,
    sum=18.4,
    positive_spans=((0, 2), (1, 1)),
    positive_buckets=(1, 0, 3),
    negative_spans=((1, 2),),
    negative_buckets=(4, 1),
)
BUCKETS = [
    ["1", "-4", "-2", "1"],
    ["1", "-2", "-1", "4"],
    ["3", "-0.001", "0.001", "2"],
    ["0", "0.5", "1", "1"],
    ["0", "4", "8", "3"],
]


def test_native_histograms_stand_beside_floats() -> None:
    labels = LabelColumns.from_maps([{"a": "2"}, {"a": "1"}, {"a": "3"}])
    cells = HistogramCells((3, 2))
    cells.put((1, 1), EXPONENTIAL)
    kinds = np.array([[1, 0], [1, 2], [0, 1]], dtype=np.uint8)
    vector = Vector(labels, np.array([[1.0, 0], [2.0, 0], [0, 3.0]]), kinds, cells.array())
    drawn = {"count": "11", "sum": "18.4", "buckets": BUCKETS}

    assert [
        {"metric": {"a": "1"}, "values": [["1", "2"]], "histograms": [["2", drawn]]},
        {"metric": {"a": "2"}, "values": [["1", "1"]]},
        {"metric": {"a": "3"}, "values": [["2", "3"]]},
    ] == document(write_range(QueryResult(vector, np.array([1000, 2000]))))["result"]


def test_an_instant_histogram_has_custom_bounds_and_no_empty_buckets() -> None:
    custom = Histogram(
        schema=CUSTOM_BUCKETS_SCHEMA,
        zero_threshold=0,
        zero_count=0,
        count=6,
        sum=7,
        positive_spans=((0, 3),),
        positive_buckets=(1, 2, 3),
        custom_values=(0.5, 1.0),
    )
    empty = Histogram(schema=2, zero_threshold=0, zero_count=0, count=0, sum=0)
    cells = HistogramCells((2, 1))
    cells.put((0, 0), custom)
    cells.put((1, 0), empty)
    kinds = np.full((2, 1), 2, dtype=np.uint8)
    labels = LabelColumns.from_maps([{"a": "1"}, {"a": "2"}])
    buckets = [["3", "-Inf", "0.5", "1"], ["0", "0.5", "1", "2"], ["0", "1", "+Inf", "3"]]

    assert [
        {"metric": {"a": "1"}, "histogram": ["1", {"count": "6", "sum": "7", "buckets": buckets}]},
        {"metric": {"a": "2"}, "histogram": ["1", {"count": "0", "sum": "0"}]},
    ] == document(
        write_instant(QueryResult(Vector(labels, np.zeros((2, 1)), kinds, cells.array()), np.array([1000])))
    )["result"]


def test_warmed_kernels_compile_nothing_more_when_answers_are_written() -> None:
    format_floats.warm()
    kernels: tuple[Any, ...] = (
        format_floats.write_matrix,
        format_floats.write_ranges,
        format_floats.write_times,
    )  # as numba makes them
    before = [len(kernel.signatures) for kernel in kernels]
    steps = np.array([1000, 2000])
    for n_series in (1, 100):
        labels = LabelColumns.from_maps([{"a": str(row)} for row in range(n_series)])
        values = np.ones((n_series, 2))
        offsets = np.arange(n_series + 1, dtype=np.int64) * 2
        samples = RangeVector(labels, offsets, np.tile(steps, n_series), values.ravel())
        for vector in (
            Vector(labels, values),
            Vector(labels, values, np.ones((n_series, 2), dtype=np.uint8)),
        ):
            assert list(write_range(QueryResult(vector, steps), 5).parts)
            assert list(write_instant(QueryResult(vector.take(np.arange(1)), steps)).parts)
        assert list(write_instant(QueryResult(samples, steps)).parts)
    assert list(write_range(QueryResult(Scalar(np.ones(2)), steps)).parts)

    assert before == [len(kernel.signatures) for kernel in kernels]
