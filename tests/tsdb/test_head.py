"""The head's kernels against plain lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.naive.head import LATE, SAME, WRITTEN, NaiveHead

from bongsu.kernels.head import OPEN_SAMPLES
from bongsu.kernels.stored import find_stored
from bongsu.model.labels import series_key
from bongsu.storage.raw import read_selection
from bongsu.tsdb.dropping import Dropping
from bongsu.tsdb.head import Head
from bongsu.tsdb.head_selection import chunks_in_head
from bongsu.tsdb.keys import join_keys
from bongsu.tsdb.late import slot_of
from bongsu.tsdb.records import FloatRows
from bongsu.tsdb.tidy import tidy_selection

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_SERIES = 5
NO_INTS = np.empty(0, dtype=np.int64)


def a_head() -> tuple[Head, NaiveHead, list[int]]:
    """Return a head with some series, its twin, and their references."""
    head = Head()
    keys = [series_key({"__name__": f"m{i}"}) for i in range(N_SERIES)]
    refs = head.add_series(head.series.reserve(N_SERIES), join_keys(keys)).tolist()
    return head, NaiveHead({ref: [] for ref in refs}), refs


def check(head: Head, naive: NaiveHead, refs: list[int], start: int, end: int) -> None:
    """Compare a range of all series, sample by sample."""
    slots = np.array([slot_of(ref) for ref in refs], dtype=np.int64)
    for ref, slot in zip(refs, slots.tolist(), strict=True):
        said = head.arenas.samples(slot, start, end)
        assert naive.between(ref, start, end) == list(zip(*(c.tolist() for c in said), strict=True))
    check_selection(head, naive, slots, start, end)
    counts = np.diff(head.snapshot(slots, start, end).first)
    assert [bool(naive.between(ref, start, end)) for ref in refs] <= [bool(n) for n in counts.tolist()]
    assert sum(len(rows) for rows in naive.samples.values()) == head.count()[1]


def check_selection(head: Head, naive: NaiveHead, slots: NDArray[np.int64], start: int, end: int) -> None:
    """Compare what the head alone gives for a selection, and which series it says to have samples."""
    chunks = chunks_in_head(head, slots, start, end)
    assert chunks is not None
    selection = tidy_selection(head.index.columns(slots), chunks)
    said = {
        str(selection.labels.labels(row)["__name__"]): [(s.timestamp, s.start) for s in samples]
        for row, samples in enumerate(read_selection(selection, start, end))
    }
    expected = {
        f"m{i}": [(time, begun) for time, _, begun in naive.between(ref, start, end)]
        for i, ref in enumerate(naive.samples)
    }
    assert {name: samples for name, samples in expected.items() if samples} == {
        name: samples for name, samples in said.items() if samples
    }
    codes = np.arange(int(slots.max()) + 1, dtype=np.int32)
    used = head.used_codes(slots, codes, len(codes), start, end)
    assert sorted(head.with_samples(slots, start, end).tolist()) == used.tolist()


@st.composite
def batches(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    """Draw rows (series, step in time, value, start); mostly forward, some late, some of series that there are not."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(1, 600))
    far = draw(st.sampled_from([15, 2**31, 2**40]))  # an open row takes no samples further apart than 49 days
    steps = rng.choice([0, 1, 15, far, -5], n, p=[0.05, 0.3, 0.55, 0.05, 0.05])
    starts = rng.integers(0, 3, n) * draw(st.sampled_from([0, 1]))
    series = rng.integers(0, N_SERIES + draw(st.integers(0, 1)), n)
    return list(
        zip(series.tolist(), steps.tolist(), rng.integers(0, 3, n).tolist(), starts.tolist(), strict=True)
    )


