"""
Side buffers: the samples of a series that its open row cannot take, namely late ones, overwriting ones and histograms.

A side sample hides the open or sealed one at the same time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.kernels.merge import BITS, FLOAT, SIZE, START, TIME
from bongsu.storage.raw import Sample
from bongsu.storage.refusals import value_bytes
from bongsu.tsdb.parts import Extra, no_extra

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_NONE = np.empty(0, dtype=np.int64)


class LateFloats(NamedTuple):
    """Float samples in columns, times strictly increasing; never changed, only replaced."""

    times: NDArray[np.int64] = _NONE
    bits: NDArray[np.int64] = _NONE
    starts: NDArray[np.int64] = _NONE

    def find(self, time: int) -> int:
        """Return the position of a time, -1 when it is not there."""
        at = int(np.searchsorted(self.times, time))
        return at if at < len(self.times) and self.times[at] == time else -1

    def with_samples(self, added: LateFloats) -> LateFloats:
        """Return these samples and some more, in any order; of equal times the last one stays."""
        table = np.concatenate((np.stack(self), np.stack(added)), axis=1)
        table = table[:, np.argsort(table[0], kind="stable")]
        last = np.append(table[0, 1:] != table[0, :-1], True)
        return LateFloats(*np.ascontiguousarray(table[:, last]))

    def between(self, start_ms: int, end_ms: int) -> LateFloats:
        """Return the samples in a closed range."""
        low = np.searchsorted(self.times, start_ms, side="left")
        high = np.searchsorted(self.times, end_ms, side="right")
        return LateFloats(*(column[low:high] for column in self))

    def without(self, start_ms: int, end_ms: int) -> LateFloats:
        """Return the samples outside a closed range."""
        outside = (self.times < start_ms) | (self.times > end_ms)
        return LateFloats(*(column[outside] for column in self))

    def samples(self) -> list[Sample]:
        """Return the samples as objects."""
        return [
            Sample(time, value, start)
            for time, value, start in zip(
                self.times.tolist(), self.bits.view(np.float64).tolist(), self.starts.tolist(), strict=True
            )
        ]


class Side:
    """The side buffer of one series. The database's lock guards it; `samples` copies."""

    __slots__ = ("floats", "histograms")

    def __init__(self) -> None:
        self.floats = LateFloats()
        self.histograms: dict[int, Sample] = {}

    def __len__(self) -> int:
        return len(self.floats.times) + len(self.histograms)

    def get(self, time: int) -> Sample | None:
        """Return the sample at a time."""
        found = self.histograms.get(time)
        if found is not None:
            return found
        at = self.floats.find(time)
        return None if at < 0 else LateFloats(*(column[at : at + 1] for column in self.floats)).samples()[0]

    def touches(self, start_ms: int, end_ms: int) -> bool:
        """Tell whether a closed range holds a sample."""
        times = self.floats.times
        at = int(times.searchsorted(start_ms))
        return (at < len(times) and bool(times[at] <= end_ms)) or any(
            start_ms <= t <= end_ms for t in self.histograms
        )

    def bounds(self) -> tuple[int, ...]:
        """Return times that include the first and the last."""
        return (
            (*self.histograms, *self.floats.times[[0, -1]].tolist())
            if len(self.floats.times)
            else (*self.histograms,)
        )

    def delete(self, start_ms: int, end_ms: int) -> None:
        """Remove the samples in a closed range."""
        self.floats = self.floats.without(start_ms, end_ms)
        self.histograms = {t: s for t, s in self.histograms.items() if not start_ms <= t <= end_ms}


def join_sides(sides: Sequence[tuple[int, Side]], start_ms: int, end_ms: int) -> Extra:
    """Return what side buffers, each with the number of its row, rising, hold in a closed range."""
    floats = [(row, side.floats.between(start_ms, end_ms)) for row, side in sides]
    histograms = [
        (row, sample)
        for row, side in sides
        for time, sample in side.histograms.items()
        if start_ms <= time <= end_ms
    ]
    n_floats = sum(len(late.times) for _, late in floats)
    if not n_floats and not histograms:
        return no_extra()
    samples = np.empty((4, n_floats + len(histograms)), dtype=np.int64)
    samples[TIME, :n_floats] = np.concatenate([_NONE, *(late.times for _, late in floats)])
    samples[BITS, :n_floats] = np.concatenate([_NONE, *(late.bits for _, late in floats)])
    samples[START, :n_floats] = np.concatenate([_NONE, *(late.starts for _, late in floats)])
    samples[SIZE, :n_floats] = FLOAT
    owners = np.repeat([row for row, _ in sides], [len(late.times) for _, late in floats])
    if not histograms:
        return _extra(owners, samples, ())
    encoded = [value_bytes(sample.value) for _, sample in histograms]
    payload = np.frombuffer(b"".join(encoded), dtype=np.uint8)
    samples[TIME, n_floats:] = [sample.timestamp for _, sample in histograms]
    samples[START, n_floats:] = [sample.start for _, sample in histograms]
    samples[SIZE, n_floats:] = sizes = list(map(len, encoded))
    samples[BITS, n_floats:] = payload.ctypes.data + np.cumsum([0, *sizes[:-1]])
    owners = np.concatenate((owners, [row for row, _ in histograms]))
    order = np.lexsort((samples[TIME], owners))
    return _extra(owners[order], np.ascontiguousarray(samples[:, order]), (payload,))


def _extra(owners: NDArray[np.int64], samples: NDArray[np.int64], kept: tuple[object, ...]) -> Extra:
    begins = np.flatnonzero(np.append(True, owners[1:] != owners[:-1]))
    return Extra(owners[begins].astype(np.int64), np.append(begins, len(owners)), samples, kept)
