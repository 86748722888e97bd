"""
Answers of range queries kept for the next time that the same is asked of a moved window, which is what a dashboard does.

An answer holds for a step as long as no sample that it depends on has changed. The store tells how far back it has changed
(`bongsu.storage.changes`), the query how far ahead of a step it looks (`bongsu.promql.plan.reach`); what lies before both is taken from
here and only the rest is evaluated. Queries whose steps are not independent of each other, and answers with notes, native histograms or
typed series, are evaluated whole every time. Sums are compensated, so that the order of their series, which may differ between a
window and its parts, does not show in them.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from prometheus_client import Counter, Gauge

from bongsu.model.errors import BongsuError
from bongsu.model.label_columns import LabelColumns, concat
from bongsu.promql.execute.shape import prune
from bongsu.promql.parser import parse
from bongsu.promql.plan.reach import NEVER, Reach, reach_of
from bongsu.promql.values import QueryResult, QueryStats, Vector

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from prometheus_client import CollectorRegistry

    from bongsu.query.requests import RangeQuery
    from bongsu.storage.contract import ProjectStore

    Evaluate = Callable[[int, int], QueryResult]
    """Gives the answer for the steps of a closed range, Unix milliseconds."""

WORTH_S = 0.002
"""An answer that takes less is made again faster than it is looked up, checked and put together."""

_LARGEST_SHARE = 8
"""No answer takes more than one in this many parts of the cache, so that an export does not empty it."""

_TEXT_BYTES, _ENTRY_BYTES = 80, 2048
"""What a label's value, and an entry without series, take at most as Python objects."""

_CACHED_REACHES = 1024
"""As many as the engine keeps plans."""