@given(st.lists(batches(), min_size=1, max_size=4), st.data())
@settings(max_examples=40, deadline=None)
def test_rows_are_taken_as_plain_lists_take_them(
    drawn: list[list[tuple[int, int, int, int]]], data: st.DataObject
) -> None:
    head, naive, refs = a_head()
    now = [1000] * (N_SERIES + 1)
    for batch in drawn:
        rows = []
        for series, step, value, start in batch:
            now[series] += step
            rows.append((refs[series] if series < N_SERIES else 99 << 32, now[series], value, start))
        columns = [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]

        outcome = head.arenas.append(FloatRows(*columns))

        for row, became in zip(rows, outcome.tolist(), strict=True):
            # What the open row has is known to be the same at once; older samples are looked up where late rows go.
            repeats = (row[1], row[2]) in {s[:2] for s in naive.samples.get(row[0], [])}
            said = naive.append(row[0], row[1:])
            assert became == said or (repeats and (said, became) == (LATE, SAME))
        start = data.draw(st.integers(900, max(now)))
        check(head, naive, refs, start, data.draw(st.integers(start, max(now))))
        check(head, naive, refs, -(2**62), 2**62)
        floor = data.draw(st.integers(900, max(now)))
        frozen = head.begin_flush(floor)
        dropping = Dropping(head.arenas, floor)
        dropping.copy()
        # Sealed while others were copied; some of their samples may have come before.
        for series in range(data.draw(st.integers(0, N_SERIES))):
            count = data.draw(st.integers(1, 140))
            times = max(now) + 1 + np.arange(count, dtype=np.int64)
            head.arenas.append(FloatRows(np.full(count, refs[series]), times, times * 3, NO_INTS))
            for time in times.tolist():
                naive.append(refs[series], (time, time * 3, 0))
        dropping.end()
        head.drop_side(frozen)
        naive.drop_before(floor)
        now = [max(now) + 200] * (N_SERIES + 1)
        check(head, naive, refs, -(2**62), 2**62)


def test_a_request_that_is_sent_again_is_settled_without_a_look_at_what_is_late() -> None:
    head, _, refs = a_head()
    times = np.arange(1000, 1040, dtype=np.int64)
    rows = FloatRows(np.full(40, refs[0]), times, times * 3, NO_INTS)
    head.arenas.append(rows)
    changed = FloatRows(rows.refs, times, np.where(times == 1010, 7, times * 3), NO_INTS)

    assert {SAME} == set(head.arenas.append(rows).tolist())
    assert [int(LATE if time == 1010 else SAME) for time in times] == head.arenas.append(changed).tolist()
    between = FloatRows(rows.refs[:1], np.array([1010], dtype=np.int64) - 1000, times[:1], NO_INTS)
    assert [LATE] == head.arenas.append(between).tolist()


def test_a_sample_that_fits_an_open_row_waits_for_the_one_before_it_that_does_not() -> None:
    head, naive, refs = a_head()
    base, end = 1000, 1000 + 2**32
    rows = [(base, 1, 0), (end, 2, 0), (end - 3, 3, 0), (end + 5, 4, 0)]
    times, bits, starts = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))

    outcome = head.arenas.append(FloatRows(np.full(len(rows), refs[0]), times, bits, starts))

    assert [naive.append(refs[0], row) for row in rows] == outcome.tolist()
    assert [WRITTEN, WRITTEN, LATE, WRITTEN] == outcome.tolist()
    check(head, naive, refs, base, end + 5)


def test_a_sample_waits_for_those_of_its_series_that_came_before_it() -> None:
    head, naive, refs = a_head()
    rows = [(1000 + at, at, 0) for at in range(OPEN_SAMPLES + 1)]
    rows.append((rows[-2][0], 7, 0))  # the open row that was full has it as its newest still
    times, bits, starts = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))

    outcome = head.arenas.append(FloatRows(np.full(len(rows), refs[0]), times, bits, starts))

    assert [naive.append(refs[0], row) for row in rows] == outcome.tolist()
    assert int(LATE) == outcome[-1]


