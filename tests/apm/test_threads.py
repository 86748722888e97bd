"""Posts from many threads while ticks are sealed: no transaction is lost, and none is counted twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.support.apm import NOW_MS, SETTINGS, gauge, metrics, resource, span, spans

from bongsu.apm.project import ProjectApm

if TYPE_CHECKING:
    from bongsu.apm.ticks import SealedTick

THREADS, BATCHES, SPANS = 4, 60, 10


def test_every_span_is_counted_once_or_late_or_repeated() -> None:
    apm = ProjectApm(SETTINGS, secret=b"s", now_ms=NOW_MS)
    step_ms = 500
    gate = threading.Barrier(THREADS + 1)
    ticks: list[SealedTick] = []

    def send(thread: int) -> None:
        gate.wait()
        for number in range(BATCHES):
            now_ms = NOW_MS + number * step_ms
            flags = 0 if thread % 2 else None
            items = [
                span(now_ms - i * 700, parent=b"p" * 8, flags=0) if flags == 0 else span(now_ms - i * 700)
                for i in range(SPANS)
            ]
            of = resource(f"i{(thread + number) % 3}")
            apm.add_spans(spans(*items, of=of), now_ms=now_ms)
            apm.add_metrics(
                metrics(gauge("bongsu.threadpool.active", ({}, 1), at_ms=now_ms), of=of), now_ms=now_ms
            )
            if number % 10 == 0:  # a sender that repeats what was taken
                apm.add_spans(spans(*items, of=of), now_ms=now_ms)

    def seal() -> None:
        gate.wait()
        for number in range(BATCHES * 2):
            ticks.extend(apm.tick(NOW_MS + number * step_ms // 2))

    with ThreadPoolExecutor(THREADS + 1) as pool:
        futures = [pool.submit(send, thread) for thread in range(THREADS)]
        futures.append(pool.submit(seal))
        for future in futures:
            future.result(60)
    end = NOW_MS + BATCHES * step_ms + SETTINGS.grace_ms + 5_000
    ticks += apm.tick(end)
    assert [tick.end_ms for tick in ticks] == sorted({tick.end_ms for tick in ticks})
    counted = sum(tick.numbers.txcount for tick in ticks)
    newest = ticks[-1]
    repeats = THREADS * len(range(0, BATCHES, 10)) * SPANS
    assert THREADS * BATCHES * SPANS + repeats == counted + newest.late_spans + newest.repeated_spans
    assert newest.since_start.count == counted
    assert counted <= THREADS * BATCHES * SPANS
