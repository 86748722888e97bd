"""Export to Parquet, with pyarrow when it is installed (the extra ``parquet``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from bongsu.model.errors import InvalidInput
from bongsu.model.labels import METRIC_NAME
from bongsu.wire.archive.json_lines import histogram_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bongsu.query.export import SeriesPiece

_GROUP_ROWS = 1 << 20
"""Rows of a row group: what readers load at once, some tens of megabytes."""


def write_parquet(path: Path, pieces: Iterable[SeriesPiece], told: Callable[[int], object]) -> int:
    """
    Write samples as one table and return how many there are.

    Columns: ``name`` and ``labels`` (a map, the name left out), ``timestamp`` (UTC, milliseconds), ``value`` (null for histograms),
    ``start`` (null when unknown), ``histogram`` (the JSON of an export line, null for floats).

    Parameters
    ----------
    told
        Called with the number of samples so far.

    Raises
    ------
    InvalidInput
        If pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise InvalidInput(
            "Parquet needs pyarrow; install it with: pip install 'bongsu[parquet]'", id="extra-missing"
        ) from error
    schema = pa.schema(
        [
            ("name", pa.dictionary(pa.int32(), pa.string())),
            ("labels", pa.map_(pa.string(), pa.string())),
            ("timestamp", pa.timestamp("ms", tz="UTC")),
            ("value", pa.float64()),
            ("start", pa.timestamp("ms", tz="UTC")),
            ("histogram", pa.string()),
        ]
    )
    total = 0
    open_writer: Any = parquet.ParquetWriter  # some of its versions have types, others not
    with open_writer(path, schema, compression="zstd") as writer:
        held: list[Any] = []  # record batches of pyarrow, which ships no types
        rows = 0
        for piece in pieces:
            for batch in _batches(pa, schema, piece):
                held.append(batch)
                rows += batch.num_rows
            if rows >= _GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(held, schema))
                total, held, rows = total + rows, [], 0
                told(total)
        if held:
            writer.write_table(pa.Table.from_batches(held, schema))
    told(total + rows)
    return total + rows


def _batches(pa: Any, schema: Any, piece: SeriesPiece) -> list[Any]:
    """Return the rows of a piece as record batches: floats, and histograms after them."""
    made = []
    labels = {name: value for name, value in piece.labels.items() if name != METRIC_NAME}
    name = piece.labels.get(METRIC_NAME, "")
    if len(piece.times):
        starts = pa.array(piece.starts, mask=piece.starts == 0).cast(schema.field("start").type)
        made.append(
            (pa.array(piece.times), pa.array(piece.values), starts, pa.nulls(len(piece.times), pa.string()))
        )
    if piece.histograms:
        count = len(piece.histograms)
        texts = [orjson.dumps(histogram_object(*each)).decode() for each in piece.histograms]
        starts = pa.array([start or None for *_, start in piece.histograms], schema.field("start").type)
        times = pa.array([time for time, *_ in piece.histograms])
        made.append((times, pa.nulls(count, pa.float64()), starts, pa.array(texts, pa.string())))
    return [
        pa.RecordBatch.from_arrays(
            [
                pa.DictionaryArray.from_arrays(pa.array([0] * len(times), pa.int32()), pa.array([name])),
                _repeated(pa, labels, len(times)),
                times.cast(schema.field("timestamp").type),
                values,
                starts,
                texts,
            ],
            schema=schema,
        )
        for times, values, starts, texts in made
    ]


def _repeated(pa: Any, labels: dict[str, str], count: int) -> Any:
    """Return a column that has the same map in every row, without a Python object per row."""
    size = len(labels)
    places = pa.array(np.tile(np.arange(size), count))
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * size, pa.int32())
    names, values = pa.array(list(labels), pa.string()), pa.array(list(labels.values()), pa.string())
    return pa.MapArray.from_arrays(offsets, names.take(places), values.take(places))
