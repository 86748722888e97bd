"""The order of label sets, against sorting the label maps themselves."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bongsu.model.label_columns import LabelColumns

NAMES = st.sampled_from(["__name__", "a", "b", "c", "é"])
VALUES = st.sampled_from(["", "1", "10", "2", "z", "é", "\U0001f600"])


@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=5), max_size=30))
def test_sort_order_compares_name_and_value_pairs_in_turn(maps: list[dict[str, str]]) -> None:
    pairs = [sorted((n.encode(), v.encode()) for n, v in labels.items() if v) for labels in maps]
    expected = sorted(range(len(maps)), key=pairs.__getitem__)

    assert expected == LabelColumns.from_maps(maps).sort_order().tolist()


def test_sort_order_ignores_dictionary_entries_that_no_series_uses() -> None:
    labels = LabelColumns.from_maps([{"a": "z"}, {"a": "y"}, {"a": "x"}]).take(np.array([0, 2]))

    assert [1, 0] == labels.sort_order().tolist()
