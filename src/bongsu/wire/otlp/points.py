"""
Metrics requests in protobuf whose cumulative numbers and histograms are arrays; what stands beside these, metrics of other kinds and
exemplars, is read by `bongsu.wire.otlp.protobuf`, and so is every other request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels import otlp_points as kernel
from bongsu.kernels.remote_write import hash_bytes, insert_series
from bongsu.wire.otlp.limits import BadItem, MalformedOtlp, Refusals
from bongsu.wire.otlp.protobuf import read_exemplar, read_metric

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from bongsu.wire.otlp.limits import OtlpLimits
    from bongsu.wire.otlp.values import Metric, PointExemplar, Refused

_LEAST_MESSAGE_BYTES = 2
"""Tag and length: a shorter body than the limit on parts times this is within it."""

_LEAST_SAMPLE_BYTES = 16
"""A number has 20 bytes without attributes, a bucket 16; what is denser is rare, and read by protobuf's own parser."""

_SPARE_SAMPLES = 64
"""Beyond these, so that the smallest requests have room."""

_LEAST_EXEMPLAR_BYTES = 32
"""One of a trace has 50; a request of many smaller ones is read in full."""

_MOST_APART = 4_096
"""Metrics of one request that are read on their own; a request with more is read in full anyway."""


@dataclass(frozen=True, slots=True)
class Details:
    """
    What of a request is not in arrays.

    Attributes
    ----------
    wanted, others
        Plain metrics with wanted names, and metrics that are not plain, by the number of their group.
    exemplars
        Those of plain metrics, with the sample that each belongs to.
    refused
        Points of the others that cannot be taken.
    """

    wanted: dict[int, list[Metric]]
    others: dict[int, list[Metric]]
    exemplars: list[tuple[int, PointExemplar]]
    refused: Refused


@dataclass(frozen=True, slots=True)
class Points:
    """
    A request whose resources and scopes are plain.

    Attributes
    ----------
    hashes : ndarray of uint64, shape (n_samples, 2)
        Equal for samples of one series: of all bytes that decide it.
    times, starts : ndarray of int64, shape (n_samples,)
        Unix milliseconds; a start of 0 is none.
    values : ndarray of float64, shape (n_samples,)
        A histogram's are its buckets, added up, its sum if it has one, and its count.
    groups : ndarray of int64, shape (n_groups, 6)
        Of each scope of each resource in order, with the columns that `bongsu.kernels.otlp_points` names.
    has_histograms
        Whether there are plain histograms beside numbers.
    apart : ndarray of int64, shape (n_apart, 5)
        Metrics that are read on their own, with the columns that the kernel names.
    exemplars : ndarray of int64, shape (n_exemplars, 5)
        As the kernel names them.
    """

    body: bytes
    limits: OtlpLimits
    hashes: NDArray[np.uint64]
    times: NDArray[np.int64]
    starts: NDArray[np.int64]
    values: NDArray[np.float64]
    groups: NDArray[np.int64]
    has_histograms: bool
    apart: NDArray[np.int64]
    exemplars: NDArray[np.int64]

    def details(self) -> Details | None:
        """Return what is not in the arrays; None for a request that must be read in full to be judged."""
        wanted: dict[int, list[Metric]] = {}
        others: dict[int, list[Metric]] = {}
        refusals = Refusals()
        points = int(self.groups[:, kernel.POINTS].sum())
        try:
            for group, _, plain, begin, end in self.apart.tolist():
                metric = read_metric(self.body[begin:end], self.limits, refusals)
                if metric is not None:
                    (wanted if plain else others).setdefault(group, []).append(metric)
                    points += 0 if plain else len(metric.points)
            exemplars = [self._exemplar(*row) for row in self.exemplars.tolist()]
        except (MalformedOtlp, BadItem):
            return None
        refused = refusals.total()
        if points + refused.count > self.limits.max_points:
            return None
        return Details(wanted, others, exemplars, refused)

    def _exemplar(
        self, sample: int, begin: int, end: int, bounds_begin: int, bounds_end: int
    ) -> tuple[int, PointExemplar]:
        exemplar = read_exemplar(self.body[begin:end], self.limits)
        bounds = np.frombuffer(self.body[bounds_begin:bounds_end], dtype="<f8")
        return sample + int((bounds < exemplar.value).sum()), exemplar


class PointReader:
    """
    Reads such requests. Any thread may use it.

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
        """Return a request whose resources and scopes are plain, and that is within all limits; None for any other."""
        limits = self.limits
        if len(body) > _LEAST_MESSAGE_BYTES * limits.max_messages:
            return None
        room = len(body) // _LEAST_SAMPLE_BYTES + _SPARE_SAMPLES
        counts = np.zeros(7, dtype=np.int64)
        hashes = np.empty((room, 2), dtype=np.uint64)
        samples = np.empty((3, room), dtype=np.int64)
        groups = np.empty((min(limits.max_groups, len(body)), 6), dtype=np.int64)
        apart = np.empty((_MOST_APART, 5), dtype=np.int64)
        exemplars = np.empty((len(body) // _LEAST_EXEMPLAR_BYTES, 5), dtype=np.int64)
        data = np.frombuffer(body, dtype=np.uint8)
        seeds, wanted = self._seeds, self._wanted
        if not kernel.read_points(data, seeds, wanted, counts, hashes, samples, groups, apart, exemplars):
            return None
        n_samples, n_points, n_histograms, n_exemplars, n_groups, n_resources, n_apart = counts.tolist()
        if (
            n_samples > room
            or n_points > limits.max_points
            or n_exemplars > len(exemplars)
            or n_groups + n_resources > limits.max_groups
            or n_apart > _MOST_APART
        ):
            return None
        return Points(
            body,
            limits,
            hashes[:n_samples],
            samples[kernel.TIMES, :n_samples],
            samples[kernel.STARTS, :n_samples],
            samples[kernel.VALUES, :n_samples].view(np.float64),
            groups[:n_groups],
            n_histograms > 0,
            apart[:n_apart],
            exemplars[:n_exemplars],
        )


def _table(names: Collection[str], seeds: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the hashes of names as the table that the kernel looks into: half empty, so that look-ups end."""
    encoded = [name.encode() for name in names]
    places = np.zeros((len(encoded), 2), dtype=np.int64)
    np.cumsum([len(name) for name in encoded], out=places[:, 1])
    places[1:, 0] = places[:-1, 1]
    hashes = np.empty((len(encoded), 2), dtype=np.uint64)
    # Read-only bytes and columns of a table, as requests have them: for others the kernel would be compiled once more.
    hash_bytes(np.frombuffer(b"".join(encoded), dtype=np.uint8), places[:, 0], places[:, 1], seeds, hashes)
    capacity = 1 << (2 * len(encoded) + 1).bit_length()
    table, slots = np.zeros((capacity, 2), dtype=np.uint64), np.zeros(len(encoded), dtype=np.int64)
    insert_series(hashes, slots, table, np.zeros(capacity, dtype=np.int64), slots.copy())
    return table
