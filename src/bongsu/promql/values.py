"""
What an expression is worth: label columns beside a matrix of series and steps.

An instant query is the case of one step. Absence is not NaN: a cell without a sample has the kind `KIND_ABSENT`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bongsu.model.samples import KIND_ABSENT, KIND_FLOAT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.promql.histograms.columns import HistogramArray
    from bongsu.promql.plan.trace import PlanStep


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number at every step; `values` has the shape (n_steps,)."""

    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class String:
    """A text, the same at every step."""

    text: str


@dataclass(frozen=True, slots=True)
class Vector:
    """
    The cells of many series at every step.

    Attributes
    ----------
    values : ndarray of float64, shape (n_series, n_steps)
        Undefined where the kind is not `KIND_FLOAT`. Nobody writes into it once the vector is made.
    kinds : ndarray of uint8, shape (n_series, n_steps), optional
        `KIND_ABSENT`, `KIND_FLOAT` or `KIND_HISTOGRAM`; None means that every cell is a float.
    histograms : HistogramArray, shape (n_series, n_steps), optional
        The histogram of each cell of that kind; no array when there is none at all.
    drop_name : ndarray of bool, shape (n_series,), optional
        Series whose metric name goes when the query ends; only while names are removed with delay.
    ordered
        The order of the rows is part of the result, as after ``sort`` or ``topk``.
    """

    labels: LabelColumns
    values: NDArray[np.float64]
    kinds: NDArray[np.uint8] | None = None
    histograms: HistogramArray | None = None
    drop_name: NDArray[np.bool_] | None = None
    ordered: bool = False

    @property
    def n_series(self) -> int:
        """Rows of the matrix."""
        return int(self.values.shape[0])

    @property
    def n_steps(self) -> int:
        """Columns of the matrix."""
        return int(self.values.shape[1])

    def kind_matrix(self) -> NDArray[np.uint8]:
        """Return the kind of every cell, also when all are floats."""
        if self.kinds is not None:
            return self.kinds
        return np.full(self.values.shape, KIND_FLOAT, dtype=np.uint8)

    def present(self) -> NDArray[np.bool_]:
        """Tell for each cell whether it holds anything."""
        if self.kinds is None:
            return np.ones(self.values.shape, dtype=np.bool_)
        return np.not_equal(self.kinds, KIND_ABSENT)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Vector:
        """Return the rows given by indices or a mask."""
        return Vector(
            self.labels.take(rows),
            self.values[rows],
            None if self.kinds is None else self.kinds[rows],
            None if self.histograms is None else self.histograms[rows],
            None if self.drop_name is None else self.drop_name[rows],
            self.ordered,
        )


@dataclass(frozen=True, slots=True)
class RangeVector:
    """
    The raw samples of a range selector in an instant query.

    Attributes
    ----------
    offsets : ndarray of int64, shape (n_series + 1,)
        Series *i* owns samples ``offsets[i]:offsets[i + 1]``.
    timestamps : ndarray of int64, shape (n_samples,)
        Unix milliseconds.
    values : ndarray of float64, shape (n_samples,)
    kinds, histograms
        As in `Vector`, shape (n_samples,).
    """

    labels: LabelColumns
    offsets: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]
    kinds: NDArray[np.uint8] | None = None
    histograms: HistogramArray | None = None


Value: TypeAlias = Scalar | String | Vector
"""What an expression evaluates to inside of a query; range vectors are met by functions only."""


@dataclass(frozen=True, slots=True)
class QueryStats:
    """
    What a query cost.

    Attributes
    ----------
    seconds
        Time from the text to the value.
    samples
        Samples that were read from the store.
    peak_samples
        Most samples and cells that were held at once.
    series
        Series that were selected.
    has_types
        Whether any of them says by a reserved label, beside its name, what it is.
    """

    seconds: float = 0.0
    samples: int = 0
    peak_samples: int = 0
    series: int = 0
    has_types: bool = False


@dataclass(frozen=True, slots=True)
class QueryResult:
    """
    The answer of a query.

    Attributes
    ----------
    steps : ndarray of int64, shape (n_steps,)
        Unix milliseconds; one step for an instant query.
    warnings, infos
        Notes for the user, each with line and column, in order of their text.
    plan
        What was done and what each step cost, if it was asked for.
    """

    value: Scalar | String | Vector | RangeVector
    steps: NDArray[np.int64]
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    stats: QueryStats = field(default_factory=QueryStats)
    plan: PlanStep | None = None
