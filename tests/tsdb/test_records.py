"""Payloads of the log read back as they were written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.support.stores import bits_of

from bongsu.model.samples import STALE_NAN, Exemplar
from bongsu.tsdb.keys import join_keys
from bongsu.tsdb.records import (
    EncodedHistograms,
    FloatRows,
    pack_exemplars,
    pack_samples,
    pack_series,
    unpack_exemplars,
    unpack_samples,
    unpack_series,
)

INT64 = st.integers(-(2**63), 2**63 - 1)
NEAR = st.integers(-300, 300)


@given(st.data(), st.integers(0, 20), st.sampled_from([INT64, NEAR, st.just(7)]), st.booleans())
def test_samples_read_back(
    data: st.DataObject, count: int, numbers: st.SearchStrategy[int], overwrite: bool
) -> None:
    def column() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return data.draw(arrays(np.int64, count, elements=numbers))

    floats = FloatRows(column(), column(), column(), column() if data.draw(st.booleans()) else column()[:0])
    values = data.draw(st.lists(st.binary(max_size=30), min_size=count, max_size=count))
    histograms = EncodedHistograms(column(), column(), values, column()[:0])

    floats_back, histograms_back, overwrite_back = unpack_samples(
        pack_samples(floats, histograms, overwrite=overwrite)
    )

    assert overwrite == overwrite_back
    assert [c.tolist() for c in floats] == [c.tolist() for c in floats_back]
    assert values == list(histograms_back.values)
    assert [histograms.refs.tolist(), histograms.times.tolist()] == [
        histograms_back.refs.tolist(),
        histograms_back.times.tolist(),
    ]


@given(st.lists(st.tuples(INT64, st.binary(max_size=20)), max_size=10))
def test_series_read_back(rows: list[tuple[int, bytes]]) -> None:
    refs = np.array([ref for ref, _ in rows], dtype=np.int64)

    refs_back, keys_back = unpack_series(pack_series(refs, join_keys([key for _, key in rows])))

    assert (refs.tolist(), [key for _, key in rows]) == (
        refs_back.tolist(),
        [keys_back.key(row) for row in range(len(keys_back))],
    )


def test_scrape_costs_little_more_than_its_digits() -> None:
    refs = np.arange(1000, 2000, dtype=np.int64) | (1 << 32)
    values = np.round(np.linspace(1, 100, 1000), 2)  # at most five digits: 15 bits with the sign
    floats = FloatRows(refs, np.full(1000, 1_700_000_000_000), values.view(np.int64), refs[:0])
    none = EncodedHistograms(refs[:0], refs[:0], [], refs[:0])

    assert len(pack_samples(floats, none, overwrite=False)) < (15 + 4) / 8 * 1000 + 128


def test_long_batches_are_cut_into_streams() -> None:
    rng = np.random.default_rng(5)
    refs = rng.integers(0, 1 << 40, 100_000)
    values = rng.normal(size=100_000).view(np.int64)
    floats = FloatRows(refs, np.sort(rng.integers(0, 1 << 50, 100_000)), values, rng.integers(0, 9, 100_000))
    none = EncodedHistograms(refs[:0], refs[:0], [], refs[:0])

    back, _, _ = unpack_samples(pack_samples(floats, none, overwrite=False))

    assert all((a == b).all() for a, b in zip(floats, back, strict=True))


SPECIAL = [
    0.0,
    -0.0,
    float("inf"),
    float("nan"),
    STALE_NAN,
    5e-324,
    0.1,
    123.45,
    -7.0,
    4096.0 * 3,
    1024.0,
    2.0**20,
    2.0**53,
    1e300,
]


@given(
    st.lists(
        st.sampled_from(SPECIAL)
        | st.floats()
        | st.integers(-(2**60), 2**60).map(float)
        | st.decimals(-1000, 1000, places=3).map(float),
        min_size=1,
        max_size=200,
    )
)
@settings(deadline=None)
def test_values_of_every_scale_read_back(values: list[float]) -> None:
    column = np.arange(len(values), dtype=np.int64)
    bits = np.array(values).view(np.int64)
    none = EncodedHistograms(column[:0], column[:0], [], column[:0])

    back, _, _ = unpack_samples(
        pack_samples(FloatRows(column, column, bits, column[:0]), none, overwrite=False)
    )

    assert bits.tolist() == back.bits.tolist()


@pytest.mark.parametrize("value", [1.5, float("nan"), float("inf"), -0.0])
def test_exemplars_read_back(value: float) -> None:
    exemplar = Exemplar((("trace_id", "봉수"),), value, -5)

    ((ref, back),) = unpack_exemplars(pack_exemplars([3], [exemplar]))

    assert (3, exemplar.labels, -5) == (ref, back.labels, back.timestamp)
    assert bits_of(value) == bits_of(back.value)
