"""
A process of its own that loads all kernels, works as a server does, and prints what it had to compile after the loading.

Also printed are kernels that Python code calls and that the loading left out: the work below does not come to each of them.
"""

from __future__ import annotations

import ast
import importlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog
from numba.core import event
from prometheus_client import CollectorRegistry

import bongsu
from bongsu.model.labels import series_key
from bongsu.model.samples import SampleBatch
from bongsu.promql.engine import Engine
from bongsu.runtime.clock import ManualClock
from bongsu.server.kernels import load_kernels
from bongsu.storage.contract import StoreOptions
from bongsu.tsdb import TsdbStore

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(bongsu.__file__).parent
KERNELS = SOURCE / "kernels"

STEP_MS = 15_000
SAMPLES = 240
QUERIES = (
    "sum by (job) (rate(m[5m]))",
    "rate(m[5m])",
    "sum by (job) (m)",
    "m",
    "topk(2, m)",
    "quantile by (job) (0.9, m)",
    "count_values('v', m)",
    "max_over_time(m[10m])",
    "quantile_over_time(0.9, m[10m])",
    "avg_over_time(m[10m])",
    "stddev_over_time(m[10m])",
    "changes(m[10m])",
    "deriv(m[10m])",
    "histogram_quantile(0.9, sum by (le) (rate(m[5m])))",
    "m / on (i) group_left () m",
    "m and m > 3",
    "max_over_time(sum by (job) (rate(m[5m]))[10m:1m])",
    "sort_desc(sum by (job) (m)) + 1",
    "label_replace(m, 'x', '$1', 'i', '(.*)')",
    "absent(nothing)",
)


class Compiled(event.Listener):
    """Notes what is compiled."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def on_start(self, event: Any) -> None:
        """Note a compilation that begins."""
        self.names.append(f"{event.data['dispatcher'].py_func.__qualname__} for {event.data['args']}")

    def on_end(self, event: Any) -> None:
        """Nothing is to be noted."""


def called_kernels() -> Iterator[tuple[str, str]]:
    """Yield module and name of what code that is not compiled imports from the kernels, or calls beside them."""
    for file in SOURCE.rglob("*.py"):
        tree = ast.parse(file.read_text())
        imported = {
            alias.asname or alias.name: (node.module.removeprefix("bongsu.kernels."), alias.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("bongsu.kernels.")
            for alias in node.names
        }
        if file.parent != KERNELS:
            yield from imported.values()
            continue
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.decorator_list and node.name != "warm":
                names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
                yield from (imported.get(name, (file.stem, name)) for name in names)


def never_loaded() -> list[str]:
    """Return the called kernels that have no compiled variant."""
    found = {(module, name) for module, name in called_kernels() if (KERNELS / f"{module}.py").exists()}
    kernels: dict[str, Any] = {
        f"{module}.{name}": getattr(importlib.import_module(f"bongsu.kernels.{module}"), name, None)
        for module, name in found
    }
    return sorted(
        name for name, each in kernels.items() if hasattr(each, "signatures") and not each.signatures
    )


def work(folder: Path) -> None:
    """Write, ask, delete, and start again."""
    clock = ManualClock()
    start = clock.now_ms() - SAMPLES * STEP_MS
    times = start + STEP_MS * np.arange(SAMPLES, dtype=np.int64)
    keys = [
        series_key({"__name__": "m", "job": f"j{i % 2}", "i": str(i), "le": str(2.0**i)}) for i in range(8)
    ]
    for _ in range(2):
        store = TsdbStore(
            folder,
            clock=clock,
            registry=CollectorRegistry(),
            log=structlog.get_logger(),
            upkeep_interval_s=None,
        )
        project = store.project("p", StoreOptions(retention_ms=0))
        for number, ref in enumerate(project.resolve(keys).refs.tolist()):
            project.append(SampleBatch(np.full(SAMPLES, ref), times, number * np.sqrt(np.arange(SAMPLES))))
        engine = Engine()
        for query in QUERIES:
            engine.range(project, query, start, int(times[-1]), 60_000)
            engine.instant(project, query, int(times[-1]))
        engine.close()
        project.label_values("i", [], start, int(times[-1]))
        project.label_names([], start, int(times[-1]))
        store.upkeep()
        store.close()


if __name__ == "__main__":
    load_kernels(lambda _: None)
    missing, compiled = never_loaded(), Compiled()
    listening: Any = event.register
    listening("numba:compile", compiled)
    with tempfile.TemporaryDirectory() as folder:
        work(Path(folder))
    print(json.dumps({"never loaded": missing, "compiled": compiled.names}))
