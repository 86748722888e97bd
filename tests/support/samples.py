"""All samples of a store, as plain values, for tests that compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.labels import format_labels
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import KIND_FLOAT
from bongsu.storage.contract import FLAG_STARTS
from bongsu.storage.histograms import decode_histogram

if TYPE_CHECKING:
    from bongsu.model.histograms import Histogram
    from bongsu.storage.contract import ProjectStore

FOREVER = 2**62


def stored(store: ProjectStore, **labels: str) -> dict[str, dict[int, float | Histogram]]:
    """Return the samples of the matching series of a store that hands out raw chunks: by PromQL text, then by time."""
    matchers = [Matcher(name, MatchOp.EQUAL, value) for name, value in labels.items()]
    found: dict[str, dict[int, float | Histogram]] = {}
    with store.select(matchers, 0, FOREVER) as selection:
        maps = selection.labels.maps()
        view = selection.chunks(0, len(maps))
        for row, names in enumerate(maps):
            samples = found.setdefault(format_labels(names), {})
            for chunk in range(int(view.first_chunk[row]), int(view.first_chunk[row + 1])):
                data = view.data[int(view.offset[chunk]) :]
                count = int(view.count[chunk])
                times = data[: 8 * count].view(np.int64).tolist()
                data = data[8 * count * (2 if view.flags[chunk] & FLAG_STARTS else 1) :]
                if view.kind[chunk] == KIND_FLOAT:
                    samples.update(zip(times, data[: 8 * count].view(np.float64).tolist(), strict=True))
                else:
                    offsets = data[: 4 * (count + 1)].view(np.uint32).tolist()
                    payload = data[4 * (count + 1) :].tobytes()
                    for i, time in enumerate(times):
                        samples[time] = decode_histogram(payload[offsets[i] : offsets[i + 1]])
    return found
