"""The agent's metrics: what the server's real-time numbers need and OpenTelemetry's instrumentations lack."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import psutil
from opentelemetry.metrics import CallbackOptions, Observation

from bongsu.agent.limits import container_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bongsu.agent.pools.connections import ConnectionPools
    from bongsu.agent.pools.threads import ThreadPools
    from bongsu.agent.transactions import Transactions

SCOPE = "bongsu.agent"
CPU_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


class HostCpu:
    """The share of the host's time in each mode since the reading before."""

    def __init__(self) -> None:
        self._before = _cpu_times()

    def shares(self) -> dict[str, float]:
        """Return the shares, which add up to 1; empty when no time has passed."""
        now = _cpu_times()
        grown = {mode: max(0.0, now[mode] - self._before.get(mode, 0.0)) for mode in now}
        self._before = now
        whole = sum(grown.values())
        return {mode: value / whole for mode, value in grown.items()} if whole > 0 else {}


def _cpu_times() -> dict[str, float]:
    times = psutil.cpu_times()
    return {mode: getattr(times, mode) for mode in CPU_MODES if hasattr(times, mode)}


class ApplicationMeasures:
    """Registers the gauges of an application with a meter."""

    def __init__(
        self,
        transactions: Transactions,
        threads: ThreadPools,
        connections: ConnectionPools,
        dropped: Callable[[], int],
    ) -> None:
        self._transactions = transactions
        self._threads = threads
        self._connections = connections
        self._dropped = dropped
        self._cpu = HostCpu()

    def register(self, meter: Any) -> None:
        """Make the instruments."""
        gauge = meter.create_observable_gauge
        gauge("bongsu.transactions.active", [self._in_flight], "{transaction}", "Transactions in flight.")
        gauge("bongsu.threadpool.active", [self._busy_threads], "{thread}", "Busy threads of worker pools.")
        gauge("bongsu.threadpool.queue", [self._queued], "{request}", "Work that waits for a thread.")
        gauge("db.client.connection.count", [self._pooled], "{connection}", "Connections in pools, by state.")
        gauge("bongsu.host.cpu.cores", [self._cores], "{cpu}", "Logical processors of the host.")
        gauge("system.cpu.utilization", [self._host_cpu], "1", "Share of the host's time, by mode.")
        gauge(
            "bongsu.container.cpu.limit", [self._cpu_limit], "{cpu}", "Processors that the container may use."
        )
        gauge(
            "bongsu.container.memory.limit", [self._memory_limit], "By", "Memory that the container may use."
        )
        meter.create_observable_counter(
            "bongsu.agent.dropped_spans", [self._dropped_spans], "{span}", "Spans that were not sent."
        )

    def _in_flight(self, _options: CallbackOptions) -> Iterator[Observation]:
        for (state, band), count in self._transactions.counts().items():
            yield Observation(count, {"state": state, "band": band})

    def _busy_threads(self, _options: CallbackOptions) -> Iterator[Observation]:
        for use in self._threads.uses():
            yield Observation(use.active, {"pool": use.pool})

    def _queued(self, _options: CallbackOptions) -> Iterator[Observation]:
        for use in self._threads.uses():
            yield Observation(use.queued, {"pool": use.pool})

    def _pooled(self, _options: CallbackOptions) -> Iterator[Observation]:
        for use in self._connections.uses():
            for state, count in (("used", use.used), ("idle", use.idle)):
                yield Observation(
                    count, {"db.client.connection.state": state, "db.client.connection.pool.name": use.pool}
                )

    def _cores(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(os.cpu_count() or 1)]

    def _host_cpu(self, _options: CallbackOptions) -> Iterator[Observation]:
        for mode, share in self._cpu.shares().items():
            yield Observation(share, {"cpu.mode": mode})

    def _cpu_limit(self, _options: CallbackOptions) -> Iterator[Observation]:
        limits = container_limits()
        if limits.cpus is not None:
            yield Observation(limits.cpus)

    def _memory_limit(self, _options: CallbackOptions) -> Iterator[Observation]:
        limits = container_limits()
        if limits.memory_bytes is not None:
            yield Observation(limits.memory_bytes)

    def _dropped_spans(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(self._dropped())]
