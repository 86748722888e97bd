"""
The real-time state of one project: spans and gauges in, sealed ticks out.

A tick is `[n * 5000, (n + 1) * 5000)` milliseconds of Unix time. Spans and gauge reports wait in their open tick; `tick`
seals a tick `grace_ms` after its end, in order, and only then are they merged into what lasts (users, gauges, sums). So
a sealed tick is what was known of that tick and nothing newer, and it never changes.

Thread safety: every method may be called from any thread. Decoding, hashing and classification happen before the project's
one lock is taken; under it there are only additions.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, NamedTuple

from bongsu.apm import names
from bongsu.apm.agents import Agent
from bongsu.apm.durations import is_duration, read_durations
from bongsu.apm.entries import Mark, SpanMemory
from bongsu.apm.gauges import KNOWN, Report, read_reports
from bongsu.apm.identity import Identity, identify
from bongsu.apm.open_tick import Held, OpenTick
from bongsu.apm.settings import TICK_MS, ApmLimits, ApmSettings
from bongsu.apm.sorting import SpanSorter
from bongsu.apm.statistics import STEP_MS, Statistics, merged
from bongsu.apm.ticks import AgentTick, Gauges, SealedTick, TransactionTotals, fold, sum_transactions
from bongsu.apm.traces import KeptSpan, TraceLog
from bongsu.apm.transactions import HitMap, KeptTransaction, TransactionLog
from bongsu.apm.users import UserHasher, UserWindow
from bongsu.apm.visitors import VisitorDays

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bongsu.apm.hyperloglog import HyperLogLog
    from bongsu.apm.identity import AgentId
    from bongsu.apm.sorting import Link, Part, Transaction
    from bongsu.apm.statistics import RowType, Tally
    from bongsu.wire.otlp.values import MetricBatch, SpanBatch

_MAX_CATCH_UP = 60
"""Empty ticks that are sealed one by one after a pause of the process: the length of the user window. Of a longer pause only the
ticks that hold something are."""

_AGENT_PRECISION = 10
"""Sketches of one agent's users: 1 KiB and 3 %, 60 KiB for a window; the project's own sketches are finer."""
_LEAST_EXACT_USERS = 200
"""Users counted exactly for each agent, however many agents share the project's budget."""

_REMEMBERED_REQUESTS = 4_096
"""By which a repeated one is known: two minutes of a hundred senders that send every three seconds."""

_COUNTED_MARKS = frozenset((Mark.COUNTED, Mark.LOCAL_COUNTED))
_LOCAL_MARKS = frozenset((Mark.LOCAL, Mark.LOCAL_COUNTED))


class Taken(NamedTuple):
    """
    What became of a request: items that were not taken, and why.

    Attributes
    ----------
    limit
        Name of the project's limit that was met.
    """

    refused: int = 0
    reason: str = ""
    limit: str = ""


