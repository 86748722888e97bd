"""The side buffer against a plain map."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.naive.late import NaiveLate

from bongsu.kernels.merge import START, TIME
from bongsu.model.labels import series_key
from bongsu.storage.raw import Sample
from bongsu.tsdb.head import Head
from bongsu.tsdb.keys import join_keys
from bongsu.tsdb.side import SideBuffer

N_SLOTS = 6
EVER = (-(1 << 63), (1 << 63) - 1)


def a_head() -> Head:
    """Return a head with some series and no samples."""
    head = Head()
    keys = [series_key({"__name__": f"m{i}"}) for i in range(N_SLOTS)]
    head.add_series(head.series.reserve(N_SLOTS), join_keys(keys))
    return head


def check(side: SideBuffer, naive: NaiveLate, start: int, end: int) -> None:
    """Compare a range of all slots, sample by sample."""
    slots = np.arange(N_SLOTS, dtype=np.int64)
    wanted = [naive.between(slot, start, end) for slot in range(N_SLOTS)]
    held = side.between(slots, start, end)
    got: list[list[tuple[int, int, int]]] = [[] for _ in range(N_SLOTS)]
    for i, row in enumerate(held.rows.tolist()):
        got[row] = list(
            map(tuple, held.samples[TIME : START + 1, held.first[i] : held.first[i + 1]].T.tolist())
        )
    assert wanted == got
    assert list(map(len, wanted)) == side.count(slots, start, end).tolist()
    assert len(naive.samples) == len(side)
    times = [time for _, time in naive.samples]
    assert (min(times, default=None), max(times, default=None)) == (
        min(side.bounds(), default=None),
        max(side.bounds(), default=None),
    )


Batch = tuple[list[tuple[int, int, int, int, bool]], bool]


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Draw rows (slot, time, bits, start, whether something else is stored there), and whether they overwrite."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(1, 300))
    span = draw(st.sampled_from([5, 50, 2**40]))
    columns = (
        rng.integers(0, N_SLOTS, n),
        rng.integers(-span, span, n),
        rng.integers(0, 3, n),
        rng.integers(0, 2, n),
        rng.random(n) < 0.2,
    )
    rows = sorted(zip(*(c.tolist() for c in columns), strict=True), key=lambda row: row[:2])
    # What is stored is the same for all rows of one place.
    stored = {row[:2]: row[4] for row in rows}
    return [(*row[:4], stored[row[:2]]) for row in rows], draw(st.booleans())


@given(st.lists(batches(), min_size=1, max_size=5), st.data())
@settings(max_examples=60, deadline=None)
def test_late_samples_are_kept_as_a_plain_map_keeps_them(drawn: list[Batch], data: st.DataObject) -> None:
    head, naive = a_head(), NaiveLate()
    times = st.integers(-60, 60)
    for rows, overwrite in drawn:
        table = np.array(rows, dtype=np.int64).T
        found = table[4].astype(np.bool_)

        became = head.side.put_floats(
            head.arrays,
            table[0].copy(),
            np.ascontiguousarray(table[1:4]),
            (found, np.full(len(rows), 99)),
            overwrite=overwrite,
        )

        said = [
            naive.put(slot, time, (bits, start), 99 if is_stored else None, overwrite=overwrite)
            for slot, time, bits, start, is_stored in rows
        ]
        assert said == became.tolist()
        check(head.side, naive, *EVER)
        check(head.side, naive, *sorted((data.draw(times), data.draw(times))))
        start, end = sorted((data.draw(times), data.draw(times)))
        gone = data.draw(st.lists(st.integers(0, N_SLOTS - 1), unique=True))
        match data.draw(st.sampled_from(["delete", "flush", "checkpoint", "nothing"])):
            case "delete":
                head.side.delete(np.array(gone, dtype=np.int64), start, end)
                naive.delete(gone, start, end)
            case "flush":
                frozen = head.side.freeze(end)
                naive.freeze()
                for slot in gone:
                    one = np.array([[start], [7], [0]], dtype=np.int64)
                    none = np.zeros(1, dtype=np.bool_), np.zeros(1, dtype=np.int64)
                    head.side.put_floats(head.arrays, np.array([slot]), one, none, overwrite=True)
                    naive.put(slot, start, (7, 0), None, overwrite=True)
                head.side.drop(frozen)
                naive.drop(end)
            case "checkpoint":
                saved, head.side = head.side.table(), SideBuffer()
                head.side.restore(head.arrays, saved)
        check(head.side, naive, *EVER)


def test_a_histogram_takes_the_place_of_a_float() -> None:
    head = a_head()
    one = np.array([[10], [7], [0]], dtype=np.int64)
    none = np.zeros(1, dtype=np.bool_), np.zeros(1, dtype=np.int64)
    head.side.put_floats(head.arrays, np.array([2]), one, none, overwrite=False)

    head.side.put_histogram(2, Sample(10, b"12345678", 3))

    assert 1 == len(head.side)
    assert Sample(10, b"12345678", 3) == head.side.get(2, 10)
    assert 0 == len(head.side.table())
    head.side.remove_histogram(2, 10)
    assert head.side.get(2, 10) is None
    assert 0 == head.side.count(np.array([2]))[0]
