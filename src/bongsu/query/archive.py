"""Exports as bytes: the pieces of `bongsu.query.export` in one of the formats that an import takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.model.labels import METRIC_NAME
from bongsu.query.export import series_pieces, without_stale
from bongsu.runtime.parts import gathered
from bongsu.wire.archive.json_lines import write_series
from bongsu.wire.archive.text_lines import END, TextLines, family_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bongsu.model.matchers import Matcher
    from bongsu.query.export import SeriesPiece
    from bongsu.storage.contract import ProjectStore

JSON_LINES, OPENMETRICS, PROMETHEUS = FORMATS = ("json", "openmetrics", "prometheus")
"""What an export can be written as: JSON lines carry everything, text has floats only."""

_TEXT_ROWS = 10_000
"""Samples that are written at once: half a megabyte of text."""

_PART_BYTES = 1 << 18
"""Lines of short series are gathered up to this size, so that not every one of them is a part of its own."""


def export_parts(
    store: ProjectStore,
    selectors: Sequence[Sequence[Matcher]],
    start_ms: int,
    end_ms: int,
    *,
    format: str,  # noqa: A002 - the word of everybody who calls it
    max_rows: int = _TEXT_ROWS,
) -> Iterator[bytes]:
    """
    Yield all samples of the series that match any selector in the closed range.

    Parameters
    ----------
    format
        One of `FORMATS`. Text leaves out native histograms, start timestamps and stale markers.
    max_rows
        Samples of one line of JSON at most.
    """
    if format == JSON_LINES:
        lines = (
            _json_line(piece)
            for whole in series_pieces(store, selectors, start_ms, end_ms)
            for piece in _cut(whole, max_rows)
        )
        yield from gathered(lines, _PART_BYTES)
        return
    metadata = store.metadata()
    text = TextLines(metadata, openmetrics=format == OPENMETRICS)
    pieces = series_pieces(
        store, selectors, start_ms, end_ms, family=lambda name: family_of(name, metadata).name
    )
    lines = (
        text.series(piece.labels, piece.times, piece.values)
        for whole in pieces
        for piece in _cut(without_stale(whole), _TEXT_ROWS)
        if METRIC_NAME in piece.labels and len(piece.times)
    )
    yield from gathered(lines, _PART_BYTES)
    if format == OPENMETRICS:
        yield END


def _json_line(piece: SeriesPiece) -> bytes:
    return write_series(piece.labels, piece.times, piece.values, piece.starts, piece.histograms)


def _cut(piece: SeriesPiece, max_rows: int) -> Iterator[SeriesPiece]:
    """Yield a piece in parts of at most so many floats, and as many histograms."""
    for start in range(0, max(len(piece.times), len(piece.histograms), 1), max_rows):
        stop = start + max_rows
        yield piece._replace(
            times=piece.times[start:stop],
            values=piece.values[start:stop],
            starts=piece.starts[start:stop],
            histograms=piece.histograms[start:stop],
        )
