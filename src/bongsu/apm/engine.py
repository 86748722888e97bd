"""The real-time states of all projects: made when data comes, sealed every five seconds, written into the stores."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import deque
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

from bongsu.apm import names
from bongsu.apm.entries import TRANSACTION_KINDS
from bongsu.apm.gauges import KNOWN
from bongsu.apm.project import ProjectApm, Taken
from bongsu.apm.series import TickWriter
from bongsu.apm.settings import TICK_MS, ApmLimits, ApmSettings
from bongsu.apm.snapshot import Snapshot, UnusableSnapshot, take_snapshot, write_snapshot
from bongsu.apm.ticks import SealedTick
from bongsu.apm.visitors import united
from bongsu.model.errors import NotFound, Unavailable
from bongsu.runtime.files import checksum
from bongsu.storage.errors import StoreClosed
from bongsu.wire.otlp.values import SpanKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from prometheus_client import CollectorRegistry
    from structlog.typing import FilteringBoundLogger

    from bongsu.apm.hyperloglog import HyperLogLog
    from bongsu.apm.identity import AgentId
    from bongsu.apm.statistics import RowType, Tally
    from bongsu.apm.traces import KeptSpan
    from bongsu.apm.transactions import HitMap, KeptTransaction
    from bongsu.apm.visitors import VisitorFiles
    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import ProjectStore
    from bongsu.wire.otlp.values import MetricBatch, SpanBatch

_KEPT_TICKS = 60
"""Sealed ticks that wait while a store takes no writes: five minutes, as long as the longest memory of the state itself."""

_VISITORS_EVERY = 60
"""Ticks between writings of a project's users by day: what a crash may lose of them. Projects take turns."""

_CLOCK_STEP_MS = 60_000
"""A clock that was set back by less is waited for."""

_MARGIN_S = 0.01
"""Timers may fire a little early; a tick must be due when its time is read again."""


METRICS_OF = frozenset((*KNOWN, *names.DURATIONS))
"""Names of the metrics that the real-time numbers are made of."""

ATTRIBUTES_OF = TRANSACTION_KINDS | {SpanKind.CLIENT, SpanKind.PRODUCER}
"""Transactions, and the calls of kept ones: which query, which address. Inner spans say what they do by their names."""


class _Project:
    """A project's state with its way into the store."""

    __slots__ = ("state", "waiting", "writer")

    def __init__(self, state: ProjectApm, writer: TickWriter) -> None:
        self.state = state
        self.writer = writer
        self.waiting: deque[SealedTick] = deque()


