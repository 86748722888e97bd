"""Range functions of series that hold native histograms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bongsu.promql.errors import NotImplementedYet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bongsu.kernels.windows import WindowOp
    from bongsu.model.label_columns import LabelColumns
    from bongsu.promql.execute.context import Context
    from bongsu.promql.execute.samples import SampleBlock
    from bongsu.promql.execute.sources import Cells
    from bongsu.promql.parser.ast import Span


@dataclass(frozen=True, slots=True)
class HistogramWindows:
    """Computes the windows of one row at a time."""

    op: WindowOp
    ends: NDArray[np.int64]
    span: int
    params: NDArray[np.float64]
    labels: LabelColumns
    place: Span
    context: Context

    def __call__(
        self, row: int, block: SampleBlock, block_row: int, cells: Cells, histograms: NDArray[np.object_]
    ) -> None:
        """Refuse: native histograms are not built yet."""
        del row, block, block_row, cells, histograms
        raise NotImplementedYet(f"{self.op.name.lower()}() of native histograms")
