"""The embedded store: log, head, label index, selection, blocks."""

from __future__ import annotations

from bongsu.tsdb.store import TsdbStore

__all__ = ["TsdbStore"]