OUTCOMES = ("hit", "partial", "miss", "refused")
"""All steps were known, some were, none were; or the query is not one to keep."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """Steps ``start_ms`` to ``last_ms`` as they were after the look at the store that `mark` names."""

    start_ms: int
    last_ms: int
    mark: int
    vector: Vector
    size: int


class ResultCache:
    """
    Keeps answers, those that were not asked for longest leaving first. May be used from any thread.

    Parameters
    ----------
    max_bytes
        Bound of all answers together; 0 keeps none.
    features
        Names of the language features that are on.
    registry
        Takes ``bongsu_query_cache_total{outcome}`` and ``bongsu_query_cache_bytes``.
    worth_s
        Least time of an evaluation whose answer is kept.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        features: frozenset[str],
        registry: CollectorRegistry,
        worth_s: float = WORTH_S,
    ) -> None:
        self._worth_s = worth_s
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._size = 0
        self._reach = functools.lru_cache(_CACHED_REACHES)(functools.partial(_reach, features))
        counter = Counter(
            "bongsu_query_cache_total",
            "Range queries by what was known of them.",
            ["outcome"],
            registry=registry,
        )
        self._outcomes = {outcome: counter.labels(outcome) for outcome in OUTCOMES}
        size = Gauge("bongsu_query_cache_bytes", "Size of the answers that are kept.", registry=registry)
        size.set_function(lambda: self._size)

    def answer(
        self, store: ProjectStore, query: RangeQuery, evaluate: Evaluate, *, owner: str
    ) -> QueryResult:
        """
        Return the answer of a query.

        Parameters
        ----------
        owner
            Whose store it is.
        """
        reach = self._reach(query.text) if query.cached and self._max_bytes else None
        if reach is None:
            return self._refused(query, evaluate)
        key = (owner, query.text, query.step_ms, query.start_ms % query.step_ms, query.lookback_ms)
        with self._lock:
            known = self._entries.get(key)
        # Looked at before anything is read: what changes from here on is told at the next look.
        changes = store.changes(None if known is None else known.mark)
        span = None if known is None else _overlap(known, query, reach, changes.oldest_ms)
        if known is None or span is None:
            result = evaluate(query.start_ms, query.end_ms)
            self._outcomes["miss"].inc()
            worth = result.stats.seconds >= self._worth_s and _is_plain(result)
        else:
            completed = _completed(query, known, span, evaluate)
            if completed is None:
                return self._refused(query, evaluate)
            result, worth = completed, True
            self._outcomes["hit" if span == (query.start_ms, query.last_ms) else "partial"].inc()
        if worth:
            self._keep(key, _entry(query, changes.mark, result))
        return result

    def _refused(self, query: RangeQuery, evaluate: Evaluate) -> QueryResult:
        self._outcomes["refused"].inc()
        return evaluate(query.start_ms, query.end_ms)

    def _keep(self, key: Hashable, entry: _Entry) -> None:
        if entry.size > self._max_bytes // _LARGEST_SHARE:
            return
        with self._lock:
            self._forget(key)
            self._entries[key] = entry
            self._size += entry.size
            while self._size > self._max_bytes:
                self._forget(next(iter(self._entries)))

    def _forget(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._size -= entry.size


def _reach(features: frozenset[str], text: str) -> Reach | None:
    try:
        return reach_of(parse(text, features=features))
    except BongsuError:  # what is wrong is told when it is evaluated
        return None


def _overlap(entry: _Entry, query: RangeQuery, reach: Reach, oldest_ms: int | None) -> tuple[int, int] | None:
    """Return the first and the last step that a query shares with an entry and that no change has touched."""
    first = max(entry.start_ms, query.start_ms)
    last = min(_last_good(entry, reach, oldest_ms), query.last_ms)
    last -= (last - query.start_ms) % query.step_ms
    return (first, last) if first <= last else None


def _last_good(entry: _Entry, reach: Reach, oldest_ms: int | None) -> int:
    """Return the last moment of an entry whose samples are all older than what has changed."""
    if oldest_ms is None:
        return entry.last_ms
    if reach.until_ms >= oldest_ms:
        return entry.start_ms - 1
    return entry.last_ms if reach.ahead_ms == NEVER else min(entry.last_ms, oldest_ms - reach.ahead_ms - 1)


def _completed(
    query: RangeQuery, entry: _Entry, span: tuple[int, int], evaluate: Evaluate
) -> QueryResult | None:
    """Return the answer from the steps of `span`, which are known, and the others; None if it is not one to put together."""
    first, last = span
    step = query.step_ms
    at = (first - entry.start_ms) // step
    pieces = [(first, _steps(entry.vector, at, at + (last - first) // step + 1))]
    stats = QueryStats()
    for start_ms, end_ms in ((query.start_ms, first - step), (last + step, query.last_ms)):
        if start_ms > end_ms:
            continue
        piece = evaluate(start_ms, end_ms)
        if not isinstance(piece.value, Vector) or not _is_plain(piece):
            return None
        pieces.append((start_ms, piece.value))
        stats = _sum(stats, piece.stats)
    steps = np.arange(query.start_ms, query.last_ms + 1, step, dtype=np.int64)
    placed = [((start_ms - query.start_ms) // step, vector) for start_ms, vector in pieces]
    return QueryResult(_joined(placed, len(steps)), steps, stats=stats)


def _steps(vector: Vector, start: int, stop: int) -> Vector:
    kinds = None if vector.kinds is None else vector.kinds[:, start:stop]
    return replace(vector, values=vector.values[:, start:stop], kinds=kinds)


def _joined(pieces: Sequence[tuple[int, Vector]], n_steps: int) -> Vector:
    """Return vectors side by side, each from its step on."""
    labels = concat([vector.labels for _, vector in pieces])
    rows, first = labels.group_ids()
    values = np.zeros((len(first), n_steps))
    kinds = np.zeros(values.shape, dtype=np.uint8)
    done = 0
    for at, vector in pieces:
        own = rows[done : done + vector.n_series]
        done += vector.n_series
        values[own, at : at + vector.n_steps] = vector.values
        kinds[own, at : at + vector.n_steps] = vector.kind_matrix()
    return prune(Vector(labels.take(first), values, kinds))


def _sum(one: QueryStats, other: QueryStats) -> QueryStats:
    return QueryStats(
        one.seconds + other.seconds,
        one.samples + other.samples,
        max(one.peak_samples, other.peak_samples),
        max(one.series, other.series),
    )


def _is_plain(result: QueryResult) -> bool:
    """Tell whether an answer is floats without notes, whose parts can stand for the whole."""
    plain = isinstance(result.value, Vector) and result.value.histograms is None
    return plain and not result.warnings and not result.infos and not result.stats.has_types


def _entry(query: RangeQuery, mark: int, result: QueryResult) -> _Entry:
    vector = result.value
    assert isinstance(vector, Vector)
    # Only the values in use: the store's dictionaries must not live as long as an answer.
    columns = {name: column.compacted() for name in vector.labels if (column := vector.labels.get(name))}
    vector = replace(vector, labels=LabelColumns(len(vector.labels), columns))
    of_labels = sum(column.codes.nbytes + _TEXT_BYTES * len(column.values) for column in columns.values())
    size = vector.values.nbytes + vector.values.size + of_labels + _ENTRY_BYTES
    return _Entry(query.start_ms, query.last_ms, mark, vector, size)
