from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.naive.remote_read import samples

from bongsu.kernels.remote_read import MAX_SAMPLE_BYTES, write_samples


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats()), max_size=20))
@settings(deadline=None)  # the first call compiles
def test_samples_are_written_as_their_messages(pairs: list[tuple[int, float]]) -> None:
    times = np.array([time for time, _ in pairs], dtype=np.int64)
    values = np.array([value for _, value in pairs], dtype=np.float64)
    out = np.empty(len(pairs) * MAX_SAMPLE_BYTES, dtype=np.uint8)
    used = write_samples(times, values, out)

    assert samples(times.tolist(), values.tolist()) == out[:used].tobytes()
