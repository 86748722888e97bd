"""Native histograms as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.promql.annotations import go_float
from bongsu.promql.histograms.sparse import Bucket

if TYPE_CHECKING:
    from bongsu.promql.histograms.sparse import Sparse


def histogram_text(sparse: Sparse) -> str:
    """Return a histogram as Prometheus writes it, such as ``{count:3, sum:4, (1,2]:3}``."""
    parts = [f"count:{go_float(sparse.count)}", f"sum:{go_float(sparse.sum)}"]
    buckets = list(sparse.all_buckets())
    if sparse.zero_count < 0:
        # What subtraction leaves is shown, though no function looks at it.
        buckets.append(Bucket(-sparse.zero_threshold, sparse.zero_threshold, sparse.zero_count))
    for bucket in sorted(buckets, key=lambda bucket: bucket.lower):
        lower, upper, count = bucket.lower, bucket.upper, bucket.count
        if count == 0:
            continue
        # A bucket ends with the bound that is farther from zero; the zero bucket has both.
        opening, closing = "[" if lower < 0 else "(", "]" if upper > 0 else ")"
        parts.append(f"{opening}{go_float(lower)},{go_float(upper)}{closing}:{go_float(count)}")
    return "{" + ", ".join(parts) + "}"
