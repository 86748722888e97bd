"""Metrics requests of cumulative numbers and histograms in protobuf, as arrays; every other request is for `bongsu.wire.otlp.protobuf`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels import otlp_points as kernel
from bongsu.kernels.remote_write import hash_bytes, insert_series
from bongsu.wire.otlp.protobuf import read_metric

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from bongsu.wire.otlp.limits import OtlpLimits
    from bongsu.wire.otlp.values import Metric

_LEAST_MESSAGE_BYTES = 2
"""Tag and length: a shorter body than the limit on parts times this is within it."""

_LEAST_SAMPLE_BYTES = 16
"""A number has 20 bytes without attributes, a bucket 16; what is denser is rare, and read by protobuf's own parser."""

_SPARE_SAMPLES = 64
"""Beyond these, so that the smallest requests have room."""

_MOST_WANTED = 4_096
"""Metrics that the real-time numbers want of one request; a request with more is read in full anyway."""


@dataclass(frozen=True, slots=True)
class Points:
    """
    A plain request.

    Attributes
    ----------
    hashes : ndarray of uint64, shape (n_samples, 2)
        Equal for samples of one series: of all bytes that decide it.
    times, starts : ndarray of int64, shape (n_samples,)
        Unix milliseconds; a start of 0 is none.
    values : ndarray of float64, shape (n_samples,)
        A histogram's are its buckets, added up, its sum if it has one, and its count.
    groups : ndarray of int64, shape (n_groups, 5)
        Of each scope of each resource in order, with the columns that `bongsu.kernels.otlp_points` names.
    has_histograms
        Whether there are histograms beside numbers.
    """

    body: bytes
    hashes: NDArray[np.uint64]
    times: NDArray[np.int64]
    starts: NDArray[np.int64]
    values: NDArray[np.float64]
    groups: NDArray[np.int64]
    has_histograms: bool
    wanted: NDArray[np.int64]

    def metrics(self, limits: OtlpLimits) -> dict[int, list[Metric]]:
        """Return the metrics with wanted names by the number of their group. All their bytes but numbers were read once before."""
        found: dict[int, list[Metric]] = {}
        for group, begin, end in self.wanted.tolist():
            metric = read_metric(self.body[begin:end], limits)
            if metric is not None:
                found.setdefault(group, []).append(metric)
        return found


class PointReader:
    """
    Reads plain requests. Any thread may use it.

    Parameters
    ----------
    seeds : ndarray of uint64, shape (2,)
        Secret, so that nobody can make two series meet on purpose.
    wanted
        Names of metrics that are wanted in full beside their samples.
    """

    def __init__(self, limits: OtlpLimits, seeds: NDArray[np.uint64], wanted: Collection[str]) -> None:
        self.limits = limits
        self._seeds = seeds
        self._wanted = _table(wanted, seeds)

    def read(self, body: bytes) -> Points | None:
        """Return a plain request within all limits, None for any other."""
        limits = self.limits
        if len(body) > _LEAST_MESSAGE_BYTES * limits.max_messages:
            return None
        room = len(body) // _LEAST_SAMPLE_BYTES + _SPARE_SAMPLES
        counts = np.zeros(6, dtype=np.int64)
        hashes = np.empty((room, 2), dtype=np.uint64)
        samples = np.empty((3, room), dtype=np.int64)
        groups = np.empty((min(limits.max_groups, len(body)), 5), dtype=np.int64)
        wanted = np.empty((_MOST_WANTED, 3), dtype=np.int64)
        data = np.frombuffer(body, dtype=np.uint8)
        if not kernel.read_points(data, self._seeds, self._wanted, counts, hashes, samples, groups, wanted):
            return None
        n_samples, n_groups, n_resources, n_points, n_histograms, n_wanted = counts.tolist()
        if (
            n_samples > room
            or n_points > limits.max_points
            or n_groups + n_resources > limits.max_groups
            or n_wanted > _MOST_WANTED
        ):
            return None
        return Points(
            body,
            hashes[:n_samples],
            samples[kernel.TIMES, :n_samples],
            samples[kernel.STARTS, :n_samples],
            samples[kernel.VALUES, :n_samples].view(np.float64),
            groups[:n_groups],
            n_histograms > 0,
            wanted[:n_wanted],
        )


def _table(names: Collection[str], seeds: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the hashes of names as the table that the kernel looks into: half empty, so that look-ups end."""
    encoded = [name.encode() for name in names]
    ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
    begins = ends - np.array([len(name) for name in encoded], dtype=np.int64)
    hashes = np.empty((len(encoded), 2), dtype=np.uint64)
    hash_bytes(np.frombuffer(b"".join(encoded), dtype=np.uint8), begins, ends, seeds, hashes)
    capacity = 1 << (2 * len(encoded) + 1).bit_length()
    table, slots = np.zeros((capacity, 2), dtype=np.uint64), np.zeros(len(encoded), dtype=np.int64)
    insert_series(hashes, slots, table, np.zeros(capacity, dtype=np.int64), slots.copy())
    return table
