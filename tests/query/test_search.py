from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.query.search import (
    FuzzAlgorithm,
    Search,
    jaro_winkler_score,
    search,
    subsequence_score,
)

NAMES = ["node_cpu_seconds_total", "node_load1", "process_cpu_seconds_total", "CPU", "up"]


def names(wanted: Search) -> list[str]:
    return [found.name for found in search(NAMES, wanted)[0]]


def test_without_terms_everything_is_found_in_order() -> None:
    assert sorted(NAMES) == names(Search())
    assert sorted(NAMES, reverse=True) == names(Search(descending=True))


def test_a_term_is_found_where_it_is_contained() -> None:
    assert ["node_cpu_seconds_total", "process_cpu_seconds_total"] == names(Search(terms=("cpu",)))
    assert ["CPU", "node_cpu_seconds_total", "process_cpu_seconds_total"] == names(
        Search(terms=("cPu",), case_sensitive=False)
    )
    assert ["node_load1", "up"] == names(Search(terms=("up", "load")))


def test_the_best_come_first_and_the_rest_is_counted() -> None:
    found, has_more = search(NAMES, Search(terms=("cpu",), case_sensitive=False, by_score=True, limit=2))

    assert ["CPU", "node_cpu_seconds_total"] == [each.name for each in found]
    assert has_more
    assert not search(NAMES, Search(limit=5))[1]


@pytest.mark.parametrize("algorithm", FuzzAlgorithm)
def test_resembling_entries_are_found_from_the_threshold_up(algorithm: FuzzAlgorithm) -> None:
    typo = Search(terms=("nodeload1",), algorithm=algorithm, threshold=0.5)

    assert ["node_load1"] == [
        found.name for found in search(NAMES, typo)[0] if found.name.startswith("node_l")
    ]
    assert [] == names(Search(terms=("nodeload1",), algorithm=algorithm))


@pytest.mark.parametrize(
    ("term", "text", "score"),
    # The published examples of the comparator, to three decimals.
    [("MARTHA", "MARHTA", 0.961), ("DWAYNE", "DUANE", 0.84), ("DIXON", "DICKSONX", 0.813), ("a", "b", 0.0)],
)
def test_jaro_winkler_has_its_published_values(term: str, text: str, score: float) -> None:
    assert pytest.approx(score, abs=5e-4) == jaro_winkler_score(term, text)


def test_characters_that_stand_together_score_higher() -> None:
    assert 1.0 == subsequence_score("up", "up")
    assert subsequence_score("cpu", "xcpux") > subsequence_score("cpu", "cxpxu") > 0
    assert subsequence_score("cpu", "cpux") > subsequence_score("cpu", "cpu_of_a_long_name")
    assert 0.0 == subsequence_score("cpu", "upc")


@given(st.text(max_size=12), st.text(max_size=12))
def test_scores_are_between_0_and_1_and_1_for_the_same_text(term: str, text: str) -> None:
    for score in (subsequence_score, jaro_winkler_score):
        assert 0.0 <= score(term, text) <= 1.0
        assert 1.0 == score(text, text)
