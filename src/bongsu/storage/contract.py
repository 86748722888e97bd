"""
The contract between everything that uses series and every store that keeps them.

A `ProjectStore` is a view that can see one project only; nothing that works through it knows a project id. All
methods are synchronous and may be called from any thread; they block for the disk, not for readers.
"""

from __future__ import annotations

import ctypes
import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.model.matchers import Matcher
    from bongsu.model.samples import Exemplar, MetricMetadata, SampleBatch

    Directory = tuple[
        NDArray[np.int64],
        NDArray[np.uint8],
        NDArray[np.uint8],
        NDArray[np.uint8],
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.int64],
    ]

CODEC_RAW = 0
"""Chunk codec: ``count`` int64 timestamps, then, with `FLAG_STARTS`, ``count`` int64 start timestamps, then the values:
``count`` float64, or for histograms ``count + 1`` uint32 offsets and the encoded histograms. All little-endian."""

FLAG_STARTS = 1
"""The chunk carries start timestamps."""

REFUSED = -1
"""Reference of a series that the store would not take."""


class Reason(enum.StrEnum):
    """Why a store refused a row; the value is the error id in `docs/errors.md` and the label of the counter."""

    UNKNOWN_SERIES = "unknown-series"
    DUPLICATE_TIMESTAMP = "duplicate-timestamp"
    OUT_OF_RETENTION = "out-of-retention"
    SERIES_LIMIT = "series-limit"
    LABEL_LIMIT = "label-limit"
    INVALID_HISTOGRAM = "invalid-histogram"


@dataclass(frozen=True, slots=True)
class Rejection:
    """
    One refused row.

    Attributes
    ----------
    row
        Index into the request's rows: keys of `resolve`; floats, then histograms, of `append`.
    message
        What was received, what is allowed, what to change; names the series and the timestamp.
    limit
        Name of the limit that was met; empty for other reasons.
    """

    row: int
    reason: Reason
    message: str
    limit: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """
    Answer of `ProjectStore.resolve`.

    Attributes
    ----------
    refs : ndarray of int64, shape (n_keys,)
        One reference per key, `REFUSED` where the store would not take the series.
    """

    refs: NDArray[np.int64]
    rejections: tuple[Rejection, ...] = ()


@dataclass(frozen=True, slots=True)
class AppendResult:
    """
    Answer of `ProjectStore.append`, given after the batch is durable.

    Attributes
    ----------
    written
        Rows that are stored now, those included that repeat a stored sample exactly.
    sequence
        Log sequence number of the batch; later writes and deletions have higher ones.
    """

    written: int
    sequence: int
    rejections: tuple[Rejection, ...] = ()


@dataclass(frozen=True, slots=True)
class ChunkView:
    """
    The samples of a range of a selection's series, as a directory of chunks that stay where they are: in mapped blocks, in the
    head's arenas, in buffers of merged rows.

    Chunks are ordered by series, then by time; those of one series never overlap, and every sample occurs once: the store
    has merged late, overlapping and deleted data into raw chunks of the same directory. A chunk may hold samples outside the
    selection's time range: the reader trims. Stale markers are samples here.

    The arrays are the reader's to read until the selection is closed, from any thread; nobody writes to them.

    Attributes
    ----------
    first_chunk : ndarray of int64, shape (n_rows + 1,)
        Row *i* of the range owns chunks ``first_chunk[i]:first_chunk[i + 1]``.
    kind : ndarray of uint8, shape (n_chunks,)
        `KIND_FLOAT` or `KIND_HISTOGRAM`.
    codec, flags : ndarray of uint8, shape (n_chunks,)
        How the bytes are read: `CODEC_RAW` or one of the codecs in `bongsu.kernels`; `FLAG_STARTS`.
    address : ndarray of int64, shape (n_chunks,)
        Where the chunk's bytes are in this process's memory, a multiple of 8. Kernels read one word behind a packed chunk.
    count : ndarray of int64, shape (n_chunks,)
        Samples in the chunk, at least 1.
    min_time, max_time : ndarray of int64, shape (n_chunks,)
        Unix milliseconds of the first and the last sample.
    owners
        What keeps the memory behind the addresses alive; hold the view for as long as they are read.
    """

    first_chunk: NDArray[np.int64]
    kind: NDArray[np.uint8]
    codec: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    address: NDArray[np.int64]
    count: NDArray[np.int64]
    min_time: NDArray[np.int64]
    max_time: NDArray[np.int64]
    owners: tuple[object, ...] = field(default=(), repr=False)

    def directory(self) -> Directory:
        """Return the arrays that kernels take, in the order of `bongsu.kernels.chunks.decode_row`."""
        return (
            self.first_chunk,
            self.kind,
            self.codec,
            self.flags,
            self.address,
            self.count,
            self.min_time,
            self.max_time,
        )

    def chunk_bytes(self, chunk: int, size: int) -> NDArray[np.uint8]:
        """Return the first bytes of a chunk, in place; good while the view lives."""
        memory = (ctypes.c_uint8 * size).from_address(int(self.address[chunk]))
        return np.frombuffer(memoryview(memory), dtype=np.uint8)

    def row_capacity(self) -> int:
        """Return the most samples that any row holds: the scratch size that fits every row."""
        if len(self.count) == 0:
            return 0
        totals = np.concatenate(([0], np.cumsum(self.count)))
        return int((totals[self.first_chunk[1:]] - totals[self.first_chunk[:-1]]).max(initial=0))


