"""
The layout of a target's body: all of it but the values, and the store's reference of each line.

While the layout stays, a scrape costs one comparison of bytes and the parsing of its values; a line takes about its own length
plus 16 bytes of memory, and no Python object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.exposition import match_layout
from bongsu.scrape.classic import with_native
from bongsu.scrape.created import created_starts
from bongsu.storage.contract import REFUSED
from bongsu.wire.exposition.errors import ExpositionError
from bongsu.wire.exposition.lexical import parse_value
from bongsu.wire.exposition.negotiation import Format
from bongsu.wire.exposition.openmetrics import parse_openmetrics_tail
from bongsu.wire.exposition.text import parse_text_tail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from bongsu.model.histograms import Histogram
    from bongsu.scrape.classic import ClassicHistogram
    from bongsu.wire.exposition.body import Exposition, ParsedExemplar

DROPPED = -2
"""Instead of a reference: relabelling drops the line. The store's own are 0 and above, or `REFUSED`."""


@dataclass(frozen=True, slots=True)
class Readings:
    """
    What the lines of one body say; arrays have one entry per sample, in the body's order.

    Attributes
    ----------
    timestamps
        Unix milliseconds, by row, of samples that carry their own time.
    exemplars
        With the row that each belongs to.
    histograms, starts
        Native histograms and start timestamps, by row.
    """

    values: NDArray[np.float64]
    timestamps: dict[int, int]
    exemplars: list[tuple[int, ParsedExemplar]]
    histograms: dict[int, Histogram] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing but numbers, all of the time of the scrape."""
        return not (self.timestamps or self.histograms or self.starts)


@dataclass(frozen=True, slots=True)
class Layout:
    """
    A known layout.

    Attributes
    ----------
    template : ndarray of uint8
    ends : ndarray of int64, shape (n_samples + 1,)
        As `bongsu.kernels.exposition` defines them. Of protobuf only the series' keys are kept: it has no lines, and is always
        parsed.
    refs : ndarray of int64, shape (n_samples,)
        The store's reference of each line's series, `REFUSED` where it would not take it, `DROPPED` where relabelling drops it.
    first : ndarray of bool, shape (n_samples,)
        Whether the line is the first of its series.
    alive : ndarray of int64
        The distinct references, sorted.
    kept : int
        Lines that relabelling leaves.
    classic
        Histograms of the lines that are read as native ones; their references follow those of the lines.
    swallowed : int
        Lines that are parts of these and nothing else.
    stored : ndarray of int64, optional
        The rows that are stored where none has its own time; None for all.
    begun : ndarray of int64, shape (n_samples,), optional
        As `bongsu.scrape.created.created_rows` gives it.
    refused, twice : int
        Rows that are not: of series that the store would not take, and those that give a series again.
    """

    format: Format
    template: NDArray[np.uint8]
    ends: NDArray[np.int64]
    refs: NDArray[np.int64]
    first: NDArray[np.bool_]
    alive: NDArray[np.int64]
    kept: int
    classic: tuple[ClassicHistogram, ...] = ()
    swallowed: int = 0
    stored: NDArray[np.int64] | None = None
    begun: NDArray[np.int64] | None = None
    refused: int = 0
    twice: int = 0

    @classmethod
    def of(
        cls,
        body: bytes,
        parsed: Exposition,
        refs: NDArray[np.int64],
        format: Format,  # noqa: A002
        classic: Sequence[ClassicHistogram] = (),
        swallowed: int = 0,
        begun: NDArray[np.int64] | None = None,
    ) -> Layout:
        """Return the layout of a body that was parsed; `refs` are those of its lines, then those of `classic`."""
        segments = [*parsed.series, b""] if format is Format.PROTOBUF else _segments(body, parsed)
        ends = np.cumsum(np.fromiter(map(len, segments), dtype=np.int64, count=len(segments)))
        alive, rows = np.unique(refs, return_index=True)
        first = np.zeros(len(refs), dtype=np.bool_)
        first[rows] = True
        template = np.frombuffer(b"".join(segments), dtype=np.uint8)
        kept = int((refs != DROPPED).sum())
        taken = refs >= 0
        return cls(
            format,
            template,
            ends,
            refs,
            first,
            alive[alive >= 0],
            kept,
            tuple(classic),
            swallowed,
            stored=None if (taken & first).all() else np.flatnonzero(taken & first),
            begun=begun,
            refused=int((refs == REFUSED).sum()),
            twice=int((taken & ~first).sum()),
        )

    def __len__(self) -> int:
        """Return the samples of a body: its lines, and native histograms in the place of those that they take in."""
        return len(self.refs) - self.swallowed

    def read(self, body: bytes) -> Readings | None:
        """Return the readings of a body of this layout; None for any other body, and for one with an error."""
        if self.format is Format.PROTOBUF:
            return None
        count = len(self.ends) - 1
        values = np.empty(count, dtype=np.float64)
        spans = np.empty((count, 3), dtype=np.int64)
        sure = np.empty(count, dtype=np.bool_)
        text = np.frombuffer(body, dtype=np.uint8)
        left = match_layout(text, self.template, self.ends, values, spans, sure)
        if left < 0:
            return None
        if not left:
            return self._readings(values, {}, [])
        try:
            for row in np.flatnonzero(~sure):
                values[row] = parse_value(body[spans[row, 0] : spans[row, 1]], 0)
            tails = np.flatnonzero(spans[:, 1] != spans[:, 2]).tolist()
            timestamps, exemplars = self._tails({row: body[spans[row, 1] : spans[row, 2]] for row in tails})
        except ExpositionError:
            # The full parser decides whether it is an error, and names the line.
            return None
        return self._readings(values, timestamps, exemplars)

    def _readings(
        self,
        values: NDArray[np.float64],
        timestamps: dict[int, int],
        exemplars: list[tuple[int, ParsedExemplar]],
    ) -> Readings:
        starts = created_starts(self.begun, values)
        return with_native(Readings(values, timestamps, exemplars, starts=starts), self.classic)

    def series(self) -> Iterator[bytes]:
        """Return the series of every line, as `Exposition.series` has them."""
        text = self.template.tobytes()
        start = 0
        for end in self.ends[:-1].tolist():
            if self.format is Format.PROTOBUF:
                yield text[start:end]
                start = end
                continue
            # A segment ends with the series and the blank before its value; comment lines may come before.
            yield text[text.rfind(b"\n", start, end) + 1 or start : end].strip(b" \t")
            start = end

    def _tails(self, tails: dict[int, bytes]) -> tuple[dict[int, int], list[tuple[int, ParsedExemplar]]]:
        timestamps: dict[int, int] = {}
        exemplars: list[tuple[int, ParsedExemplar]] = []
        for row, tail in tails.items():
            if self.format is Format.TEXT:
                timestamp, exemplar = parse_text_tail(tail, 0), None
            else:
                timestamp, exemplar = parse_openmetrics_tail(tail, 0)
            if timestamp is not None:
                timestamps[row] = timestamp
            if exemplar is not None:
                exemplars.append((row, exemplar))
        return timestamps, exemplars


def _segments(body: bytes, parsed: Exposition) -> list[bytes]:
    starts = [0, *parsed.line_ends]
    stops = [*parsed.value_starts, len(body)]
    return [body[start:stop] for start, stop in zip(starts, stops, strict=True)]
