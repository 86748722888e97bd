"""What every part of the comparison is given."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.compare.programs import Program, bongsu, prometheus, victoria_metrics

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.compare.programs import Recipe
    from benchmarks.compare.sizes import Sizes

DATA_ENDS_BEFORE_NOW_MS = 180_000
"""VictoriaMetrics moves what is asked about the last 30 s; data that ends earlier is the same for all."""


@dataclass
class Bench:
    """
    One run of the comparison.

    Attributes
    ----------
    folder
        Takes the data of all programs; removed at the end.
    peers
        Programs by name, as `benchmarks.peers` gives them.
    """

    folder: Path
    sizes: Sizes
    peers: dict[str, Path]
    _began: float = field(default_factory=time.monotonic)

    def say(self, sentence: str) -> None:
        """Print progress."""
        print(f"[{time.monotonic() - self._began:5.0f} s] {sentence}", flush=True)

    def recipes(self) -> list[Recipe]:
        """Return the three recipes, ours first."""
        return [
            bongsu(),
            prometheus(self.peers["prometheus"]),
            victoria_metrics(self.peers["victoria-metrics"]),
        ]

    def program(self, recipe: Recipe, purpose: str) -> Program:
        """Return a program in a new folder; it is not started."""
        name = "".join(c if c.isalnum() else "-" for c in recipe.name.lower())
        return Program(recipe, self.folder / f"{purpose}-{name}")

    def data_end_ms(self) -> int:
        """Return when data ends, on a whole minute."""
        return (time.time_ns() // 1_000_000 - DATA_ENDS_BEFORE_NOW_MS) // 60_000 * 60_000
