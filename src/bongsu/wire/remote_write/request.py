"""A remote write request: numbers in arrays, everything else as offsets into its bytes until somebody asks."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from bongsu.kernels.remote_write import (
    BEGIN,
    END,
    LABELS_BEGIN,
    LABELS_END,
    META_BEGIN,
    META_END,
    PART_EXEMPLAR,
    PART_HISTOGRAM,
    PART_METADATA,
    PLAIN,
    SERIES_COLUMNS,
    hash_bytes,
    hash_references,
    read_request,
)
from bongsu.model.labels import METRIC_NAME
from bongsu.model.samples import Exemplar, MetricMetadata
from bongsu.wire.messages import (
    BadMessage,
    Field,
    Message,
    at_most,
    read_double,
    read_fields,
    read_text,
    read_varints,
    require_bytes,
    require_number,
    signed,
)
from bongsu.wire.remote_write.errors import BadRemoteWrite
from bongsu.wire.remote_write.histograms import HistogramSample, read_histogram

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Labels = tuple[tuple[str, str], ...]

_TYPES = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
"""Metric types by their number in both versions."""


_MAX_ELEMENTS = 1_000_000
"""Series, samples, parts and symbols of a request, each: a hundred times what senders send. An empty one takes two bytes on the
wire and up to 64 here."""

_WIDTHS = (SERIES_COLUMNS, 4, 4, 2)
"""Columns of the tables of series, samples, parts and symbols."""

_BYTES_PER_ROW = np.array([48, 16, 256, 12], dtype=np.int64)
"""Bytes of a request for each row of the four tables: series seldom take less, samples never, most requests have few of the others."""

_LEAST_ROWS = 16

_MAX_LABELS = 4_096
"""Labels of one series that are read at all; what a project takes is a limit of its store."""


class Version(enum.IntEnum):
    """Versions of the protocol."""

    V1 = 1
    V2 = 2


MESSAGES = {"prometheus.WriteRequest": Version.V1, "io.prometheus.write.v2.Request": Version.V2}
"""Names of the messages in the content type's ``proto`` parameter."""


@dataclass(frozen=True, slots=True)
class SeriesHashes:
    """
    What tells known series and metadata again.

    Attributes
    ----------
    labels : ndarray of uint64, shape (n_series, 2)
    plain : ndarray of bool, shape (n_series,)
        False where the labels are broken or scattered; their hash has no meaning.
    metadata : ndarray of uint64, shape (n_series,)
        0 where a series carries none.
    """

    labels: NDArray[np.uint64]
    plain: NDArray[np.bool_]
    metadata: NDArray[np.uint64]


