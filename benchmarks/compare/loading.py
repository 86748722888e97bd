"""Writes a data set into several programs at once, in the order of time, by remote write."""

from __future__ import annotations

import contextlib
import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.compare.dataset import STALE, make_hosts
from benchmarks.compare.encoding import SeriesHead, compress_request, encode_series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.compare.dataset import Host, Shape
    from benchmarks.compare.programs import Program

STEPS_PER_REQUEST = 20
HOSTS_PER_REQUEST = 5
"""20,000 samples: loading is no measurement, and larger requests end it sooner."""

_WAITING = 16
"""Bodies that may wait for a slower program, so that it does not hold up the others at once."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was written: samples (stale markers left out), series in all, series at the end."""

    samples: int
    series: int
    active: int


def load(shape: Shape, programs: Sequence[Program], say: Callable[[str], None]) -> Loaded:
    """
    Write a data set into every program.

    Raises
    ------
    RequestFailed
        If a program refuses a request.
    """
    hosts = list(make_hosts(shape))
    heads = {id(host): [SeriesHead(labels) for labels in host.labels] for host in hosts}
    senders = [_Sender(program) for program in programs]
    for first in range(0, shape.steps, STEPS_PER_REQUEST):
        for body in _bodies(hosts, heads, first):
            for sender in senders:
                sender.put(body)
        if first % (STEPS_PER_REQUEST * max(1, shape.steps // STEPS_PER_REQUEST // 5)) == 0:
            say(f"{100 * first // shape.steps}% of {shape.steps * shape.hosts * 200:,} samples are written")
    for sender in senders:
        sender.finish()
    stale = STALE.view(np.uint64)
    samples = sum(int(np.count_nonzero(host.values.view(np.uint64) != stale)) for host in hosts)
    active = sum(len(host.labels) for host in hosts if host.first_step + len(host.times) == shape.steps)
    return Loaded(samples, sum(len(host.labels) for host in hosts), active)


def _bodies(hosts: Sequence[Host], heads: dict[int, list[SeriesHead]], first: int) -> Iterator[bytes]:
    """Yield requests with the samples of the steps from `first` on."""
    alive = [(host, *_overlap(host, first)) for host in hosts]
    for group in _groups([entry for entry in alive if entry[1] < entry[2]]):
        yield compress_request(
            part
            for host, begin, end in group
            for part in encode_series(heads[id(host)], host.times[begin:end], host.values[:, begin:end])
        )


def _groups(entries: list[tuple[Host, int, int]]) -> Iterator[list[tuple[Host, int, int]]]:
    for at in range(0, len(entries), HOSTS_PER_REQUEST):
        yield entries[at : at + HOSTS_PER_REQUEST]


def _overlap(host: Host, first: int) -> tuple[int, int]:
    begin = max(first - host.first_step, 0)
    return begin, min(first + STEPS_PER_REQUEST - host.first_step, len(host.times))


class _Sender:
    """Sends bodies to one program from a thread of its own."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._queue: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(self, body: bytes) -> None:
        """Send a body when its turn comes."""
        self._queue.put(body)

    def finish(self) -> None:
        """Return when everything is acknowledged."""
        self._queue.put(None)
        self._thread.join()
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        with contextlib.closing(self._program.connect()) as connection:
            while (body := self._queue.get()) is not None:
                if self._failed is None:
                    try:
                        self._program.write(connection, body)
                    except Exception as error:  # noqa: BLE001 - told by `finish`; the queue must go on being emptied
                        self._failed = error
