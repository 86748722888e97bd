"""All samples of a store, as plain values, for tests that compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.model.labels import format_labels
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.storage.histograms import decode_histogram
from bongsu.storage.raw import read_chunk

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
                for sample in read_chunk(view, chunk):
                    value = sample.value
                    samples[sample.timestamp] = decode_histogram(value) if isinstance(value, bytes) else value
    return found


def stored_histograms(store: ProjectStore, **labels: str) -> dict[str, dict[int, Histogram]]:
    """Return the native histograms among what `stored` returns; series without any are left out."""
    found = {
        series: {at: value for at, value in samples.items() if not isinstance(value, float)}
        for series, samples in stored(store, **labels).items()
    }
    return {series: samples for series, samples in found.items() if samples}
