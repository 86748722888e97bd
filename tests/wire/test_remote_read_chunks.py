from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.naive.remote_read import read_stream

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint
from bongsu.model.samples import STALE_NAN
from bongsu.query.samples import SeriesSamples
from bongsu.wire.remote_read_chunks import ChunkStream

NO_TIMES, NO_VALUES = np.empty(0, dtype=np.int64), np.empty(0)
INTEGERS = Histogram(3, 0.001, 1.0, 6.0, 2.5, ((-2, 1), (1, 1)), (2.0, 1.0), ((0, 2),), (1.0, 1.0))
FLOATS = Histogram(0, 0.25, 0.5, 2.0, -1.0, ((1, 2),), (0.5, 1.0), is_float=True)
CUSTOM = Histogram(
    CUSTOM_BUCKETS_SCHEMA, 0.0, 0.0, 3.0, 1.0, ((0, 2),), (1.0, 2.0), custom_values=(0.5, 1 / 3, 7e9)
)
XOR, HISTOGRAM, FLOAT_HISTOGRAM = 1, 2, 3


def series(*histograms: tuple[int, Histogram]) -> SeriesSamples:
    return SeriesSamples({"__name__": "h"}, NO_TIMES, NO_VALUES, histograms)


def read_back(given: SeriesSamples) -> list[tuple[int, Histogram]]:
    (frame,) = read_stream(b"".join(ChunkStream().frames(0, given)))
    return frame.histograms


def bits(histogram: Histogram) -> object:
    """Return all but the hint, floats by their bits."""
    return replace(histogram, sum=0.0, reset_hint=ResetHint.UNKNOWN), np.float64(histogram.sum).tobytes()


def test_a_stream_of_chunks_reads_back_bit_for_bit_in_frames_of_bounded_size() -> None:
    times = np.arange(1000, dtype=np.int64) * 15_000
    values = np.random.default_rng(1).random(1000)
    values[5] = STALE_NAN
    given = SeriesSamples({"__name__": "up", "job": "é"}, times, values)
    frames = list(ChunkStream(max_frame_bytes=2000).frames(3, given))
    read = read_stream(b"".join(frames))

    assert 1 < len(frames) == len(read)
    assert {3} == {frame.query for frame in read}
    assert [given.labels] * len(read) == [frame.labels for frame in read]
    assert list(zip(times.tolist(), map(np.float64.tobytes, values), strict=True)) == [
        sample for frame in read for sample in frame.floats
    ]
    assert max(map(len, frames)) < 2000 + 120 * 20 + 100


_COUNTS = st.lists(st.integers(0, 2**40), min_size=6, max_size=6)
_THRESHOLDS = st.sampled_from([0.0, 2.0**-243, 2.0**-244, 2.0**-128, 0.5, 1024.0, 2048.0, 0.3])
_SUMS = st.one_of(st.floats(), st.sampled_from([STALE_NAN, -0.0]))


@given(
    st.integers(-(2**50), 2**50),
    st.lists(
        st.tuples(st.integers(1, 2**40), _COUNTS, _SUMS, st.sampled_from(ResetHint)), min_size=1, max_size=20
    ),
    _THRESHOLDS,
    st.integers(-4, 8),
    st.booleans(),
)
def test_histograms_read_back_bit_for_bit(
    start: int,
    samples: list[tuple[int, list[int], float, ResetHint]],
    threshold: float,
    schema: int,
    is_float: bool,
) -> None:
    given = []
    for step, counts, total, hint in samples:
        start += step
        numbers = [count / 7 if is_float else float(count) for count in counts]
        spans = (((-5, 1), (900, 2)), ((3, 1),))
        positive, negative = tuple(numbers[2:5]), tuple(numbers[5:])
        h = Histogram(
            schema,
            threshold,
            numbers[0],
            numbers[1],
            total,
            spans[0],
            positive,
            spans[1],
            negative,
            (),
            hint,
            is_float,
        )
        given.append((start, h))
    found = read_back(series(*given))

    assert [time for time, _ in given] == [time for time, _ in found]
    for (_, was), (_, now) in zip(given, found, strict=True):
        if np.float64(was.sum).tobytes() == np.float64(STALE_NAN).tobytes():
            assert np.float64(now.sum).tobytes() == np.float64(was.sum).tobytes()
        else:
            assert bits(was) == bits(now)


@pytest.mark.parametrize("histogram", [INTEGERS, FLOATS, CUSTOM])
@pytest.mark.parametrize("hint", ResetHint)
def test_every_kind_reads_back(histogram: Histogram, hint: ResetHint) -> None:
    given = replace(histogram, reset_hint=hint)

    assert [(-5, given)] == read_back(series((-5, given)))


def test_a_chunk_ends_before_a_reset_because_readers_look_for_none_inside() -> None:
    grown = replace(INTEGERS, count=8.0, positive_buckets=(3.0, 2.0))
    moved = replace(grown, count=9.0, positive_buckets=(2.0, 4.0))
    found = read_back(series((1, INTEGERS), (2, grown), (3, moved), (4, moved)))

    assert [ResetHint.UNKNOWN, ResetHint.NO_RESET, ResetHint.UNKNOWN, ResetHint.NO_RESET] == [
        histogram.reset_hint for _, histogram in found
    ]


def test_gauges_may_fall_inside_a_chunk() -> None:
    gauge = replace(FLOATS, reset_hint=ResetHint.GAUGE)
    fallen = replace(gauge, count=1.0, positive_buckets=(0.0, 0.5))
    given = ((1, gauge), (2, fallen))
    (frame,) = read_stream(b"".join(ChunkStream().frames(0, series(*given))))

    assert (list(given), [FLOAT_HISTOGRAM]) == (frame.histograms, frame.encodings)


def test_floats_and_histograms_of_one_series_stay_in_the_order_of_time() -> None:
    mixed = SeriesSamples(
        {"__name__": "h"},
        np.array([1, 3, 4, 9], dtype=np.int64),
        np.array([1.0, 3.0, STALE_NAN, 9.0]),
        ((2, INTEGERS), (5, INTEGERS), (6, FLOATS), (7, CUSTOM)),
    )
    (frame,) = read_stream(b"".join(ChunkStream().frames(0, mixed)))

    assert [XOR, HISTOGRAM, XOR, HISTOGRAM, FLOAT_HISTOGRAM, HISTOGRAM, XOR] == frame.encodings
    assert [2, 5, 6, 7] == [time for time, _ in frame.histograms]
    assert [1, 3, 4, 9] == [time for time, _ in frame.floats]