@given(st.lists(st.integers(1, 150), min_size=1, max_size=N_SERIES), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_many_samples_of_a_series_in_one_batch_are_taken_whether_series_by_series_or_by_turns(
    counts: list[int], batches: int
) -> None:
    by_series, by_turns = a_head(), a_head()
    for batch in range(batches):
        rows = [(series, 1000 * batch + at, at) for series, count in enumerate(counts) for at in range(count)]
        for (head, naive, refs), ordered in (
            (by_series, rows),
            (by_turns, sorted(rows, key=lambda row: row[1])),
        ):
            taken = np.array([refs[series] for series, _, _ in ordered])
            times, bits = np.array([row[1:] for row in ordered]).T.copy()
            assert {WRITTEN} == set(head.arenas.append(FloatRows(taken, times, bits, NO_INTS)).tolist())
            for series, time, value in ordered:
                naive.append(refs[series], (time, value, 0))
    for head, naive, refs in (by_series, by_turns):
        check(head, naive, refs, 0, 2**62)


def test_slots_are_used_again_and_references_never() -> None:
    head, _, refs = a_head()
    head.remove_series(np.array([slot_of(refs[1]), slot_of(refs[3])], dtype=np.int64))

    key = series_key({"__name__": "new"})
    (ref,) = head.add_series(head.series.reserve(1), join_keys([key])).tolist()

    assert slot_of(ref) in {slot_of(refs[1]), slot_of(refs[3])}
    assert ref not in refs
    assert [False, True] == head.knows(np.array([refs[1], ref])).tolist()
    assert [-1, refs[0]] == head.refs_of(
        join_keys([series_key({"__name__": "m1"}), series_key({"__name__": "m0"})])
    ).tolist()
    assert N_SERIES - 1 == len(head.index.match([]))


def test_memory_of_ended_series_comes_back() -> None:
    head = Head()
    keys = [series_key({"__name__": "m", "pod": f"pod-{i}"}) for i in range(1000)]
    refs = head.add_series(head.series.reserve(1000), join_keys(keys))
    slots = np.array([slot_of(ref) for ref in refs.tolist()], dtype=np.int64)

    head.remove_series(slots[:990])

    assert 10 == len(head.index.dictionaries["pod"])
    assert 10 == head.index.groups[0].n_rows
    assert sum(map(len, keys[990:])) == head.series.key_bytes_used
    again = head.series.reserve(990)
    assert set(slots[:990].tolist()) == {slot_of(ref) for ref in again.tolist()}


@given(st.integers(0, 2**32), st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_samples_are_found_where_they_are(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    head, _, refs = a_head()
    times = 1000 + np.cumsum(rng.integers(1, 30, count))
    bits = rng.integers(-(2**63), 2**63 - 1, count)
    for ref in refs[:2]:
        head.arenas.append(FloatRows(np.full(count, ref), times, bits, NO_INTS))
    wanted = np.repeat(np.arange(900, int(times[-1]) + 100, dtype=np.int64), 3)
    slots = np.tile([slot_of(ref) for ref in (refs[0], refs[1], refs[4])], len(wanted) // 3)
    found, known = np.zeros(len(wanted), dtype=np.bool_), np.zeros(len(wanted), dtype=np.int64)
    find_stored(head.arrays, head.arrays.arena.ctypes.data, slots, wanted, found, known)

    stored = dict(zip(times.tolist(), bits.tolist(), strict=True))
    written = [
        (time in stored and slot != slot_of(refs[4])) for time, slot in zip(wanted, slots, strict=True)
    ]
    assert written == found.tolist()
    assert [stored[time] for time in wanted[found].tolist()] == known[found].tolist()


def test_late_samples_outside_of_a_range_do_not_matter_to_it() -> None:
    head, _, refs = a_head()
    for times in ([5000, 6000], [1000]):
        column = np.array(times, dtype=np.int64)
        assert [] == head.append_floats(
            FloatRows(np.full(len(times), refs[0]), column, column, NO_INTS), overwrite=False
        )
    slots = np.array([slot_of(refs[0])], dtype=np.int64)

    def selected(start: int, end: int) -> list[int] | None:
        chunks = chunks_in_head(head, slots, start, end)
        if chunks is None:
            return None
        counts: list[int] = tidy_selection(head.index.columns(slots), chunks).sample_counts.tolist()
        return counts

    assert [2] == selected(4000, 7000)
    assert selected(500, 7000) is None
    assert [] == selected(6001, 7000)
    codes = np.zeros(int(slots[0]) + 1, dtype=np.int32)
    assert [0] == head.used_codes(slots, codes, 1, 500, 1500).tolist()
    assert [] == head.used_codes(slots, codes, 1, 1500, 1600).tolist()


def test_a_selection_of_many_chunks_gets_the_room_that_it_needs() -> None:
    head, naive, refs = a_head()
    times = np.arange(0, 100_000, 10, dtype=np.int64)
    head.arenas.append(FloatRows(np.full(len(times), refs[0]), times, times, NO_INTS))
    naive.samples[refs[0]] = [(time, time, 0) for time in times.tolist()]

    check(head, naive, refs, 0, 100_000)
