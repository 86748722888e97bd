"""Where an expression is evaluated: the steps, the store, and what is shared by the whole query."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bongsu.promql.parser.ast import AtBound
from bongsu.promql.parser.features import DELAYED_NAME_REMOVAL, TYPE_AND_UNIT_LABELS, USE_START_TIMESTAMPS

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from bongsu.promql.annotations import Annotations
    from bongsu.promql.execute.limits import Deadline, SampleBudget
    from bongsu.promql.parser.ast import At
    from bongsu.promql.plan.trace import Trace
    from bongsu.storage.contract import ProjectStore


@dataclass(frozen=True, slots=True)
class Grid:
    """Evaluation times: `count` steps, `interval` ms apart, from `start` in Unix milliseconds."""

    start: int
    interval: int
    count: int

    @property
    def end(self) -> int:
        """The last step."""
        return self.start + self.interval * (self.count - 1)

    def times(self) -> NDArray[np.int64]:
        """Return all steps, shape (n_steps,)."""
        if self.count == 1:
            return np.array([self.start], dtype=np.int64)
        return np.arange(self.start, self.start + self.interval * self.count, self.interval, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class QueryScope:
    """
    What is the same everywhere in one query.

    Attributes
    ----------
    grid
        The query's own steps, whatever those of a subquery are.
    end_ms
        Where the query's range ends, which need not be a step.
    executor
        Runs series ranges beside the calling thread; None when there is one thread only.
    threads
        Series ranges that run at once.
    memo
        Results of shared subexpressions, by expression and grid.
    trace
        Takes what each node costs; None when nobody wants to know.
    """

    store: ProjectStore
    grid: Grid
    end_ms: int
    annotations: Annotations
    deadline: Deadline
    budget: SampleBudget
    features: frozenset[str]
    lookback_ms: int
    default_step_ms: int
    instant: bool
    executor: Executor | None
    threads: int
    memo: dict[Any, Any]
    trace: Trace | None = None

    @property
    def delays_names(self) -> bool:
        """Whether metric names are removed only when the query ends."""
        return DELAYED_NAME_REMOVAL in self.features

    @property
    def uses_start_timestamps(self) -> bool:
        """Whether counters look at the start timestamps of their samples."""
        return USE_START_TIMESTAMPS in self.features

    @property
    def asks_for_types(self) -> bool:
        """Whether the label ``__type__`` tells what is a counter, and not the name."""
        return TYPE_AND_UNIT_LABELS in self.features


@dataclass(frozen=True, slots=True)
class Context:
    """The steps at which an expression is evaluated, within a query."""

    query: QueryScope
    grid: Grid

    def on(self, grid: Grid) -> Context:
        """Return the context of the same query on other steps."""
        return replace(self, grid=grid)

    def ends(self, offset: int, at: At | None) -> NDArray[np.int64]:
        """Return where a selector looks at each step, in Unix milliseconds; shape (n_steps,)."""
        if at is None:
            times = self.grid.times()
            return times - offset if offset else times
        return np.full(self.grid.count, self.resolve_at(at) - offset, dtype=np.int64)

    def resolve_at(self, at: At) -> int:
        """Return the time that an ``@`` modifier names, in Unix milliseconds."""
        if at is AtBound.START:
            return self.query.grid.start
        return self.query.end_ms if at is AtBound.END else int(at)
