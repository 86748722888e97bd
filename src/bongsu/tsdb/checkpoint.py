"""
Checkpoints: a head as a file, so that the log before it can go and a database can be closed. See `docs/format/checkpoint.md`.

`freeze` runs under the database's lock and copies what may still change; `write` then takes its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from bongsu.kernels.chunks import (
    ENTRY_AT,
    ENTRY_MAX_TIME,
    ENTRY_MIN_TIME,
    ENTRY_SAMPLES,
    ENTRY_SHAPE,
    ENTRY_SIZE,
    decode_chunks,
)
from bongsu.kernels.head import (
    ARENA_USED,
    FLAGS,
    HAS_SIDE,
    HAS_STARTS,
    N_CHUNKS,
    OPEN,
    OPEN_SAMPLES,
    REF,
    narrow_entries,
    put_open,
    take_open,
)
from bongsu.kernels.identity import KEY_AT, KEY_SIZE
from bongsu.model.labels import key_labels, series_key
from bongsu.storage.raw import Sample
from bongsu.storage.refusals import value_bytes
from bongsu.tsdb.head import Head
from bongsu.tsdb.keys import keys_at
from bongsu.tsdb.late import slot_of
from bongsu.tsdb.records import pack_exemplars, pack_metadata, unpack_exemplars, unpack_metadata
from bongsu.tsdb.runs import encoded_runs
from bongsu.tsdb.sections import SectionFile, write_sections

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bongsu.tsdb.annotations import Exemplars, Metadata

CHECKPOINT_NAME = "head.checkpoint"
_PREVIOUS_OF_VERSION_1 = 6
_READ_AHEAD = 16
"""Bytes behind the last chunk: unpacking reads a word ahead."""


class OpenRows(NamedTuple):
    """Samples of open rows, those of one series after another."""

    counts: NDArray[np.int64]
    times: NDArray[np.int64]
    bits: NDArray[np.int64]

    def encoded(self) -> dict[str, NDArray[Any]]:
        """Return the rows as chunks, which take a tenth of the room."""
        counts = self.counts[self.counts > 0]
        ends = np.cumsum(counts)
        none = np.empty(0, dtype=np.int64)
        data, chunks = encoded_runs(self.times, none, self.bits, ends - counts, ends)
        shapes = chunks[:, ENTRY_SIZE] << 16 | chunks[:, ENTRY_SHAPE]
        rows = np.column_stack((shapes, chunks[:, ENTRY_MIN_TIME], chunks[:, ENTRY_MAX_TIME]))
        return {"open_rows": rows, "open_data": data}


class Checkpoint(NamedTuple):
    """A frozen head: `sequence` is the last record of the log that is in it."""

    sequence: int
    sections: dict[str, bytes | NDArray[Any]]
    open_rows: OpenRows

    def write(self, path: Path) -> None:
        """Write the file; it takes the place of the one before at once."""
        write_sections(path, self.sections | self.open_rows.encoded(), compressed=True)


def freeze(head: Head, metadata: Metadata, exemplars: Exemplars, sequence: int) -> Checkpoint:
    """Return the state of a head, independent of what happens to it from now on."""
    arrays, series = head.arrays, head.series
    slots = np.sort(series.live_slots().astype(np.int64))
    counts = arrays.meta[slots, OPEN]
    open_rows = OpenRows(counts, *np.empty((2, int(counts.sum())), dtype=np.int64))
    take_open(arrays, slots, open_rows.times, open_rows.bits, np.empty(0, dtype=np.int64))
    with_starts = slots[(arrays.meta[slots, FLAGS] & HAS_STARTS) != 0]
    late, histograms, histogram_bytes = _freeze_side(head)
    return Checkpoint(
        sequence,
        {
            "meta": orjson.dumps({"sequence": sequence, "slots": series.n_slots}),
            "slots": slots,
            "lines": arrays.meta[slots],
            "identity": series.identity[slots],
            "generations": series.generations[: series.n_slots].copy(),
            "keys": series.key_bytes[: series.key_bytes_used].copy(),
            "start_slots": with_starts,
            "starts": arrays.starts[with_starts] if len(arrays.starts) else np.empty(0, dtype=np.int64),
            # Sealed chunks are never changed in place: no copy is needed.
            "sealed": arrays.chunks[: int(arrays.cursor[N_CHUNKS])],
            "arena": arrays.arena[: int(arrays.cursor[ARENA_USED])],
            "late": late,
            "histograms": histograms,
            "histogram_bytes": histogram_bytes,
            "metadata": pack_metadata(
                [entry for known in metadata.all().values() for entry in reversed(known)]
            ),
            "exemplars_by_key": _freeze_exemplars(exemplars),
        },
        open_rows,
    )


def thaw(path: Path, metadata: Metadata, exemplars: Exemplars) -> tuple[Head, int]:
    """
    Return the head of a file, and the last record of the log that is in it.

    Raises
    ------
    StoreDamaged
        If a checksum fails.
    """
    file = SectionFile(path)
    file.check()
    said = file.json("meta")
    head = Head()
    slots = file.array("slots", "i8")
    lines = file.array("lines", "i8").reshape(-1, 8)
    identity = file.array("identity", "i8").reshape(-1, 4)
    head.add_series(
        lines[:, REF], keys_at(file.array("keys", "u1"), identity[:, KEY_AT], identity[:, KEY_SIZE])
    )
    head.restore_generations(file.array("generations", "i4"))
    _thaw_samples(head, file, slots, lines)
    _thaw_side(head, file)
    metadata.put(unpack_metadata(file.bytes("metadata")))
    _thaw_exemplars(head, file, exemplars)
    return head, said["sequence"]


def _thaw_samples(head: Head, file: SectionFile, slots: NDArray[np.int64], lines: NDArray[np.int64]) -> None:
    head.arenas.take_chunks(_sealed(file), file.array("arena", "u1"))
    head.arrays.meta[slots] = lines
    put_open(head.arrays, slots, *_open_rows(file, lines[:, OPEN]))
    start_slots = file.array("start_slots", "i8")
    if len(start_slots):
        head.arenas.make_starts()
        head.arrays.starts[start_slots] = file.array("starts", "i8").reshape(-1, OPEN_SAMPLES)


def _open_rows(file: SectionFile, counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return times and bits of open samples, one series after another; earlier versions had them as they are."""
    if not file.has("open_rows"):
        return file.array("open_times", "i8"), file.array("open_values", "i8")
    rows = file.array("open_rows", "i8").reshape(-1, 3)
    data = np.append(file.array("open_data", "u1"), np.zeros(_READ_AHEAD, dtype=np.uint8))
    table = np.zeros((len(rows), 8), dtype=np.int64)
    table[:, ENTRY_SIZE] = rows[:, 0] >> 16
    table[:, ENTRY_SHAPE] = rows[:, 0] & 0xFFFF
    table[:, ENTRY_AT] = data.ctypes.data + np.cumsum(table[:, ENTRY_SIZE]) - table[:, ENTRY_SIZE]
    table[:, ENTRY_SAMPLES] = counts[counts > 0]
    table[:, [ENTRY_MIN_TIME, ENTRY_MAX_TIME]] = rows[:, 1:]
    ends = np.cumsum(table[:, ENTRY_SAMPLES])
    n = int(counts.sum())
    times, values = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.float64)
    decode_chunks(table, ends, times, values, np.empty(0, dtype=np.int64))
    return times, values.view(np.int64)


