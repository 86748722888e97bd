"""A query engine under the test's control: for limits, deadlines and clients that go away."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bongsu.promql.plan import PlanStep
from bongsu.promql.values import QueryResult, QueryStats, Scalar

if TYPE_CHECKING:
    from bongsu.promql.execute.limits import Deadline
    from bongsu.storage.contract import ProjectStore


@dataclass
class StagedEngine:
    """An engine whose queries wait until they are let go, checking their deadline meanwhile."""

    started: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    release: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None
    calls: list[tuple[object, ...]] = field(default_factory=list)

    def instant(
        self,
        store: ProjectStore,
        text: str,
        time_ms: int,
        *,
        lookback_ms: int | None = None,
        deadline: Deadline | None = None,
        traced: bool = False,
    ) -> QueryResult:
        """Evaluate a query at one moment."""
        self.calls.append((text, time_ms, lookback_ms))
        return self._stage(deadline)

    def range(
        self,
        store: ProjectStore,
        text: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        *,
        lookback_ms: int | None = None,
        deadline: Deadline | None = None,
        traced: bool = False,
    ) -> QueryResult:
        """Evaluate a query over a range."""
        self.calls.append((text, start_ms, end_ms, step_ms, lookback_ms))
        return self._stage(deadline)

    def explain(self, text: str, start_ms: int, end_ms: int, step_ms: int) -> PlanStep:
        """Return a plan that says what was asked."""
        return PlanStep(f"{text} {start_ms} {end_ms} {step_ms}", None, ())

    def _stage(self, deadline: Deadline | None) -> QueryResult:
        self.started.release()
        assert deadline is not None
        while not self.release.wait(0.001):
            deadline.check()
        deadline.check()
        if self.error is not None:
            raise self.error
        return QueryResult(Scalar(np.array([1.0])), np.array([0]), stats=QueryStats(samples=5))
