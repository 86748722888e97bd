"""Exposition text with timestamps, line by line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.wire.archive.text import TextReader

NOW = 1_700_000_000_000


def _reader(*, openmetrics: bool = False) -> TextReader:
    return TextReader(openmetrics=openmetrics, default_ms=NOW)


def test_samples_of_one_series_share_its_labels() -> None:
    batch = _reader().read(b'# TYPE up gauge\nup{job="a"} 1 1000\nup{job="a"} 0 2000\nup 5\n', 1)

    assert [(("__name__", "up"), ("job", "a")), (("__name__", "up"),)] == list(batch.labels)
    assert [0, 0, 1] == batch.series.tolist()
    assert [1000, 2000, NOW] == batch.timestamps.tolist()
    assert [1.0, 0.0, 5.0] == batch.values.tolist()
    assert [2, 3, 4] == batch.lines.tolist()
    assert ["gauge"] == [entry.type for entry in batch.metadata]


def test_openmetrics_counts_in_seconds_and_carries_exemplars() -> None:
    reader = _reader(openmetrics=True)
    batch = reader.read(b'# TYPE a counter\na_total 1 1.5 # {id="x"} 2 1.25\n# EOF\n', 1)

    assert [1500] == batch.timestamps.tolist()
    (row,) = batch.exemplars
    assert (("id", "x"),) == row.exemplar.labels
    assert 1250 == row.exemplar.timestamp
    assert reader.ended


def test_a_type_holds_for_the_parts_that_follow() -> None:
    reader = _reader()
    reader.read(b"# TYPE h histogram\n", 1)

    batch = reader.read(b'h_bucket{le="1"} 5 1000\n', 2)

    assert [(("__name__", "h_bucket"), ("le", "1.0"))] == list(batch.labels)
    assert [] == list(batch.metadata)


@pytest.mark.parametrize("openmetrics", [False, True])
def test_a_bad_line_is_named_and_costs_only_itself(*, openmetrics: bool) -> None:
    batch = _reader(openmetrics=openmetrics).read(b"up 1 1\nup one 2\nup{ 3\nup 4 4\n", 11)

    assert [11, 14] == batch.lines.tolist()
    assert [12, 13] == [fault.line for fault in batch.faults]
    assert {"bad-exposition"} == {fault.id for fault in batch.faults}
    assert "expected a value" in batch.faults[0].message


@given(st.binary(max_size=100), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, openmetrics: bool) -> None:
    batch = _reader(openmetrics=openmetrics).read(data, 1)

    assert len(batch.lines) == len(batch.series) == len(batch.timestamps) == len(batch.values)


WORD = st.sampled_from(
    [
        "1",
        "-0.5",
        "+7",
        "1e5",
        "1e999",
        "NaN",
        "+Inf",
        "1_0",
        "0x1",
        ".5",
        "5.",
        "1.5e+07",
        "",
        "e",
        "1700000000000",
        "1.25",
        "-3",
    ]
)


@given(st.lists(st.tuples(WORD, WORD), max_size=8), st.booleans())
def test_the_fast_way_says_what_the_grammar_says(words: list[tuple[str, str]], openmetrics: bool) -> None:
    lines = [f'up{{a="b c"}} {value} {time}' for value, time in words]
    together = _reader(openmetrics=openmetrics).read("\n".join(['up{a="b c"} 1 1', *lines]).encode(), 0)
    # Alone, a line's series is never known before.
    alone = [_reader(openmetrics=openmetrics).read(line.encode(), i) for i, line in enumerate(lines, 1)]

    assert [t for batch in alone for t in batch.timestamps.tolist()] == together.timestamps.tolist()[1:]
    assert [repr(v) for batch in alone for v in batch.values.tolist()] == [
        repr(v) for v in together.values.tolist()[1:]
    ]
    assert [fault for batch in alone for fault in batch.faults] == list(together.faults)
