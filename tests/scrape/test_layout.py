from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.exposition import expositions, values

from bongsu.scrape.layout import Layout
from bongsu.wire.exposition.format import ExposedSample, Family, format_exposition
from bongsu.wire.exposition.negotiation import Format, parse_exposition


def layout_of(body: bytes, format: Format) -> Layout:  # noqa: A002
    parsed = parse_exposition(body, format)
    return Layout.of(body, parsed, np.arange(len(parsed), dtype=np.int64), format)


@st.composite
def pairs_of_bodies(draw: st.DrawFn) -> tuple[Format, list[Family], list[Family]]:
    """Draw two scrapes of one target: other values, times and exemplars, the same lines."""
    format = draw(st.sampled_from([Format.TEXT, Format.OPENMETRICS]))  # noqa: A001
    first = draw(expositions(openmetrics=format is Format.OPENMETRICS))
    second = [
        Family(
            f.metadata,
            [
                ExposedSample(s.labels, draw(values), draw(st.one_of(st.none(), st.integers(0, 10**12))))
                for s in f.samples
            ],
        )
        for f in first
    ]
    return format, first, second


@given(pairs_of_bodies())
@settings(max_examples=100, deadline=None)
def test_a_body_of_the_same_layout_reads_as_the_full_parser_reads_it(
    bodies: tuple[Format, list[Family], list[Family]],
) -> None:
    format, first, second = bodies  # noqa: A001
    layout = layout_of(b"".join(format_exposition(first, format)), format)
    body = b"".join(format_exposition(second, format))
    parsed = parse_exposition(body, format)
    readings = layout.read(body)
    assert readings is not None
    assert parsed.values == readings.values.tolist()
    assert parsed.timestamps == readings.timestamps
    assert parsed.exemplars == readings.exemplars
    assert parsed.series == list(layout.series())


def test_values_that_need_the_full_parser_are_read_all_the_same() -> None:
    layout = layout_of(b"a 1\nb 2\nc 3\n", Format.TEXT)
    readings = layout.read(b"a NaN\nb 0.12345678901234567\nc -Inf\n")
    assert readings is not None
    assert np.array_equal([np.nan, 0.12345678901234567, -np.inf], readings.values, equal_nan=True)


def test_other_lines_and_broken_values_are_no_match() -> None:
    layout = layout_of(b"# HELP a x\na 1\nb 2\n", Format.TEXT)
    for body in (
        b"# HELP a y\na 1\nb 2\n",
        b"# HELP a x\na 1\n",
        b"# HELP a x\na 1\nb 2\nc 3\n",
        b"# HELP a x\na one\nb 2\n",
        b"",
        b"# HELP a x\na  1\nb 2\n",
    ):
        assert layout.read(body) is None


def test_a_body_without_samples_has_a_layout_too() -> None:
    layout = layout_of(b"# EOF\n", Format.OPENMETRICS)
    readings = layout.read(b"# EOF\n")
    assert readings is not None
    assert 0 == len(readings.values)
