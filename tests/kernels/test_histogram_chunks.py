"""Histogram chunks come back bit for bit, and take little room where histograms change little."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.kernels.histogram_chunks import encode_histograms, histogram_room
from bongsu.kernels.merge import BITS, SIZE, START, TIME, read_chunks
from bongsu.model.histograms import Histogram, ResetHint
from bongsu.storage.histograms import encode_histogram
from bongsu.storage.raw import Sample
from bongsu.tsdb.merging import unpack_histograms

NOW = 1_700_000_000_000


def round_trip(runs: list[list[Sample]]) -> tuple[list[Sample], int]:
    """Encode runs of histograms, one chunk each, and read them back; return also the bytes."""
    rows = [sample for run in runs for sample in run]
    values = [sample.value for sample in rows if isinstance(sample.value, bytes)]
    payload = np.frombuffer(bytearray(b"".join(values)), dtype=np.uint8)
    samples = np.empty((4, len(rows)), dtype=np.int64)
    samples[TIME] = [sample.timestamp for sample in rows]
    samples[START] = [sample.start for sample in rows]
    samples[SIZE] = sizes = [len(value) for value in values]
    samples[BITS] = payload.ctypes.data + np.cumsum([0, *sizes[:-1]])
    ends = np.cumsum([len(run) for run in runs])
    out = np.full(histogram_room(len(rows), max(sizes) // 8, len(runs)) + 16, 0x55, dtype=np.uint8)
    table = np.zeros((len(runs), 8), dtype=np.int64)
    size = encode_histograms(samples, np.append(0, ends[:-1]), ends, out, table)
    assert size <= len(out) - 16
    table[:, 0] += out.ctypes.data
    kept = unpack_histograms(table)
    back = np.empty((4, len(rows)), dtype=np.int64)
    read_chunks(table, back)
    begins = (back[BITS] - kept.ctypes.data).tolist()
    columns = zip(back[TIME].tolist(), begins, back[SIZE].tolist(), back[START].tolist(), strict=True)
    return [Sample(time, kept[at : at + n].tobytes(), start) for time, at, n, start in columns], size


@given(
    st.data(),
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 12), st.booleans()), min_size=1, max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_any_words_come_back_bit_for_bit(data: st.DataObject, shapes: list[tuple[int, int, bool]]) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    runs = []
    for count, words, with_starts in shapes:
        times = np.unique(rng.integers(NOW, NOW + data.draw(st.sampled_from([1000, 2**45])), count))
        starts = (
            rng.integers(-(2**60), 2**60, len(times)) if with_starts else np.zeros(len(times), dtype=np.int64)
        )
        kinds = rng.integers(0, 3, words)
        table = rng.integers(-(2**63), 2**63 - 1, (len(times), words))
        table[:, kinds == 0] = 7
        table[:, kinds == 1] = (
            np.cumsum(rng.integers(0, 9, (len(times), words)), axis=0)[:, kinds == 1]
            .astype(np.float64)
            .view(np.int64)
        )
        runs.append(
            [Sample(int(t), row.tobytes(), int(s)) for t, row, s in zip(times, table, starts, strict=True)]
        )

    back, _ = round_trip(runs)

    assert [sample for run in runs for sample in run] == back


def test_histograms_of_a_request_latency_take_a_tenth() -> None:
    rng = np.random.default_rng(4)
    counts = np.cumsum(rng.poisson(np.linspace(1, 20, 30), (480, 30)), axis=0).astype(float)
    samples = [
        Sample(
            NOW + 15_000 * i,
            encode_histogram(
                Histogram(
                    schema=3,
                    zero_threshold=1e-128,
                    zero_count=0.0,
                    count=float(row.sum()),
                    sum=round(float(row.sum()) * 0.25, 3),
                    positive_spans=((-5, 30),),
                    positive_buckets=tuple(row.tolist()),
                    reset_hint=ResetHint.UNKNOWN if i == 0 else ResetHint.NO_RESET,
                )
            ),
        )
        for i, row in enumerate(counts)
    ]

    back, size = round_trip([samples])

    assert samples == back
    assert size < sum(len(s.value) for s in samples if isinstance(s.value, bytes)) / 10
