"""Counters in a store, for tests of queries."""

from __future__ import annotations

import numpy as np

from bongsu.model.labels import series_key
from bongsu.model.samples import SampleBatch
from bongsu.storage.memory import MemoryProjectStore

STEP_MS = 15_000


def store_of_counters(
    n_series: int, n_samples: int, *, name: str = "requests_total", seed: int = 3
) -> MemoryProjectStore:
    """Return a store with counters of five jobs that restart now and then and miss some scrapes."""
    store = MemoryProjectStore()
    refs = store.resolve(
        [series_key({"__name__": name, "job": f"j{i % 5}", "instance": f"i{i}"}) for i in range(n_series)]
    ).refs
    random = np.random.default_rng(seed)
    for ref in refs.tolist():
        values = np.cumsum(random.poisson(3.0, n_samples)).astype(float)
        values[n_samples // 2 :] -= values[n_samples // 2] if ref % 3 == 0 else 0.0
        kept = np.flatnonzero(random.random(n_samples) > 0.1)
        store.append(SampleBatch(np.full(len(kept), ref), kept * STEP_MS, values[kept]))
    return store
