"""Reading a store back, in the plainest form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.labels import format_labels
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import STALE_BITS

if TYPE_CHECKING:
    from bongsu.storage.contract import ProjectStore

STALE = "stale"
_EVER = 2**62


def samples_of(store: ProjectStore, name: str = ".*") -> dict[str, list[tuple[int, float | str]]]:
    """Return (time, value) of every sample by series as text; stale markers as `STALE`."""
    result: dict[str, list[tuple[int, float | str]]] = {}
    with store.select([Matcher("__name__", MatchOp.REGEX, name)], -_EVER, _EVER) as selection:
        view = selection.chunks(0, selection.labels.n_series)
        for row, labels in enumerate(selection.labels.maps()):
            found: list[tuple[int, float | str]] = []
            for chunk in range(view.first_chunk[row], view.first_chunk[row + 1]):
                start, count = view.offset[chunk], view.count[chunk]
                times = view.data[start : start + 8 * count].view(np.int64)
                begin = start + 8 * count * (1 + int(view.flags[chunk]))
                bits = view.data[begin : begin + 8 * count].view(np.uint64)
                found += [
                    (int(t), STALE if int(b) == STALE_BITS else float(np.uint64(b).view(np.float64)))
                    for t, b in zip(times, bits, strict=True)
                ]
            result[format_labels(labels)] = found
    return result
