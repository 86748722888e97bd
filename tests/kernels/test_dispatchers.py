"""Kernels that do not count the users of their arrays lose none and give none away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numba.core.runtime import nrt
from tests.support.stores import KEEP_ALL, open_tsdb

from bongsu.kernels._dispatchers import InnerDispatcher, KernelDispatcher, OwningDispatcher
from bongsu.model.labels import series_key
from bongsu.model.samples import SampleBatch
from bongsu.promql.engine import Deadline, Engine, EngineOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NUMBERS = np.arange(4, dtype=np.int64)
START_MS, STEP_MS, STEPS = 1_700_000_000_000, 15_000, 300
QUERIES = (
    "sum by (a) (rate(m[5m]))",
    "quantile_over_time(0.9, m[10m])",
    "topk(2, m) / on (a) group_left sum by (a) (m)",
    "max_over_time(sum(deriv(m[5m]))[10m:1m])",
)


def caller_of(inner: Any) -> Any:
    """Return a kernel for Python that calls another one."""

    def call(numbers: Any) -> Any:
        return inner(numbers)[0]

    return KernelDispatcher(call)


def test_a_kernel_that_borrows_an_array_may_not_return_it() -> None:
    def same(numbers: Any) -> Any:
        return numbers

    with pytest.raises(
        Exception, match="same may return an array that it was given; mark it as `owning_kernel`"
    ):
        caller_of(InnerDispatcher(same))(NUMBERS)
    assert caller_of(OwningDispatcher(same))(NUMBERS) == 0


def test_a_kernel_that_borrows_arrays_may_not_be_given_one_that_nobody_else_has() -> None:
    def new(numbers: Any) -> Any:
        return np.zeros(len(numbers))

    made = OwningDispatcher(new)

    def first(numbers: Any) -> Any:
        return made(numbers)[0], 0.0

    with pytest.raises(Exception, match=r"first is given an array by .*new; mark it as `owning_kernel`"):
        caller_of(InnerDispatcher(first))(NUMBERS)
    assert caller_of(OwningDispatcher(first))(NUMBERS) == 0


@pytest.fixture
def counted() -> Iterator[None]:
    runtime: Any = nrt
    memory = runtime._nrt
    was_on = memory.memsys_stats_enabled()
    memory.memsys_enable_stats()
    yield
    if not was_on:
        memory.memsys_disable_stats()


@pytest.mark.usefixtures("counted")
def test_writing_and_asking_leave_no_array_behind_and_free_none_twice(tmp_path: Path) -> None:
    store = open_tsdb(tmp_path)
    project = store.project("p", KEEP_ALL)
    keys = [series_key({"__name__": "m", "a": str(i % 2), "b": str(i)}) for i in range(6)]
    refs = project.resolve(keys).refs
    engine = Engine(EngineOptions(threads=2, max_samples=0))

    def work(first: int) -> int:
        for step in range(first, first + STEPS):
            at = np.full(len(refs), START_MS + STEP_MS * step)
            project.append(SampleBatch(refs, at, np.sqrt(np.arange(len(refs)) + step)))
        end = START_MS + STEP_MS * (first + STEPS)
        for query in QUERIES:
            engine.range(project, query, end - STEPS * STEP_MS, end, 60_000, deadline=Deadline(60))
        memory: Any = nrt.rtsys
        now = memory.get_allocation_stats()
        return int(now.mi_alloc - now.mi_free)

    work(0)
    assert work(STEPS) == work(2 * STEPS)
    store.close()