class WireRequest:
    """
    A request that was walked once. What `parts` point to, and the labels, are read when asked for; each may be broken on its
    own without cost to the others.

    Parameters
    ----------
    data
        The decompressed request.

    Raises
    ------
    BadRemoteWrite
        If it is not the message of its version.
    """

    def __init__(self, data: bytes, version: Version) -> None:
        self.data = data
        self.version = version
        self._bytes = np.frombuffer(data, dtype=np.uint8)
        self._read()
        if version is Version.V2 and (not len(self._symbols) or self._symbols[0, 0] != self._symbols[0, 1]):
            raise BadRemoteWrite(
                "the symbol table must begin with the empty string; send it as the first symbol"
            )

    def __len__(self) -> int:
        return len(self._series)

    @property
    def sample_series(self) -> NDArray[np.int64]:
        """Series of each sample."""
        return self._samples[:, 0]

    @property
    def timestamps(self) -> NDArray[np.int64]:
        """Unix milliseconds of each sample."""
        return self._samples[:, 1]

    @property
    def starts(self) -> NDArray[np.int64] | None:
        """Start timestamp of each sample, 0 where unknown; None when all are."""
        starts = self._samples[:, 2]
        return starts.copy() if starts.any() else None

    @property
    def values(self) -> NDArray[np.float64]:
        """Value of each sample, bit for bit."""
        return self._samples[:, 3].copy().view(np.float64)

    def hashes(self, seeds: NDArray[np.uint64]) -> SeriesHashes:
        """Return the hashes of the series' labels; `seeds` are two words that the sender can't know."""
        # The versions write the same labels differently: their hashes are apart.
        seeds = seeds + np.uint64(self.version)
        labels = np.empty((len(self), 2), dtype=np.uint64)
        metadata = np.zeros(len(self), dtype=np.uint64)
        if self.version is Version.V1:
            hash_bytes(self._bytes, self._series[:, LABELS_BEGIN], self._series[:, LABELS_END], seeds, labels)
        else:
            symbols = np.empty((len(self._symbols), 2), dtype=np.uint64)
            hash_bytes(self._bytes, self._symbols[:, 0], self._symbols[:, 1], seeds, symbols)
            hash_references(self._bytes, self._series, symbols, seeds, labels, metadata)
        return SeriesHashes(labels, self._series[:, PLAIN] == 1, metadata)

    def labels(self, row: int) -> Labels:
        """
        Return the labels of a series, in the order in which they were sent.

        Raises
        ------
        BadMessage
            If they are malformed.
        """
        begin, end = int(self._series[row, BEGIN]), int(self._series[row, END])
        fields = (field for field in read_fields(self.data, begin, end) if field[0] == 1)
        if self.version is Version.V1:
            return tuple(self._label(field) for field in at_most(fields, _MAX_LABELS))
        references = at_most(
            (ref for field in fields for ref in read_varints(self.data, field)), 2 * _MAX_LABELS
        )
        return self._referenced(list(references))

    def histograms(self) -> Iterator[tuple[int, HistogramSample | BadMessage]]:
        """Yield series and value of each native histogram, or what is wrong with it."""
        for row, begin, end in self._parts_of(PART_HISTOGRAM):
            try:
                yield row, read_histogram(self.data, begin, end)
            except BadMessage as error:
                yield row, error

    def exemplars(self) -> Iterator[tuple[int, Exemplar | BadMessage]]:
        """Yield series and value of each exemplar, or what is wrong with it."""
        for row, begin, end in self._parts_of(PART_EXEMPLAR):
            try:
                yield row, self._exemplar(begin, end)
            except BadMessage as error:
                yield row, error

    def metadata(self) -> list[MetricMetadata]:
        """Return the metadata messages of a 1.0 request."""
        return [self._metadata_message(begin, end) for _, begin, end in self._parts_of(PART_METADATA)]

    def series_metadata(self, row: int) -> MetricMetadata:
        """Return the metadata that a series of a 2.0 request carries."""
        begin, end = int(self._series[row, META_BEGIN]), int(self._series[row, META_END])
        told = Message(self.data, begin, end)
        name = dict(self.labels(row)).get(METRIC_NAME, "")
        return MetricMetadata(
            name, _type(told.number(1)), self._symbol(told.number(3)), self._symbol(told.number(4))
        )

    def _read(self) -> None:
        """Walk the bytes with tables that are long enough for ordinary requests, and once more for others."""
        lengths = np.clip(len(self.data) // _BYTES_PER_ROW, _LEAST_ROWS, _MAX_ELEMENTS)
        while True:
            counts = np.zeros(4, dtype=np.int64)
            tables = [_table(int(n), width) for n, width in zip(lengths, _WIDTHS, strict=True)]
            broken = read_request(self._bytes, int(self.version), counts, *tables)
            if broken >= 0:
                self._refuse(int(broken))
            _check_size(counts)
            if (counts <= lengths).all():
                break
            lengths = counts
        self._series, self._samples, self._parts, self._symbols = (
            table[:n] for table, n in zip(tables, counts.tolist(), strict=True)
        )

    def _refuse(self, broken: int) -> NoReturn:
        name = next(name for name, version in MESSAGES.items() if version is self.version)
        raise BadRemoteWrite(
            f"cannot read the body as {name}: malformed protobuf at byte {broken} of {len(self.data)}; "
            "check that the content type names the message that is sent"
        )

    def _parts_of(self, kind: int) -> Iterator[tuple[int, int, int]]:
        if len(self._parts):  # most requests are samples and nothing else
            rows = self._parts[self._parts[:, 0] == kind, 1:]
            yield from map(tuple, rows.tolist())

    def _label(self, field: Field) -> tuple[str, str]:
        label = Message(self.data, *require_bytes(field))
        return label.text(1), label.text(2)

    def _referenced(self, references: list[int]) -> Labels:
        if len(references) % 2:
            raise BadRemoteWrite(
                f"{len(references)} label references are given; names and values go in pairs"
            )
        texts = [self._symbol(reference) for reference in references]
        return tuple(zip(texts[::2], texts[1::2], strict=True))

    def _symbol(self, reference: int) -> str:
        if reference >= len(self._symbol_spans):
            raise BadRemoteWrite(
                f"reference {reference} is outside the symbol table, which has {len(self._symbols)} entries"
            )
        return read_text(self.data, *self._symbol_spans[reference])

    @cached_property
    def _symbol_spans(self) -> list[list[int]]:
        spans: list[list[int]] = self._symbols.tolist()
        return spans

    def _exemplar(self, begin: int, end: int) -> Exemplar:
        labels: list[tuple[str, str]] = []
        references: list[int] = []
        value, timestamp = 0.0, 0
        for field in at_most(read_fields(self.data, begin, end), 2 * _MAX_LABELS):
            if field[0] == 1 and self.version is Version.V1:
                labels.append(self._label(field))
            elif field[0] == 1:
                references += at_most(read_varints(self.data, field), 2 * _MAX_LABELS)
            elif field[0] == 2:
                value = read_double(self.data, field)
            elif field[0] == 3:
                timestamp = signed(require_number(field))
        return Exemplar((*labels, *self._referenced(references)), value, timestamp)

    def _metadata_message(self, begin: int, end: int) -> MetricMetadata:
        told = Message(self.data, begin, end)
        return MetricMetadata(told.text(2), _type(told.number(1)), told.text(4), told.text(5))


def _check_size(counts: NDArray[np.int64]) -> None:
    if counts.max() > _MAX_ELEMENTS:
        raise BadRemoteWrite(
            f"the request has {counts.max()} series, samples or symbols, {_MAX_ELEMENTS} are allowed; send less at once"
        )


def _table(rows: int, columns: int) -> NDArray[np.int64]:
    return np.empty((rows, columns), dtype=np.int64)


def _type(number: int) -> str:
    return _TYPES[number] if number < len(_TYPES) else _TYPES[0]
