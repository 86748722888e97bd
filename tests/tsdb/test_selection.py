"""How series of several parts are found to be the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bongsu.tsdb.selection import _sorted_identities

HALF = st.integers(-2, 2)
"""So few that the same half stands beside different ones, which no hash of real series will ever show."""


@given(st.lists(st.tuples(HALF, HALF), max_size=30))
def test_equal_identities_come_together_and_the_first_to_appear_stands_in_front(
    identities: list[tuple[int, int]],
) -> None:
    order, is_new = _sorted_identities(np.array(identities, dtype=np.int64).reshape(-1, 2))

    found: dict[tuple[int, int], list[int]] = {}
    for row, begins in zip(order.tolist(), is_new.tolist(), strict=True):
        assert begins == (identities[row] not in found)
        found.setdefault(identities[row], []).append(row)
    assert sorted(range(len(identities))) == sorted(order.tolist())
    assert all(rows == sorted(rows) for rows in found.values())
    assert all(set(np.diff(np.flatnonzero(np.isin(order, rows)))) <= {1} for rows in found.values())
