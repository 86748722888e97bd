from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.prometheus_api import NOW_MS, put

from bongsu.model.errors import LimitExceeded
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import STALE_NAN
from bongsu.query.newest import newest_samples
from bongsu.query.samples import stored_series
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from bongsu.storage.contract import ProjectStore

ALL = (Matcher("__name__", MatchOp.REGEX, ".+"),)
MINUTE_MS = 60_000


@pytest.fixture
def store() -> ProjectStore:
    store = MemoryProjectStore()
    put(store, {"__name__": "a"}, [1.0, 2.0, 3.0])
    put(store, {"__name__": "ended"}, [1.0, STALE_NAN])
    put(store, {"__name__": "edge"}, [4.0], end_ms=NOW_MS - MINUTE_MS)
    return store


def test_stored_samples_come_series_by_series_with_their_stale_markers(store: ProjectStore) -> None:
    found = {
        series.labels["__name__"]: (series.times.tolist(), len(series.values))
        for series in stored_series(store, ALL, NOW_MS - 15_000, NOW_MS, max_samples=4)
    }

    assert {"a": ([NOW_MS - 15_000, NOW_MS], 2), "ended": ([NOW_MS - 15_000, NOW_MS], 2)} == found


def test_too_many_samples_are_refused_before_they_are_read(store: ProjectStore) -> None:
    with pytest.raises(LimitExceeded, match="a remote read may take 3"):
        list(stored_series(store, ALL, NOW_MS - 15_000, NOW_MS, max_samples=3))


def test_the_newest_sample_leaves_out_what_ended_and_the_left_edge(store: ProjectStore) -> None:
    def newest(lookback_ms: int) -> list[tuple[str, int, object]]:
        found = newest_samples(store, [ALL], NOW_MS, lookback_ms)
        return sorted((labels["__name__"], time_ms, value) for labels, time_ms, value in found)

    assert [("a", NOW_MS, 3.0)] == newest(MINUTE_MS)
    assert [("a", NOW_MS, 3.0), ("edge", NOW_MS - MINUTE_MS, 4.0)] == newest(MINUTE_MS + 1)