class ApmEngine:
    """
    All projects' real-time numbers. Methods may be called from any thread; `run` belongs to an event loop.

    Parameters
    ----------
    settings
        Of every project.
    secret
        From which each project's own key for hashing users is derived. Hashes live in memory only, so a new random secret at
        every start is right.
    store_of
        Returns the store of a project; raises NotFound when there is no such project any more.
    clock, registry, log
        Time, own metrics and logger.
    limits_of
        Returns what a project may have, by its id, and answers at once; None: what the settings say.
    count_refusal
        Told a project's id, a limit's name, and how much it refused.
    visitors
        Where users by day are kept, with the keys for hashing users; None keeps none.
    """

    def __init__(
        self,
        settings: ApmSettings,
        *,
        secret: bytes,
        store_of: Callable[[str], ProjectStore],
        clock: Clock,
        registry: CollectorRegistry,
        log: FilteringBoundLogger,
        limits_of: Callable[[str], ApmLimits] | None = None,
        count_refusal: Callable[[str, str, int], None] = lambda _project, _limit, _count: None,
        visitors: VisitorFiles | None = None,
    ) -> None:
        self._visitors = visitors
        self.settings = settings
        self._limits_of = limits_of or (lambda _project: settings.limits)
        self._count_refusal = count_refusal
        self.attributes_of = ATTRIBUTES_OF | ({SpanKind.INTERNAL} if settings.root_internal else set())
        """Kinds of spans whose attributes are looked at."""
        self.metrics_of = METRICS_OF
        """Names of metrics whose points are looked at."""
        self._secret = hashlib.blake2b(secret, digest_size=32).digest()
        self._store_of = store_of
        self._clock = clock
        self._log = log
        self._lock = threading.Lock()
        self._sealing = threading.Lock()
        self._projects: dict[str, _Project] = {}
        self._spans = Counter("bongsu_apm_ingested_spans_total", "Spans received.", registry=registry)
        self._refused = Counter(
            "bongsu_apm_refused_items_total",
            "Spans and points not taken, for too many agents.",
            registry=registry,
        )
        self._lost = Counter(
            "bongsu_apm_lost_ticks_total",
            "Sealed ticks dropped because a store took no writes.",
            registry=registry,
        )
        self._rejected = Counter(
            "bongsu_apm_rejected_samples_total", "Samples of ticks that a store refused.", registry=registry
        )
        self._failed = Counter(
            "bongsu_apm_failed_seals_total", "Projects whose tick failed by a defect.", registry=registry
        )
        self._seconds = Histogram(
            "bongsu_apm_seal_seconds",
            "Time to seal and write the due ticks of all projects.",
            registry=registry,
        )
        projects = Gauge("bongsu_apm_projects", "Projects with real-time state.", registry=registry)
        projects.set_function(lambda: len(self._projects))

    def add_spans(self, project_id: str, batch: SpanBatch, *, peer: str = "") -> Taken:
        """Take the spans of a request; raises NotFound when the project is gone."""
        taken = self._project(project_id).state.add_spans(batch, now_ms=self._clock.now_ms(), peer=peer)
        self._spans.inc(len(batch))
        self._count(project_id, taken)
        return taken

    def add_metrics(self, project_id: str, batch: MetricBatch, *, peer: str = "") -> Taken:
        """Take what a metrics request tells of agents; raises NotFound when the project is gone."""
        taken = self._project(project_id).state.add_metrics(batch, now_ms=self._clock.now_ms(), peer=peer)
        self._count(project_id, taken)
        return taken

    def used(self, project_id: str) -> ApmLimits:
        """Return what a project has of what is limited."""
        project = self._projects.get(project_id)
        return ApmLimits(0, 0) if project is None else project.state.used()

    def newest(self, project_id: str) -> SealedTick:
        """Return a project's newest sealed tick; for a project that never reported, an empty one of the newest tick due."""
        project = self._projects.get(project_id)
        if project is None:
            return SealedTick((self._clock.now_ms() - self.settings.grace_ms) // TICK_MS * TICK_MS)
        return project.state.newest()

    def hit_maps(self, project_id: str, start_ms: int, end_ms: int) -> list[HitMap]:
        """Return a project's hit maps of the sealed ticks that end in ``(start_ms, end_ms]``."""
        project = self._projects.get(project_id)
        return [] if project is None else project.state.hit_maps(start_ms, end_ms)

    def find_transactions(
        self, project_id: str, start_ms: int, end_ms: int, *, least_ms: float, most_ms: float, limit: int
    ) -> list[KeptTransaction]:
        """Return a project's kept transactions with a duration in ``[least_ms, most_ms)``, newest tick first."""
        project = self._projects.get(project_id)
        if project is None:
            return []
        return project.state.find_transactions(
            start_ms, end_ms, least_ms=least_ms, most_ms=most_ms, limit=limit
        )

    def find_spans(self, project_id: str, trace_id: bytes) -> list[KeptSpan]:
        """Return the kept spans of a trace of a project in order of their start; empty when nothing is kept of it."""
        project = self._projects.get(project_id)
        return [] if project is None else project.state.find_spans(trace_id)

    def statistics(
        self,
        project_id: str,
        kind: type[RowType],
        start_ms: int,
        end_ms: int,
        *,
        wanted: Callable[[AgentId], bool],
    ) -> dict[RowType, tuple[Tally, set[AgentId]]]:
        """Return a project's statistics of the steps that begin in ``[start_ms, end_ms)``, over the agents that are wanted."""
        project = self._projects.get(project_id)
        return {} if project is None else project.state.statistics(kind, start_ms, end_ms, wanted=wanted)

    def visitors(self, project_id: str, first: int, last: int) -> dict[int, HyperLogLog]:
        """Return a project's users by day since the Unix epoch, both ends included; blocks for the disk."""
        wanted = range(first, last + 1)
        kept = {} if self._visitors is None else self._visitors.read(project_id, wanted)
        project = self._projects.get(project_id)
        waiting = {} if project is None else project.state.visitors()
        return united(kept, {day: sketch for day, sketch in waiting.items() if day in wanted})

    def drop_project(self, project_id: str) -> None:
        """Forget the state of a project that is gone."""
        with self._lock:
            self._projects.pop(project_id, None)

    def remove_project(self, project_id: str) -> None:
        """Forget a project that was removed, and what is kept of it in files."""
        self.drop_project(project_id)
        if self._visitors is not None:
            self._visitors.remove(project_id)

    def save(self, path: Path) -> None:
        """
        Write what is due into the stores and everything else into a file, for `load` after a restart.

        Called once, when no request and no loop uses the engine any more and the stores are still open.
        """
        self.tick()
        for project_id, project in self._projects.items():
            self._write_visitors(project_id, project.state)
        projects = {name: (project.state, list(project.waiting)) for name, project in self._projects.items()}
        try:
            write_snapshot(path, Snapshot(self.settings, projects))
        except OSError as error:
            self._log.error("open ticks are lost: the real-time state cannot be written", cause=str(error))

    def load(self, path: Path) -> None:
        """Take up the state that `save` wrote, if there is any; called before anything else uses the engine."""
        try:
            snapshot = take_snapshot(path, self.settings)
        except UnusableSnapshot as error:
            self._log.warning("the real-time numbers begin anew", cause=str(error))
            return
        for project_id, (state, waiting) in snapshot.projects.items() if snapshot is not None else ():
            try:
                store = self._store_of(project_id)
            except NotFound:
                continue  # removed while the server was down
            project = self._projects[project_id] = _Project(state, TickWriter(store))
            project.waiting.extend(waiting)

    def tick(self) -> int:
        """Seal and write what is due in every project; return the ticks written. Blocks for the stores."""
        written = 0
        with self._sealing, self._seconds.time():
            for project_id, project in list(self._projects.items()):
                try:
                    written += self._tick_project(project_id, project)
                except Exception:  # noqa: BLE001 - logged; anything may go wrong in one project
                    # One project's trouble must not stop the others' numbers.
                    self._log.exception("sealing failed", project=project_id)
                    self._failed.inc()
        return written

    async def run(self) -> None:
        """Seal every tick when it is due, until cancelled."""
        while True:
            behind_ms = (self._clock.now_ms() - self.settings.grace_ms) % TICK_MS
            await self._clock.sleep((TICK_MS - behind_ms) / 1000 + _MARGIN_S)
            await asyncio.to_thread(self.tick)

    def _project(self, project_id: str) -> _Project:
        project = self._projects.get(project_id)
        if project is not None:
            project.state.limits = self._limits_of(project_id)
            return project
        store = self._store_of(project_id)
        with self._lock:
            if project_id not in self._projects:
                self._projects[project_id] = _Project(self._new_state(project_id), TickWriter(store))
            return self._projects[project_id]

    def _count(self, project_id: str, taken: Taken) -> None:
        self._refused.inc(taken.refused)
        if taken.limit:
            self._count_refusal(project_id, taken.limit, taken.refused or 1)

    def _new_state(self, project_id: str) -> ProjectApm:
        state = ProjectApm(self.settings, secret=self._secret_of(project_id), now_ms=self._clock.now_ms())
        state.limits = self._limits_of(project_id)
        return state

    def _secret_of(self, project_id: str) -> bytes:
        """Return a key of the project's own, so that equal users cannot be found out across projects."""
        if self._visitors is not None:
            try:
                return self._visitors.secret(project_id)
            except OSError as error:
                self._log.error("users of today are counted anew: no key can be kept", cause=str(error))
        return hashlib.blake2b(project_id.encode(), key=self._secret, digest_size=32).digest()

    def _write_visitors(self, project_id: str, state: ProjectApm) -> None:
        days = state.take_visitors()
        if self._visitors is None or not days:
            return
        try:
            self._visitors.add(project_id, days)
        except OSError as error:
            state.give_back_visitors(days)
            self._log.warning("users by day wait for the disk", project=project_id, cause=str(error))

    def _tick_project(self, project_id: str, project: _Project) -> int:
        now_ms = self._clock.now_ms()
        if now_ms < project.state.newest().end_ms - _CLOCK_STEP_MS:
            # Sealed ticks do not change, so the numbers would stand still until the old time has come again.
            self._log.warning(
                "the machine's clock was set back; the real-time numbers begin anew", project=project_id
            )
            project.state = self._new_state(project_id)
        ticks = project.state.tick(now_ms)
        turn = checksum(project_id.encode())
        if any((tick.end_ms // TICK_MS + turn) % _VISITORS_EVERY == 0 for tick in ticks):
            self._write_visitors(project_id, project.state)
        project.waiting.extend(tick for tick in ticks if tick.agents or tick.forgotten)
        return self._write(project_id, project)

    def _write(self, project_id: str, project: _Project) -> int:
        written = 0
        try:
            while project.waiting:
                self._rejected.inc(project.writer.write(project.waiting[0]))
                project.waiting.popleft()
                written += 1
        except (StoreClosed, NotFound):
            self._log.info("project is gone", project=project_id)
            self.drop_project(project_id)
        except Unavailable as error:
            self._log.warning(
                "ticks wait for the store",
                project=project_id,
                ticks=len(project.waiting),
                cause=error.message,
            )
            while len(project.waiting) > _KEPT_TICKS:
                project.waiting.popleft()
                self._lost.inc()
        return written
