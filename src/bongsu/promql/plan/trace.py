"""What each node of a plan cost while it was evaluated, and the plan as a tree that shows it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bongsu.promql.plan.nodes import PlanExpr


@dataclass(frozen=True, slots=True)
class StepCost:
    """
    Cost of one node, that of the nodes below it included.

    Attributes
    ----------
    runs
        How often it was evaluated.
    samples
        Samples that were read from the store.
    series, cells, bytes
        Rows of the value, its cells over all steps, and the memory that it takes.
    """

    runs: int = 0
    seconds: float = 0.0
    samples: int = 0
    series: int = 0
    cells: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class PlanStep:
    """
    One node of a plan for people.

    Attributes
    ----------
    cost
        None where the node was not evaluated by itself.
    text
        Its expression, which can be asked for alone.
    """

    headline: str
    cost: StepCost | None
    below: tuple[PlanStep, ...]
    text: str = ""

    def lines(self, depth: int = 0) -> Iterator[str]:
        """Yield the plan as text, one node a line, operands below and to the right of what they are for."""
        cost = "" if self.cost is None else f"  [{_text(self.cost)}]"
        yield f"{'  ' * depth}{self.headline}{cost}"
        for step in self.below:
            yield from step.lines(depth + 1)


class Trace:
    """Costs by node; a node is itself, not what is equal to it. Used by the thread that evaluates."""

    def __init__(self) -> None:
        self._costs: dict[int, StepCost] = {}

    def measure(
        self, node: PlanExpr, read: Callable[[], int], evaluate: Callable[[], tuple[int, int, int]]
    ) -> None:
        """
        Add the cost of one evaluation.

        Parameters
        ----------
        read
            Tells how many samples the query has read so far.
        evaluate
            Evaluates the node; returns series, cells and bytes of its value.
        """
        before, began = read(), time.perf_counter()
        series, cells, size = evaluate()
        seconds = time.perf_counter() - began
        known = self._costs.get(id(node), StepCost())
        self._costs[id(node)] = StepCost(
            known.runs + 1,
            known.seconds + seconds,
            known.samples + read() - before,
            max(known.series, series),
            max(known.cells, cells),
            max(known.bytes, size),
        )

    def of(self, node: PlanExpr) -> StepCost | None:
        """Return the cost of a node, None when it was not evaluated by itself."""
        return self._costs.get(id(node))


def _text(cost: StepCost) -> str:
    shown = [f"{cost.seconds * 1000:.2f} ms"]
    if cost.samples:
        shown.append(f"{cost.samples:,} samples")
    if cost.series:
        shown.append(f"{cost.series:,} series")
    if cost.bytes:
        shown.append(f"{cost.bytes:,} bytes")
    if cost.runs > 1:
        shown.append(f"{cost.runs} times")
    return ", ".join(shown)