class Selection(Protocol):
    """
    The series that matched, frozen at the moment of selection.

    What it refers to stays alive until `close`, whatever compaction, deletion and retention do meanwhile. Use it as a context
    manager.
    """

    @property
    def labels(self) -> LabelColumns:
        """Labels of the series, one row each; only series with samples in the range, in the store's order."""
        ...

    @property
    def sample_counts(self) -> NDArray[np.int64]:
        """Upper bound of each series' samples, shape (n_series,); for limits and for balanced ranges."""
        ...

    def chunks(self, start_row: int, stop_row: int) -> ChunkView:
        """Return the chunks of series ``start_row`` to ``stop_row`` (exclusive); from any thread, any number of times."""
        ...

    def close(self) -> None:
        """Let go of what the selection keeps alive; harmless when repeated."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Size of one project's store; times in Unix milliseconds, None while it is empty."""

    series: int = 0
    samples: int = 0
    chunks: int = 0
    bytes: int = 0
    min_time: int | None = None
    max_time: int | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """
    What changed in a store between two looks at it.

    Attributes
    ----------
    mark
        Where this look was; give it at the next one.
    oldest_ms
        No sample before this time was added, replaced or removed since the look before, in Unix milliseconds; it may be older than
        what did change. None: nothing changed.
    """

    mark: int
    oldest_ms: int | None


@dataclass(frozen=True, slots=True)
class ExemplarRows:
    """Exemplars of some series: ``exemplars[i]`` belong to row *i* of `labels`, oldest first."""

    labels: LabelColumns
    exemplars: Sequence[Sequence[Exemplar]]


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """Limits of one project, 0 meaning none; each is a setting of the same name in the `limits` section."""

    max_series: int = 1_000_000
    max_labels_per_series: int = 64
    max_label_name_bytes: int = 1_024
    max_label_value_bytes: int = 8_192


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """What a project asks of its store; `retention_ms` 0 keeps samples for ever, `retention_bytes` 0 is without bound."""

    retention_ms: int = 15 * 86_400_000
    retention_bytes: int = 0
    limits: StoreLimits = field(default_factory=StoreLimits)


class ProjectStore(Protocol):
    """
    The series of one project.

    Times are Unix milliseconds and ranges are closed, ``[start_ms, end_ms]``. A *selector* is a sequence of matchers that all
    must hold; several selectors are a union, and no selector at all means every series.
    """

    def resolve(self, keys: Sequence[bytes]) -> Resolution:
        """
        Return a reference for every series key (`bongsu.model.labels`), making the series that are new.

        A reference stays valid while the process lives, or is answered with `Reason.UNKNOWN_SERIES` by `append` after its
        series has left the store: then resolve again. References are never reused.
        """
        ...

    def append(self, batch: SampleBatch) -> AppendResult:
        """
        Write a batch and return when it is durable.

        Rows in any order of time. The same timestamp with the same bits is a no-op; with other bits it is refused with
        `Reason.DUPLICATE_TIMESTAMP`, unless the batch overwrites. A refused row does not cost the others.

        Raises
        ------
        StoreReadOnly
            If the disk is full or failed; nothing of the batch is acknowledged and a retry is harmless.
        """
        ...

    def put_metadata(self, entries: Sequence[MetricMetadata]) -> None:
        """Keep type, help and unit of metrics; the newest of a name comes first, distinct ones are kept."""
        ...

    def metadata(self) -> Mapping[str, Sequence[MetricMetadata]]:
        """Return what is known of each metric name."""
        ...

    def put_exemplars(self, refs: Sequence[int], exemplars: Sequence[Exemplar]) -> int:
        """Keep one exemplar per reference, within the project's exemplar budget; return how many were new."""
        ...

    def exemplars(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> ExemplarRows:
        """Return the exemplars of the matching series in the range."""
        ...

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        """Return the matching series that may have samples in the range; close it after use."""
        ...

    def label_names(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[str]:
        """Return the sorted label names of the matching series."""
        ...

    def label_values(
        self, name: str, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Return the sorted values of one label in the matching series."""
        ...

    def series(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> LabelColumns:
        """Return the label sets of the matching series, each once."""
        ...

    def delete(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> int:
        """Hide the samples of the matching series in the range, durably; return the deletion's sequence number."""
        ...

    def changes(self, since: int | None) -> Changes:
        """
        Return what changed since an earlier look, None for the first one.

        Whoever keeps what was read looks first and reads then: all that becomes visible after a look is in the changes since it.
        """
        ...

    def stats(self) -> StoreStats:
        """Return the size of the store."""
        ...


class Store(Protocol):
    """A whole store: it hands out views of single projects. Held by the composition root only."""

    def project(self, project_id: str, options: StoreOptions) -> ProjectStore:
        """Return the view of one project, made when it is new; `options` replace those given before."""
        ...

    def project_ids(self) -> list[str]:
        """Return the ids of all projects that the store keeps something of."""
        ...

    def drop_project(self, project_id: str) -> None:
        """Remove all data of a project, durably; its views raise `StoreClosed` from now on."""
        ...

    def close(self) -> None:
        """Finish writes, release the data folder; every view raises `StoreClosed` from now on."""
        ...
