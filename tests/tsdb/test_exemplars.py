"""Exemplars are kept within their budget, whatever comes and goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.model.labels import series_key
from bongsu.model.samples import Exemplar
from bongsu.tsdb.annotations import Exemplars

if TYPE_CHECKING:
    import pytest

EVER = (0, 1 << 62)


def test_the_oldest_to_arrive_go_first_and_series_without_any_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bongsu.tsdb.annotations.MAX_EXEMPLARS", 3)
    kept = Exemplars()
    keys = [series_key({"i": str(i)}) for i in range(10_000)]
    for i, key in enumerate(keys):
        assert kept.put(key, Exemplar((), float(i), i))
        assert not kept.put(key, Exemplar((), float(i), i))

    assert keys[-3:] == [key for key, _ in kept.items()]
    labels, found = kept.find([], *EVER)
    assert [{"i": "9997"}, {"i": "9998"}, {"i": "9999"}] == labels.maps()
    assert [[9997], [9998], [9999]] == [[e.timestamp for e in row] for row in found]


def test_exemplars_before_a_time_are_retired() -> None:
    kept = Exemplars()
    key = series_key({"i": "1"})
    for time in (3, 1, 2):
        kept.put(key, Exemplar((), 0.0, time))
    kept.put(series_key({"i": "2"}), Exemplar((), 0.0, 1))

    kept.retire(2)

    labels, found = kept.find([], *EVER)
    assert ([{"i": "1"}], [[2, 3]]) == (labels.maps(), [[e.timestamp for e in row] for row in found])
