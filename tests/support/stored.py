"""Reading a store back, in the plainest form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.labels import format_labels
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import STALE_BITS
from bongsu.storage.histograms import decode_histogram
from bongsu.storage.raw import read_selection

if TYPE_CHECKING:
    from bongsu.model.histograms import Histogram
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
                count = int(view.count[chunk])
                words = view.chunk_bytes(chunk, 8 * count * (2 + int(view.flags[chunk]))).view(np.uint64)
                times, bits = words[:count].view(np.int64), words[-count:]
                found += [
                    (int(t), STALE if int(b) == STALE_BITS else float(np.uint64(b).view(np.float64)))
                    for t, b in zip(times, bits, strict=True)
                ]
            result[format_labels(labels)] = found
    return result


def histograms_of(store: ProjectStore, name: str) -> list[Histogram]:
    """Return the native histograms of all series of a metric, in the store's order."""
    with store.select([Matcher("__name__", MatchOp.EQUAL, name)], -_EVER, _EVER) as selection:
        rows = [sample for samples in read_selection(selection, -_EVER, _EVER) for sample in samples]
    return [decode_histogram(sample.value) for sample in rows if isinstance(sample.value, bytes)]
