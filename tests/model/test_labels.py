"""Series keys and the text form of label sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.model.errors import InvalidInput
from bongsu.model.labels import format_labels, key_labels, series_key

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
label_sets = st.dictionaries(texts, texts, max_size=6)


@given(label_sets)
def test_a_key_gives_its_labels_back(labels: dict[str, str]) -> None:
    assert labels == key_labels(series_key(labels))


@given(label_sets, st.randoms(use_true_random=False))
def test_the_order_of_labels_does_not_matter(labels: dict[str, str], random: object) -> None:
    pairs = list(labels.items())
    random.shuffle(pairs)  # type: ignore[attr-defined]

    assert series_key(labels) == series_key(pairs)


@given(label_sets, label_sets)
def test_different_labels_have_different_keys(first: dict[str, str], second: dict[str, str]) -> None:
    assert (first == second) == (series_key(first) == series_key(second))


def test_an_empty_value_means_that_the_label_is_missing() -> None:
    assert series_key({"a": "1"}) == series_key({"a": "1", "b": ""})


@pytest.mark.parametrize("pairs", [[("", "x")], [("a", "1"), ("a", "2")], [("a", "\ud800")]])
def test_bad_label_sets_are_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidInput, match="label"):
        series_key(pairs)


def test_names_outside_the_legacy_set_are_quoted() -> None:
    labels = {"__name__": "http.requests", "job": 'a"b', "my label": "ü"}

    assert '{"http.requests", job="a\\"b", "my label"="ü"}' == format_labels(labels)


def test_a_plain_name_stands_before_the_braces() -> None:
    assert 'up{job="node"}' == format_labels({"__name__": "up", "job": "node"})
    assert "up" == format_labels({"__name__": "up"})
    assert "{}" == format_labels({})
