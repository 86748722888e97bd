"""
Where the scraper of a machine's agent writes: batches become remote write requests, which wait in a bounded queue.

The scraper is the server's own, with relabelling, limits and stale markers; only the store differs. Native histograms and exemplars
are not pushed: targets are asked for classic ones.
"""

from __future__ import annotations

import collections
import threading
from typing import TYPE_CHECKING

import numpy as np

from bongsu.agent.host.calls import CallFailed
from bongsu.model.labels import key_labels
from bongsu.runtime.compress import compress_snappy
from bongsu.storage.contract import AppendResult, Resolution
from bongsu.wire import encode
from bongsu.wire.remote_write.encode import encode_series, label_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bongsu.model.samples import Exemplar, MetricMetadata, SampleBatch

WAITING_BYTES = 32 << 20
"""Compressed requests that wait while the server is away: an hour and more of one machine's exporters; the oldest go first."""
_TYPES = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
"""By the numbers of ``MetricMetadata.MetricType``."""


class PushStore:
    """
    What the scraper needs of a store. Safe from any thread.

    Parameters
    ----------
    push
        Sends one request, or raises `CallFailed`.
    say
        Told when requests are lost or refused.
    """

    def __init__(self, push: Callable[[bytes], None], say: Callable[[str], None]) -> None:
        self._push = push
        self._say = say
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._refs: dict[bytes, int] = {}
        self._labels: list[bytes] = []
        self._waiting: collections.deque[bytes] = collections.deque()
        self._waiting_bytes = 0
        self.lost = 0

    def resolve(self, keys: Sequence[bytes]) -> Resolution:
        """Return a reference for every key; none is refused here, the server does that."""
        with self._lock:
            refs = np.fromiter((self._ref(key) for key in keys), dtype=np.int64, count=len(keys))
        return Resolution(refs)

    def append(self, batch: SampleBatch) -> AppendResult:
        """Queue a batch as one request."""
        parts: list[bytes] = []
        for ref in dict.fromkeys(batch.refs.tolist()):
            rows = batch.refs == ref
            parts += encode_series(self._labels[ref], batch.timestamps[rows], batch.values[rows])
        if parts:
            self._enqueue(b"".join(parts))
        return AppendResult(len(batch.refs), 0)

    def put_metadata(self, entries: Sequence[MetricMetadata]) -> None:
        """Queue what is known of metric families."""
        messages = (
            encode.number(1, _TYPES.index(entry.type) if entry.type in _TYPES else 0)
            + encode.text(2, entry.name)
            + encode.text(4, entry.help)
            + encode.text(5, entry.unit)
            for entry in entries
        )
        body = b"".join(encode.field(3, message) for message in messages)
        if body:
            self._enqueue(body)

    def put_exemplars(self, refs: Sequence[int], exemplars: Sequence[Exemplar]) -> int:  # noqa: ARG002 - the contract's
        """Leave exemplars out; return that none was stored."""
        return 0

    def send(self) -> None:
        """Send what waits, oldest first, until the queue is empty or the server does not take it now."""
        with self._sending:
            while self._waiting:
                body = self._waiting[0]
                try:
                    self._push(body)
                except CallFailed as error:
                    if error.may_pass:
                        return
                    self.lost += 1
                    self._say(f"the server refuses scraped samples: {error.message}")
                self._drop(body)

    def _ref(self, key: bytes) -> int:
        ref = self._refs.get(key)
        if ref is None:
            ref = self._refs[key] = len(self._labels)
            self._labels.append(label_bytes(key_labels(key)))
        return ref

    def _enqueue(self, message: bytes) -> None:
        body = compress_snappy(message)
        with self._lock:
            self._waiting.append(body)
            self._waiting_bytes += len(body)
            while self._waiting_bytes > WAITING_BYTES and len(self._waiting) > 1:
                self._waiting_bytes -= len(self._waiting.popleft())
                self.lost += 1

    def _drop(self, body: bytes) -> None:
        """Take a request out that was sent; it may have been dropped for room meanwhile."""
        with self._lock:
            if self._waiting and self._waiting[0] is body:
                self._waiting.popleft()
                self._waiting_bytes -= len(body)
