"""A store whose old references can be declared unknown, as after a series has left it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.storage.contract import Resolution
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bongsu.model.samples import SampleBatch
    from bongsu.storage.contract import AppendResult


class ForgetfulStore(MemoryProjectStore):
    """References are given out plus `shift`; those that were given out under another shift are unknown."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = 0

    def resolve(self, keys: Sequence[bytes]) -> Resolution:
        resolution = super().resolve(keys)
        return Resolution(resolution.refs + self.shift, resolution.rejections)

    def append(self, batch: SampleBatch) -> AppendResult:
        histograms = replace(batch.histograms, refs=self._inner(batch.histograms.refs))
        return super().append(replace(batch, refs=self._inner(batch.refs), histograms=histograms))

    def _inner(self, refs: NDArray[np.int64]) -> NDArray[np.int64]:
        inner = refs - self.shift
        return np.where((inner < 0) | (inner >= 1_000), 10**9, inner)
