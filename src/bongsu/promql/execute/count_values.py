"""count_values: how often each value occurs in a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.label_columns import LabelColumn, column_of_texts
from bongsu.model.matchers import quote
from bongsu.model.samples import KIND_ABSENT, KIND_FLOAT
from bongsu.promql.errors import ExecutionError
from bongsu.promql.execute.shape import empty_vector
from bongsu.promql.histograms.text import histogram_text
from bongsu.promql.values import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns


def count_values(vector: Vector, groups: NDArray[np.int64], group_labels: LabelColumns, label: str) -> Vector:
    """
    Return one series per group and distinct value, the value being in `label`.

    Raises
    ------
    ExecutionError
        If `label` cannot be a label name.
    """
    check_label_name(label)
    rows, steps = np.nonzero(vector.present())
    if len(rows) == 0:
        return empty_vector(vector.n_steps)
    texts = column_of_texts(_texts(vector, rows, steps))
    pairs = groups[rows] * len(texts.values) + texts.codes
    distinct, series = np.unique(pairs, return_inverse=True)
    codes = (distinct % len(texts.values)).astype(np.int32)
    labels = group_labels.take(distinct // len(texts.values)).with_column(
        label, LabelColumn(codes, texts.values)
    )
    # The label may replace one of the group's: what can't be told apart then is counted together.
    ids, first = labels.group_ids()
    counts = np.zeros((len(first), vector.n_steps))
    np.add.at(counts, (ids[series], steps), 1.0)
    kinds = np.where(counts > 0, KIND_FLOAT, KIND_ABSENT).astype(np.uint8)
    return Vector(labels.take(first), counts, kinds)


def _texts(vector: Vector, rows: NDArray[np.intp], steps: NDArray[np.intp]) -> NDArray[np.object_]:
    values = vector.values[rows, steps]
    distinct, inverse = np.unique(values.view(np.uint64), return_inverse=True)
    written = np.array([decimal_text(value) for value in distinct.view(np.float64).tolist()], dtype=object)
    texts: NDArray[np.object_] = written[inverse]
    if vector.histograms is not None:
        found = vector.histograms[rows, steps]
        for i in np.flatnonzero(found.present()).tolist():
            texts[i] = histogram_text(found.sparse(i))
    return texts


def decimal_text(value: float) -> str:
    """Return the shortest decimal without an exponent, as Go's format ``f`` writes it."""
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return np.format_float_positional(value, trim="-")


def check_label_name(label: str) -> None:
    """Raise ExecutionError for what cannot be the name of a label."""
    try:
        valid = bool(label) and bool(label.encode())
    except UnicodeEncodeError:
        valid = False
    if not valid:
        raise ExecutionError(f"invalid label name {quote_bytes(label)}", id="promql-bad-label-name")


def quote_bytes(text: str) -> str:
    r"""Return the text in quotes, with bytes that are not UTF-8 as ``\xNN``."""
    raw = text.encode("utf-8", "surrogateescape")
    return quote(raw.decode("utf-8", "backslashreplace")).replace("\\\\x", "\\x")
