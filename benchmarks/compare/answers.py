"""Holds the answers of two programs against each other, so that nobody is measured on a wrong one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Series = dict[tuple[tuple[str, str], ...], "tuple[NDArray[np.float64], NDArray[np.float64]]"]
"""Times and values by label set."""

TOLERANCE = 1e-9
"""Relative; sums may be added up in another order."""


@dataclass(frozen=True, slots=True)
class Difference:
    """
    How two answers differ.

    Attributes
    ----------
    only_ours, only_theirs
        Points, of whatever series, that only one of them has.
    largest
        Largest relative difference between values that both have.
    """

    points: int
    only_ours: int
    only_theirs: int
    largest: float

    @property
    def agrees(self) -> bool:
        """Whether it is the same answer."""
        return not self.only_ours and not self.only_theirs and self.largest <= TOLERANCE

    def __str__(self) -> str:
        """Say it in a few words."""
        if self.agrees:
            return "the same"
        parts = [f"values differ by up to {self.largest:.2g}"] if self.largest > TOLERANCE else []
        if self.only_ours or self.only_theirs:
            parts.append(
                f"{self.only_ours} of {self.points} points are missing there, {self.only_theirs} here"
            )
        return ", ".join(parts)


def read_matrix(data: Any) -> Series:
    """
    Return the series of the data of a range query, without their names.

    Some functions keep the name in VictoriaMetrics and drop it elsewhere; no query asks for two metrics at once.
    """
    found: Series = {}
    for one in data["result"]:
        points = one["values"]
        times = np.array([point[0] for point in points], dtype=np.float64)
        values = np.array([float(point[1]) for point in points], dtype=np.float64)
        labels = {name: value for name, value in one["metric"].items() if name != "__name__"}
        found[tuple(sorted(labels.items()))] = (times, values)
    return found


def compare(ours: Series, theirs: Series) -> Difference:
    """Compare two answers to the same question."""
    points = sum(len(times) for times, _ in ours.values())
    only_ours = sum(len(times) for labels, (times, _) in ours.items() if labels not in theirs)
    only_theirs = sum(len(times) for labels, (times, _) in theirs.items() if labels not in ours)
    largest = 0.0
    for labels in ours.keys() & theirs.keys():
        (our_times, our_values), (their_times, their_values) = ours[labels], theirs[labels]
        common, here, there = np.intersect1d(our_times, their_times, return_indices=True)
        only_ours += len(our_times) - len(common)
        only_theirs += len(their_times) - len(common)
        if len(common):
            largest = max(largest, _largest_difference(our_values[here], their_values[there]))
    return Difference(points, only_ours, only_theirs, largest)


def _largest_difference(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.abs(ours - theirs) / np.maximum(np.abs(ours), np.abs(theirs))
    # A NaN or an infinity against a number is as different as can be.
    return float(np.max(np.where(same, 0.0, np.nan_to_num(relative, nan=np.inf, posinf=np.inf))))
