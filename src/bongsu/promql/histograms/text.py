"""Native histograms as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.promql.annotations import go_float
from bongsu.promql.histograms.sparse import Bucket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bongsu.promql.histograms.sparse import Sparse


def histogram_text(sparse: Sparse) -> str:
    """Return a histogram as Prometheus writes it, such as ``{count:3, sum:4, (1,2]:3}``."""
    parts = [f"count:{go_float(sparse.count)}", f"sum:{go_float(sparse.sum)}"]
    for bucket in _all_buckets(sparse):
        lower, upper, count = bucket.lower, bucket.upper, bucket.count
        if count == 0:
            continue
        # A bucket ends with the bound that is farther from zero; the zero bucket has both.
        opening, closing = "[" if lower < 0 else "(", "]" if upper > 0 else ")"
        parts.append(f"{opening}{go_float(lower)},{go_float(upper)}{closing}:{go_float(count)}")
    return "{" + ", ".join(parts) + "}"


def _all_buckets(sparse: Sparse) -> Iterator[Bucket]:
    """Yield all buckets with their full bounds; what subtraction leaves below zero is shown, though no function looks at it."""
    for index in sorted(sparse.negative, reverse=True):
        lower, upper = sparse.bounds(index)
        yield Bucket(-upper, -lower, sparse.negative[index])
    if sparse.zero_count:
        yield Bucket(-sparse.zero_threshold, sparse.zero_threshold, sparse.zero_count)
    for index in sorted(sparse.positive):
        yield Bucket(*sparse.bounds(index), sparse.positive[index])
