"""The log of changes against a plain list of all of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bongsu.storage.changes import EVER, ChangeLog

MINUTE_MS = 60_000


@given(st.lists(st.integers(-50, 50)), st.data())
def test_the_oldest_change_since_a_mark_is_the_least_of_all_later_ones(
    minutes: list[int], data: st.DataObject
) -> None:
    log = ChangeLog()
    marks = [log.since(None).mark]
    for minute in minutes:
        log.note(minute * MINUTE_MS)
        marks.append(log.since(None).mark)
    look = data.draw(st.integers(0, len(minutes)))

    expected = min((minute * MINUTE_MS for minute in minutes[look:]), default=None)
    assert (marks[-1], expected) == (
        log.since(marks[look]).mark,
        log.since(marks[look]).oldest_ms,
    )


@given(st.integers(-(1 << 62), 1 << 62))
def test_a_change_is_never_named_younger_than_it_is(time_ms: int) -> None:
    log = ChangeLog()
    mark = log.since(None).mark
    log.note(time_ms)
    oldest = log.since(mark).oldest_ms

    assert oldest is not None
    assert time_ms - MINUTE_MS < oldest <= time_ms


def test_what_is_too_long_ago_counts_as_everything() -> None:
    log = ChangeLog()
    first = log.since(None).mark
    for minute in range(10_000):
        log.note(minute * MINUTE_MS)
    last = log.since(None).mark

    assert EVER == log.since(first).oldest_ms
    assert 9_999 * MINUTE_MS == log.since(last - 1).oldest_ms
    assert log.since(last).oldest_ms is None
    assert EVER == log.since(last + 1).oldest_ms