class ProjectApm:
    """
    Real-time numbers of one project.

    Parameters
    ----------
    settings
        See `ApmSettings`.
    secret
        Key for the hashes of users, at most 64 bytes, this project's own.
    now_ms
        Unix milliseconds now: ticks that are due already are taken as sealed and empty.

    Attributes
    ----------
    limits
        What the project may have now; set by whoever knows, and not part of a snapshot.
    """

    def __init__(self, settings: ApmSettings, *, secret: bytes, now_ms: int) -> None:
        self.settings = settings
        self.limits = settings.limits
        self._sorter = SpanSorter(UserHasher(secret), root_internal=settings.root_internal)
        self._apdex_ns = settings.apdex_ms * 1_000_000
        self._lock = threading.Lock()
        self._agents: dict[AgentId, Agent] = {}
        self._open: dict[int, OpenTick] = {}
        self._memory = SpanMemory(settings.max_open_spans)
        self._window = settings.user_window_ms // TICK_MS
        self._users = UserWindow(self._window, settings.exact_users)
        self._since_start = TransactionTotals()
        self._log = TransactionLog(settings.max_kept_transactions, settings.keep_transactions_ms)
        self._traces = TraceLog(settings.max_waiting_spans, settings.max_kept_spans)
        self._statistics = Statistics(
            settings.max_statistics_per_step, settings.max_statistics, settings.keep_transactions_ms
        )
        self._visitors = VisitorDays()
        self._requests: dict[bytes, None] = {}
        self._since_ms = now_ms
        self._takes_streams = True
        self._late = 0
        self._repeated = 0
        self._sealed = self._due(now_ms)
        self._newest = SealedTick(self._end_ms(self._sealed))

    def __getstate__(self) -> dict[str, object]:
        """Return the state for a snapshot; no other thread may use it meanwhile."""
        return {name: value for name, value in self.__dict__.items() if name not in {"_lock", "limits"}}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self.limits = self.settings.limits
        self._lock = threading.Lock()

    def newest(self) -> SealedTick:
        """Return the newest sealed tick; an empty one before the first."""
        return self._newest

    def add_spans(self, batch: SpanBatch, *, now_ms: int, peer: str = "") -> Taken:
        """
        Take the spans of one request.

        Parameters
        ----------
        now_ms
            Time of arrival.
        peer
            Address of the sender, for agents whose resource names no host.
        """
        parts = self._sorter.sort(batch, peer)
        refused = 0
        with self._lock:
            is_new = self._note_request(parts.values())
            for identity, part in parts.items():
                agent = self._agent(identity)
                if agent is None:
                    refused += part.spans
                    continue
                agent.span_pulse.beat(now_ms)
                agent.spans += part.servers
                self._traces.add(identity.agent, part.every)
                shift = agent.skew.shift(part.newest_ns // 1_000_000, now_ms)
                for transaction in part.certain:
                    self._place(agent, transaction, shift, now_ms)
                for link in part.links:
                    self._link(agent, link, shift, now_ms)
                if is_new:
                    self._add_calls(agent, part, shift, now_ms)
        return self._taken(refused, "spans")

    def add_metrics(self, batch: MetricBatch, *, now_ms: int, peer: str = "") -> Taken:
        """Take what the real-time numbers need of a metrics request; see `add_spans`."""
        refused = 0
        for group in batch.groups:
            if group.resource.attributes.get(names.AGENT_KIND) == names.HOST_AGENT:
                continue
            identity = identify(group.resource.attributes, peer)
            reports = [
                (metric.name, report)
                for metric in group.metrics
                if (known := KNOWN.get(metric.name)) is not None
                for report in read_reports(metric, known.role)
            ]
            durations = [
                reading
                for metric in group.metrics
                if is_duration(metric)
                for reading in read_durations(metric, group.scope.name)
            ]
            with self._lock:
                agent = self._agent(identity)
                if agent is None:
                    refused += group.left_out + sum(len(metric.points) for metric in group.metrics)
                    continue
                agent.metric_pulse.beat(now_ms)
                self._place_reports(agent, group.scope.name, reports, now_ms)
                for reading in durations:
                    time_ms = self._report_time(reading.time_ms, now_ms)
                    self._report_tick(time_ms).durations.append((agent, reading._replace(time_ms=time_ms)))
        if not refused and not self._takes_streams:
            return Taken(
                0,
                f"the project has {self.limits.max_streams} streams of real-time gauges; new ones are stored, but not in the "
                "real-time numbers: use fewer attributes, or raise the project's limit 'max_streams' (setting 'apm.max_streams')",
                "max_streams",
            )
        return self._taken(refused, "data points")

    def tick(self, now_ms: int) -> list[SealedTick]:
        """Seal every tick that is due and return them, oldest first; empty when none is."""
        due = self._due(now_ms)
        with self._lock:
            first = max(self._sealed, due - _MAX_CATCH_UP) + 1
            older = sorted(index for index in self._open if index < first)
            return [self._seal(index) for index in (*older, *range(first, due + 1))]

    def used(self) -> ApmLimits:
        """Return the agents and, as of the newest tick, the streams that the project has."""
        with self._lock:
            return ApmLimits(len(self._agents), sum(agent.streams() for agent in self._agents.values()))

    def hit_maps(self, start_ms: int, end_ms: int) -> list[HitMap]:
        """Return the hit maps of the sealed ticks that end in ``(start_ms, end_ms]``."""
        with self._lock:
            return self._log.hit_maps(start_ms, end_ms)

    def find_transactions(
        self, start_ms: int, end_ms: int, *, least_ms: float, most_ms: float, limit: int
    ) -> list[KeptTransaction]:
        """Return kept transactions of those ticks with a duration in ``[least_ms, most_ms)``, newest tick first."""
        with self._lock:
            return list(itertools.islice(self._log.find(start_ms, end_ms, least_ms, most_ms), limit))

    def find_spans(self, trace_id: bytes) -> list[KeptSpan]:
        """Return the kept spans of a trace in order of their start."""
        with self._lock:
            return self._traces.find(trace_id)

    def statistics(
        self, kind: type[RowType], start_ms: int, end_ms: int, *, wanted: Callable[[AgentId], bool]
    ) -> dict[RowType, tuple[Tally, set[AgentId]]]:
        """Return the rows of a kind of the steps that begin in ``[start_ms, end_ms)``, over the agents that are wanted."""
        with self._lock:
            return merged(
                found for found in self._statistics.find(kind, start_ms, end_ms) if wanted(found[0])
            )

    def visitors(self) -> dict[int, HyperLogLog]:
        """Return the users by day that were not taken yet."""
        with self._lock:
            return self._visitors.copy()

    def take_visitors(self) -> dict[int, HyperLogLog]:
        """Return the users by day since this was called last."""
        with self._lock:
            return self._visitors.take()

    def give_back_visitors(self, days: dict[int, HyperLogLog]) -> None:
        """Take back what could not be written."""
        with self._lock:
            self._visitors.give_back(days)

    def _due(self, now_ms: int) -> int:
        return (now_ms - self.settings.grace_ms) // TICK_MS - 1

    @staticmethod
    def _end_ms(index: int) -> int:
        return (index + 1) * TICK_MS

    def _agent(self, identity: Identity) -> Agent | None:
        agent = self._agents.get(identity.agent)
        if agent is None:
            if 0 < self.limits.max_agents <= len(self._agents):
                return None
            budget = max(_LEAST_EXACT_USERS, self.settings.exact_users // (len(self._agents) + 1))
            users = UserWindow(self._window, budget, precision=_AGENT_PRECISION)
            agent = self._agents[identity.agent] = Agent(identity, self.settings, users, self._since_ms)
        agent.identity = identity  # a restarted agent may run on another host
        return agent

    def _open_tick(self, index: int) -> OpenTick:
        tick = self._open.get(index)
        if tick is None:
            tick = self._open[index] = OpenTick()
        return tick

    def _place(self, agent: Agent, transaction: Transaction, shift: int, now_ms: int) -> bool:
        """Put a transaction into its tick; return False when it is late or was there before."""
        # What ended cannot have ended later than now: a clock that is a little ahead.
        index = min(transaction.end_ms + shift, now_ms) // TICK_MS
        if index <= self._sealed:
            self._late += 1
            return False
        key = transaction.key
        if any(key in tick.seen for tick in self._open.values()):
            self._repeated += 1
            return False
        tick = self._open_tick(index)
        tick.seen.add(key)
        if transaction.parent_id:
            tick.held.setdefault((agent, transaction.parent_id), []).append(Held(transaction))
        else:
            is_kept = tick.count(agent, transaction, self._apdex_ns)
            if not is_kept and not transaction.span.parent_id:
                self._traces.leave_out(transaction.span.trace_id)
        return True

    def _link(self, agent: Agent, link: Link, shift: int, now_ms: int) -> None:
        """Take a span whose sender does not tell remote parents (`bongsu.apm.entries`)."""
        for tick in self._open.values():
            for held in tick.held.get((agent, link.span_id), ()):
                held.is_nested = True
        mark = self._memory.get(agent, link.span_id)
        if mark in _COUNTED_MARKS:
            self._memory.put(agent, link.span_id, Mark.LOCAL_COUNTED)
            if link.parent_id and link.transaction is None:
                self._memory.put(agent, link.parent_id, Mark.COUNTED)
            return
        self._memory.put(agent, link.span_id, Mark.LOCAL)
        transaction = link.transaction
        if transaction is None:
            return
        if transaction.parent_id and self._memory.get(agent, transaction.parent_id) in _LOCAL_MARKS:
            return
        self._place(agent, transaction, shift, now_ms)

    def _note_request(self, parts: Iterable[Part]) -> bool:
        """Remember a request by its spans at both ends; return False when it came before."""
        spans = [span for part in parts for span in (part.every[0], part.every[-1])]
        if not spans:
            return True
        key = b"".join(span.trace_id + span.span_id for span in (spans[0], spans[-1]))
        if key in self._requests:
            return False
        if len(self._requests) >= _REMEMBERED_REQUESTS:
            del self._requests[next(iter(self._requests))]
        self._requests[key] = None
        return True

    def _add_calls(self, agent: Agent, part: Part, shift: int, now_ms: int) -> None:
        for (step, row), tally in part.calls.items():
            end_ms = min(step * STEP_MS + shift, now_ms)
            self._statistics.add(agent.identity.agent, row, end_ms, tally, now_ms=now_ms)

    def _place_reports(
        self, agent: Agent, scope: str, reports: Iterable[tuple[str, Report]], now_ms: int
    ) -> None:
        for name, report in reports:
            state = agent.metric(scope, name)
            if state is None:
                continue
            time_ms = self._report_time(report.time_ms, now_ms)
            self._report_tick(time_ms).reports.append((state, report._replace(time_ms=time_ms)))

    def _report_time(self, time_ms: int, now_ms: int) -> int:
        if not time_ms or abs(now_ms - time_ms) > self.settings.max_skew_ms:
            return now_ms  # metrics are sent when they are read: their time of arrival is right to the second
        return min(time_ms, now_ms)

    def _report_tick(self, time_ms: int) -> OpenTick:
        # A report for a tick that is sealed still tells the state of now: it goes into the oldest open one.
        return self._open_tick(max(time_ms // TICK_MS, self._sealed + 1))

    def _seal(self, index: int) -> SealedTick:
        end_ms = self._end_ms(index)
        tick = self._open.pop(index, None) or OpenTick()
        self._count_held(tick)
        for state, report in sorted(tick.reports, key=lambda entry: entry[1].time_ms):
            state.put(report, takes_new=self._takes_streams)
        for agent, reading in sorted(tick.durations, key=lambda entry: (entry[1].time_ms, entry[1].rank)):
            agent.durations.put(reading, index, takes_new=self._takes_streams)
        streams = sum(agent.streams() for agent in self._agents.values())
        self._takes_streams = not self.limits.max_streams or streams < self.limits.max_streams
        users = set().union(*tick.users.values())
        self._users.advance(index, users)
        self._visitors.see(end_ms, users)
        forgotten = self._forget(end_ms, tick)
        agents = tuple(self._agent_tick(agent, index, tick) for agent in self._in_order())
        transactions = sum_transactions(agent.transactions for agent in agents)
        self._since_start.add(transactions)
        self._traces.forget(kept.trace_id for kept in self._log.append(end_ms, tick.transactions))
        self._traces.keep(kept.trace_id for kept in tick.transactions.kept())
        for agent, row, tally in tick.rows():
            self._statistics.add(agent.identity.agent, row, end_ms - 1, tally, now_ms=end_ms)
        self._statistics.forget(end_ms)
        self._sealed = index
        self._newest = SealedTick(
            end_ms=end_ms,
            numbers=fold(agents, self._users.count()),
            agents=agents,
            forgotten=forgotten,
            transactions=transactions,
            since_start=sum_transactions((self._since_start,)),
            late_spans=self._late,
            repeated_spans=self._repeated,
            users_exact=self._users.is_exact,
        )
        return self._newest

    def _count_held(self, tick: OpenTick) -> None:
        for (agent, parent_id), entries in tick.held.items():
            for held in entries:
                if not held.is_nested:
                    tick.count(agent, held.transaction, self._apdex_ns)
                    self._memory.put(agent, parent_id, Mark.COUNTED)

    def _in_order(self) -> list[Agent]:
        return [self._agents[agent_id] for agent_id in sorted(self._agents)]

    def _forget(self, end_ms: int, tick: OpenTick) -> tuple[Identity, ...]:
        """Drop the agents that have been silent for long."""
        limit = end_ms + self.settings.grace_ms - self.settings.agent_forget_ms
        gone = [a for a in self._agents.values() if a.newest_ms < limit and a not in tick.totals]
        for agent in gone:
            del self._agents[agent.identity.agent]
        return tuple(agent.identity for agent in gone)

    def _agent_tick(self, agent: Agent, index: int, tick: OpenTick) -> AgentTick:
        end_ms = self._end_ms(index)
        recorded = agent.durations.seal(index, agent.spans)
        agent.spans = 0
        totals = tick.totals.get(agent) if recorded is None else recorded
        if totals is not None:
            agent.since_start.add(totals)
        agent.users.advance(index, tick.users.get(agent, set()))
        # Silence is judged when the tick is sealed: what came in the grace time is heard.
        is_active = agent.is_active(end_ms + self.settings.grace_ms, self.settings)
        return AgentTick(
            identity=agent.identity,
            is_active=is_active,
            transactions=totals or TransactionTotals(),
            is_sampled=recorded is not None,
            since_start=sum_transactions((agent.since_start,)),
            users=agent.users.count(),
            gauges=agent.gauges(end_ms, self.settings) if is_active else Gauges(),
        )

    def _taken(self, refused: int, what: str) -> Taken:
        if not refused:
            return Taken()
        return Taken(
            refused,
            f"{refused} {what} are of new agents, and the project has {self.limits.max_agents} already; give restarted "
            "agents the same service.instance.id, or raise the project's limit 'max_agents' (setting 'apm.max_agents')",
            "max_agents",
        )
