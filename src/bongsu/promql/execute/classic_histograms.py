"""Quantiles and fractions of classic histograms: one series per bucket, its upper bound in the label ``le``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.buckets import classic_buckets
from bongsu.model.matchers import quote
from bongsu.model.samples import KIND_FLOAT
from bongsu.promql.annotations import of_metric
from bongsu.promql.execute.shape import RESERVED_LABELS, merge_equal, name_of
from bongsu.promql.values import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.promql.execute.context import Context
    from bongsu.promql.parser.ast import Span

BUCKET_LABEL = "le"


@dataclass(frozen=True, slots=True)
class Buckets:
    """
    Bucket series of classic histograms.

    Attributes
    ----------
    vector
        The bucket series, those without a usable bound left out.
    upper : ndarray of float64, shape (n_series,)
        Upper bound of each.
    ids : ndarray of int64, shape (n_series,)
        Histogram of each.
    labels
        Labels of the histograms, names included.
    """

    vector: Vector
    upper: NDArray[np.float64]
    ids: NDArray[np.int64]
    labels: LabelColumns

    def layout(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the series histogram by histogram, bounds not decreasing, and where each histogram begins."""
        counts = np.bincount(self.ids, minlength=len(self.labels))
        order = np.lexsort((self.upper, self.ids))
        return order, np.concatenate(([0], np.cumsum(counts))).astype(np.int64)


def find_buckets(vector: Vector, context: Context, span: Span) -> Buckets:
    """Return the histograms that the float series of a vector make up; series with a bad ``le`` get a warning."""
    column = vector.labels.get(BUCKET_LABEL)
    texts = np.full(vector.n_series, "", dtype=object) if column is None else column.texts()
    bounds = {text: _bound(str(text)) for text in set(texts)}
    usable = np.array([bounds[text] is not None for text in texts], dtype=np.bool_)
    has_floats = (vector.kind_matrix() == KIND_FLOAT).any(axis=1)
    for row in np.flatnonzero(~usable & has_floats):
        context.query.annotations.warn(
            f'bucket label "le" is missing or has a malformed value of {quote(str(texts[row]))}'
            + of_metric(name_of(vector.labels, int(row))),
            span,
        )
    kept = vector.take(usable & has_floats)
    upper = np.array([bounds[text] for text in texts[usable & has_floats]], dtype=np.float64)
    without_bound = kept.labels.drop([BUCKET_LABEL])
    ids, first = without_bound.group_ids()
    return Buckets(kept, upper, ids, without_bound.take(first))


def classic_values(
    buckets: Buckets, params: NDArray[np.float64], context: Context, span: Span, *, fraction: bool
) -> Vector:
    """
    Return the quantile, or the fraction between two bounds, of each histogram; names are still there.

    Parameters
    ----------
    params : ndarray of float64, shape (2, n_steps)
        The quantile; or the lower and upper bound.
    """
    shape = (len(buckets.labels), buckets.vector.n_steps)
    out, kinds = np.empty(shape), np.empty(shape, dtype=np.uint8)
    fixes = np.zeros((*shape, 4))
    classic_buckets(
        buckets.vector.values,
        buckets.vector.kind_matrix(),
        buckets.upper,
        buckets.layout(),
        params,
        (out, kinds),
        fixes,
        fraction=fraction,
    )
    _note_falls(buckets.labels, fixes, context, span)
    drop_name = None
    if buckets.vector.drop_name is not None:
        drop_name = np.zeros(shape[0], dtype=np.bool_)
        drop_name[buckets.ids] = buckets.vector.drop_name
    return Vector(buckets.labels, out, kinds, None, drop_name)


def _note_falls(labels: LabelColumns, fixes: NDArray[np.float64], context: Context, span: Span) -> None:
    times = context.grid.times()
    for row in np.flatnonzero(fixes[:, :, 0].any(axis=1)).tolist():
        steps = np.flatnonzero(fixes[row, :, 0])
        fall = fixes[row, steps]
        context.query.annotations.forced_monotonic(
            name_of(labels, row),
            span,
            (float(fall[:, 1].min()), float(fall[:, 2].max())),
            float(fall[:, 3].max()),
            (int(times[steps[0]]), int(times[steps[-1]]), len(steps)),
        )


def _bound(text: str) -> float | None:
    """Return the number that ``le`` holds; spaces and underscores, which Python would accept, are no part of one."""
    if not text or text != text.strip() or "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def without_names(vector: Vector, context: Context) -> Vector:
    """Return histogram results without the metric name, now or at the query's end."""
    if context.query.delays_names:
        return replace(vector, drop_name=np.ones(vector.n_series, dtype=np.bool_))
    return merge_equal(replace(vector, labels=vector.labels.drop(RESERVED_LABELS)))
