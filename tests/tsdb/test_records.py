"""Payloads of the log read back as they were written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.support.stores import bits_of

from bongsu.model.samples import Exemplar
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


def test_scrape_costs_little_more_than_its_values() -> None:
    refs = np.arange(1000, 2000, dtype=np.int64) | (1 << 32)
    floats = FloatRows(refs, np.full(1000, 1_700_000_000_000), np.zeros(1000, np.int64), refs[:0])
    none = EncodedHistograms(refs[:0], refs[:0], [], refs[:0])

    assert len(pack_samples(floats, none, overwrite=False)) < 8 * 1000 + 64


@pytest.mark.parametrize("value", [1.5, float("nan"), float("inf"), -0.0])
def test_exemplars_read_back(value: float) -> None:
    exemplar = Exemplar((("trace_id", "봉수"),), value, -5)

    ((ref, back),) = unpack_exemplars(pack_exemplars([3], [exemplar]))

    assert (3, exemplar.labels, -5) == (ref, back.labels, back.timestamp)
    assert bits_of(value) == bits_of(back.value)
