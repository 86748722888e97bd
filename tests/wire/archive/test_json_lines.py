"""JSON lines: what is written is read back bit by bit, and a bad line costs only itself."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.model.histograms import Histogram, ResetHint
from bongsu.model.samples import STALE_NAN
from bongsu.wire.archive.json_lines import read_json_lines, write_series

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_STARTS: NDArray[np.int64] = np.empty(0, dtype=np.int64)
ANY_DOUBLE = st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0])
TIME = st.integers(-(2**60), 2**60)
LABELS = st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=5), max_size=3).map(
    lambda labels: {
        "__name__": "m",
        **labels,
        **({} if labels.get("__name__") is None else {"__name__": "n"}),
    }
)


def _bits(values: NDArray[np.float64]) -> list[int]:
    return [int(word) for word in values.view(np.uint64)]


def _histogram(numbers: list[float], *, is_float: bool) -> Histogram:
    return Histogram(
        schema=3,
        zero_threshold=numbers[0],
        zero_count=numbers[1],
        count=numbers[2],
        sum=numbers[3],
        positive_spans=((-2, 1), (3, 2)),
        positive_buckets=tuple(numbers[4:7]),
        custom_values=tuple(numbers[7:]),
        reset_hint=ResetHint.GAUGE,
        is_float=is_float,
    )


@given(LABELS, st.lists(st.tuples(TIME, ANY_DOUBLE, TIME)))
def test_every_double_and_time_survives(
    labels: dict[str, str], samples: list[tuple[int, float, int]]
) -> None:
    times = np.array([time for time, _, _ in samples], dtype=np.int64)
    values = np.array([value for _, value, _ in samples], dtype=np.float64)
    starts = np.array([start for _, _, start in samples], dtype=np.int64)

    batch = read_json_lines(write_series(labels, times, values, starts), 1)

    assert () == tuple(batch.faults)
    assert [tuple(labels.items())] == list(batch.labels)
    assert times.tolist() == batch.timestamps.tolist()
    assert _bits(values) == _bits(batch.values)
    assert starts.tolist() == ([0] * len(starts) if batch.starts is None else batch.starts.tolist())


@given(st.lists(ANY_DOUBLE, min_size=7, max_size=9), st.booleans())
def test_every_histogram_survives(numbers: list[float], is_float: bool) -> None:
    histogram = _histogram(numbers, is_float=is_float)
    line = write_series(
        {"__name__": "h"}, NO_STARTS, np.empty(0), NO_STARTS, [(5, histogram, 3), (6, histogram, 0)]
    )

    first, second = read_json_lines(line, 1).histograms

    assert (5, 3, 6, 0) == (first.timestamp, first.start, second.timestamp, second.start)
    assert repr(histogram) == repr(first.value)
    for name in ("zero_threshold", "zero_count", "count", "sum"):
        assert struct.pack("<d", getattr(histogram, name)) == struct.pack("<d", getattr(first.value, name))


def test_a_stale_marker_is_null_for_other_readers_and_itself_for_us() -> None:
    values = np.array([1.0, STALE_NAN, float("nan"), float("inf"), -0.0])
    line = write_series({"__name__": "up"}, np.arange(5), values, NO_STARTS)

    assert [1.0, None, None, "Infinity", -0.0] == orjson.loads(line)["values"]
    assert _bits(values) == _bits(read_json_lines(line, 1).values)


def test_what_victoriametrics_writes_is_read() -> None:
    line = (
        b'{"metric":{"__name__":"up","job":"node_exporter"},"values":[0,null,"-Infinity"],'
        b'"timestamps":[1549891472010,1549891487724,1549891503438]}\n'
    )

    batch = read_json_lines(line, 1)

    assert [(("__name__", "up"), ("job", "node_exporter"))] == list(batch.labels)
    assert [1549891472010, 1549891487724, 1549891503438] == batch.timestamps.tolist()
    assert ["0.0", "nan", "-inf"] == list(map(str, batch.values.tolist()))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"up 1", "expected a JSON object"),
        (b"[]", "got a list"),
        (b'{"metric":{"job":"a"},"values":[],"timestamps":[]}', "metric name"),
        (b'{"metric":{"__name__":1},"values":[],"timestamps":[]}', "names and texts"),
        (b'{"metric":{"__name__":"a"},"values":[1],"timestamps":[]}', 'as many "timestamps"'),
        (b'{"metric":{"__name__":"a"},"values":[true],"timestamps":[1]}', "expected numbers"),
        (b'{"metric":{"__name__":"a"},"values":["12"],"timestamps":[1]}', "expected numbers"),
        (b'{"metric":{"__name__":"a"},"values":[1],"timestamps":[1.5]}', "whole Unix milliseconds"),
        (b'{"metric":{"__name__":"a"},"values":[1],"timestamps":[99999999999999999999]}', "whole Unix"),
        (b'{"metric":{"__name__":"a"},"values":[1],"timestamps":[1],"nan_bits":[[0,"1"]]}', "bits of a NaN"),
        (b'{"metric":{"__name__":"a"},"histograms":[{"timestamp":1}]}', 'in "schema"'),
    ],
)
def test_a_bad_line_is_named_and_costs_only_itself(line: bytes, words: str) -> None:
    good = b'{"metric":{"__name__":"a"},"values":[1],"timestamps":[1]}\n'

    batch = read_json_lines(good + line + b"\n\n" + good, 7)

    (fault,) = batch.faults
    assert 8 == fault.line
    assert "bad-import-line" == fault.id
    assert words in fault.message
    assert [7, 10] == batch.lines.tolist()


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    batch = read_json_lines(data, 1)

    assert len(batch.lines) == len(batch.series) == len(batch.timestamps) == len(batch.values)
