"""The embedded store: log, head, label index, selection, blocks."""

from __future__ import annotations

from bongsu.tsdb.store import StoreStatus, TsdbStore
from bongsu.tsdb.warmup import warm_up

__all__ = ["StoreStatus", "TsdbStore", "warm_up"]