def _sealed(file: SectionFile) -> NDArray[np.int64]:
    """Return the entries of sealed chunks as the head keeps them; version 1 had them as a chunk table."""
    if file.has("sealed"):
        return file.array("sealed", "i8").reshape(-1, 4)
    wide = file.array("chunks", "i8").reshape(-1, 8)
    narrow = np.empty((len(wide), 4), dtype=np.int64)
    narrow_entries(wide, np.ascontiguousarray(wide[:, _PREVIOUS_OF_VERSION_1]), narrow)
    return narrow


def _freeze_side(head: Head) -> tuple[NDArray[np.int64], NDArray[np.int64], bytes]:
    """Return late floats as rows (slot, time, bits, start), histograms as rows (slot, time, start, size), and their bytes."""
    rows, encoded = [], []
    for slot, histograms in head.side.histograms.items():
        for sample in histograms.values():
            value = value_bytes(sample.value)
            rows.append((slot, sample.timestamp, sample.start, len(value)))
            encoded.append(value)
    return head.side.table(), np.array(rows, dtype=np.int64).reshape(-1, 4), b"".join(encoded)


def _thaw_side(head: Head, file: SectionFile) -> None:
    late = file.array("late", "i8").reshape(-1, 4)
    if len(late):
        head.side.restore(head.arrays, late)
    encoded, at = file.bytes("histogram_bytes"), 0
    for slot, time, start, size in file.array("histograms", "i8").reshape(-1, 4).tolist():
        head.side.put_histogram(slot, Sample(time, encoded[at : at + size], start))
        head.arrays.meta[slot, FLAGS] |= HAS_SIDE
        at += size


def _freeze_exemplars(exemplars: Exemplars) -> bytes:
    """Return the distinct keys, and the exemplars with the number of their key in the place of a reference."""
    number: dict[bytes, int] = {}
    kept = [(number.setdefault(key, len(number)), exemplar) for key, exemplar in exemplars.items()]
    keys = [list(key_labels(key).items()) for key in number]
    return orjson.dumps([keys, orjson.Fragment(pack_exemplars([n for n, _ in kept], [e for _, e in kept]))])


def _thaw_exemplars(head: Head, file: SectionFile, exemplars: Exemplars) -> None:
    if file.has("exemplars_by_key"):
        labels, kept = file.json("exemplars_by_key")
        keys = [series_key(map(tuple, pairs)) for pairs in labels]
        for number, exemplar in unpack_exemplars(orjson.dumps(kept)):
            exemplars.put(keys[number], exemplar)
        return
    # Version 1: by reference.
    for ref, exemplar in unpack_exemplars(file.bytes("exemplars")):
        exemplars.put(head.series.key(slot_of(ref)), exemplar)
