"""Label columns against plain dictionaries."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bongsu.model.label_columns import LabelColumns, column_of_texts, concat

names = st.sampled_from(["__name__", "a", "b", "instance"])
values = st.sampled_from(["", "x", "y", "z", "0", "00"])
rows_of_labels = st.lists(st.dictionaries(names, values, max_size=4), max_size=12)


def _clean(maps: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: value for name, value in sorted(labels.items()) if value} for labels in maps]


@given(rows_of_labels)
def test_columns_give_the_label_maps_back(maps: list[dict[str, str]]) -> None:
    columns = LabelColumns.from_maps(maps)

    assert _clean(maps) == columns.maps()
    assert _clean(maps) == [columns.labels(row) for row in range(len(maps))]


@given(rows_of_labels, st.sets(names))
def test_group_ids_number_the_distinct_label_sets_by_first_appearance(
    maps: list[dict[str, str]], by: set[str]
) -> None:
    ids, first = LabelColumns.from_maps(maps).group_ids(by)

    seen: dict[tuple[tuple[str, str], ...], int] = {}
    wanted = [
        seen.setdefault(tuple((n, v) for n, v in labels.items() if n in by), len(seen))
        for labels in _clean(maps)
    ]
    assert wanted == ids.tolist()
    assert [wanted.index(group) for group in range(len(seen))] == first.tolist()


@given(rows_of_labels)
def test_all_labels_decide_when_no_names_are_given(maps: list[dict[str, str]]) -> None:
    columns = LabelColumns.from_maps(maps)

    assert columns.group_ids(columns.names)[0].tolist() == columns.group_ids()[0].tolist()


@given(rows_of_labels, rows_of_labels)
def test_concat_keeps_every_row(first: list[dict[str, str]], second: list[dict[str, str]]) -> None:
    both = concat([LabelColumns.from_maps(first), LabelColumns.from_maps(second)])

    assert _clean(first + second) == both.maps()


@given(rows_of_labels, st.data())
def test_take_picks_rows_and_drops_columns_that_nobody_has(
    maps: list[dict[str, str]], data: st.DataObject
) -> None:
    mask = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(maps), max_size=len(maps))), dtype=np.bool_
    )
    taken = LabelColumns.from_maps(maps).take(mask)

    wanted = [labels for labels, kept in zip(_clean(maps), mask, strict=True) if kept]
    assert wanted == taken.maps()
    assert sorted({name for labels in wanted for name in labels}) == list(taken.names)


@given(rows_of_labels)
def test_sort_order_is_that_of_the_label_pairs(maps: list[dict[str, str]]) -> None:
    columns = LabelColumns.from_maps(maps)
    cleaned = _clean(maps)

    in_order = [list(cleaned[row].items()) for row in columns.sort_order()]
    assert sorted(list(labels.items()) for labels in cleaned) == in_order


def test_values_are_rewritten_once_each_and_empty_means_absent() -> None:
    column = column_of_texts(["x", "", "y", "x"])
    calls: list[str] = []

    def rewrite(text: str) -> str:
        calls.append(text)
        return {"x": "", "y": "z", "": "new"}[text]

    assert ["", "new", "z", ""] == column.map_values(rewrite).texts().tolist()
    assert ["", "x", "y"] == sorted(calls)


def test_what_was_made_of_labels_is_made_once() -> None:
    columns = LabelColumns.from_maps([{"a": "y", "b": "1"}, {"a": "x", "b": "2"}])
    made = []

    def make() -> str:
        made.append(1)
        return "text"

    assert ["text", "text"] == [columns.derived("key", make) for _ in range(2)]
    assert [1] == made
    assert columns.drop(["b"]) is columns.drop({"b"})
    assert columns.take(np.array([1])) is columns.take(np.array([1]))
    assert [{"a": "y", "b": "1"}] == columns.take(np.array([True, False])).maps()


@given(rows_of_labels, st.lists(st.lists(st.integers(0, 11), max_size=5), max_size=8))
def test_parts_are_those_that_were_asked_for_whatever_was_asked_before(
    maps: list[dict[str, str]], asked: list[list[int]]
) -> None:
    columns = LabelColumns.from_maps(maps)
    for rows in asked:
        there = [row for row in rows if row < len(maps)]

        assert [_clean(maps)[row] for row in there] == columns.take(np.array(there, dtype=np.int64)).maps()
