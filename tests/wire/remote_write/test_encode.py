"""What the sender's side writes, the receiver's side reads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.model.errors import InvalidInput
from bongsu.wire.remote_write.encode import encode_series, label_bytes
from bongsu.wire.remote_write.request import Version, WireRequest

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
USUAL = st.integers(1_600_000_000_000, 1_900_000_000_000)
WORDS = st.integers(0, (1 << 64) - 1)
TEXTS = st.text(min_size=1, max_size=20)


@given(
    st.dictionaries(TEXTS, TEXTS, max_size=5),
    st.one_of(st.lists(st.tuples(USUAL, WORDS), max_size=9), st.lists(st.tuples(INT64, WORDS), max_size=9)),
)
def test_a_series_reads_back_bit_for_bit(labels: dict[str, str], points: list[tuple[int, int]]) -> None:
    times = np.array([at for at, _ in points], dtype=np.int64)
    values = np.array([word for _, word in points], dtype=np.uint64).view(np.float64)

    request = WireRequest(b"".join(encode_series(label_bytes(labels), times, values)), Version.V1)

    assert tuple(sorted(labels.items(), key=lambda pair: pair[0].encode())) == request.labels(0)
    assert times.tolist() == request.timestamps.tolist()
    assert values.tobytes() == request.values.tobytes()


def test_empty_labels_are_left_out() -> None:
    assert label_bytes({"a": "1"}) == label_bytes({"a": "1", "b": ""})


def test_half_a_character_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not valid Unicode"):
        label_bytes({"a": "\ud800"})
