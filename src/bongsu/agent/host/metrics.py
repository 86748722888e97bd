"""The machine's metrics under OpenTelemetry's names, read by psutil when a report is due."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import psutil
from opentelemetry.metrics import CallbackOptions, Observation

from bongsu.agent.measures import CPU_MODES, HostCpu

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PSEUDO = frozenset({"squashfs", "overlay", "tmpfs", "devtmpfs", "iso9660"})
"""File systems that are no disk of the machine's own, or always full."""
_DIRECTIONS = (("read", "read_bytes", "read_count"), ("write", "write_bytes", "write_count"))


class HostMeasures:
    """Registers a machine's metrics with a meter; everything is since the boot, or of now."""

    def __init__(self) -> None:
        self._cpu = HostCpu()

    def register(self, meter: Any) -> None:
        """Make the instruments."""
        gauge, counter = meter.create_observable_gauge, meter.create_observable_counter
        level = meter.create_observable_up_down_counter
        counter("system.cpu.time", [_cpu_time], "s", "Time of all processors by mode.")
        gauge("system.cpu.utilization", [self._cpu_share], "1", "Share of the time by mode.")
        level("system.cpu.logical.count", [_cores], "{cpu}", "Logical processors.")
        gauge("system.cpu.load_average.1m", [_load], "{run}", "Load average of the last minute.")
        level("system.memory.usage", [_memory], "By", "Memory by state.")
        level("system.memory.limit", [_memory_limit], "By", "Memory of the machine.")
        level("system.paging.usage", [_paging], "By", "Swap by state.")
        level("system.filesystem.usage", [_filesystems], "By", "Space of file systems by state.")
        counter("system.disk.io", [_disk_bytes], "By", "Bytes by disk and direction.")
        counter(
            "system.disk.operations", [_disk_operations], "{operation}", "Operations by disk and direction."
        )
        counter("system.network.io", [_network_bytes], "By", "Bytes by interface and direction.")
        counter("system.network.errors", [_network_errors], "{error}", "Errors by interface and direction.")
        gauge("system.uptime", [_uptime], "s", "Time since the boot.")
        level("system.processes.count", [_processes], "{process}", "Processes.")

    def _cpu_share(self, _options: CallbackOptions) -> Iterator[Observation]:
        for mode, share in self._cpu.shares().items():
            yield Observation(share, {"cpu.mode": mode})


def _cpu_time(_options: CallbackOptions) -> Iterator[Observation]:
    times = psutil.cpu_times()
    for mode in CPU_MODES:
        if hasattr(times, mode):
            yield Observation(getattr(times, mode), {"cpu.mode": mode})


def _cores(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(os.cpu_count() or 1)]


def _load(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(os.getloadavg()[0])]


def _memory(_options: CallbackOptions) -> Iterator[Observation]:
    memory = psutil.virtual_memory()
    for state in ("used", "free", "buffers", "cached"):
        if hasattr(memory, state):
            yield Observation(getattr(memory, state), {"system.memory.state": state})


def _memory_limit(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(psutil.virtual_memory().total)]


def _paging(_options: CallbackOptions) -> Iterator[Observation]:
    swap = psutil.swap_memory()
    for state in ("used", "free"):
        yield Observation(getattr(swap, state), {"system.paging.state": state})


def _filesystems(_options: CallbackOptions) -> Iterator[Observation]:
    seen: set[str] = set()
    for part in psutil.disk_partitions(all=False):
        if part.fstype in _PSEUDO or part.device in seen:
            continue
        seen.add(part.device)  # bind mounts show the same disk many times
        try:
            use = psutil.disk_usage(part.mountpoint)
        except OSError:
            continue  # unmounted since, or not ours to look into
        own = {
            "system.device": part.device,
            "system.filesystem.mountpoint": part.mountpoint,
            "system.filesystem.type": part.fstype,
        }
        reserved = max(0, use.total - use.used - use.free)
        for state, size in (("used", use.used), ("free", use.free), ("reserved", reserved)):
            yield Observation(size, {**own, "system.filesystem.state": state})


def _disk_bytes(_options: CallbackOptions) -> Iterator[Observation]:
    for disk, counters in (psutil.disk_io_counters(perdisk=True) or {}).items():
        for direction, size, _ in _DIRECTIONS:
            yield Observation(
                getattr(counters, size), {"system.device": disk, "disk.io.direction": direction}
            )


def _disk_operations(_options: CallbackOptions) -> Iterator[Observation]:
    for disk, counters in (psutil.disk_io_counters(perdisk=True) or {}).items():
        for direction, _, count in _DIRECTIONS:
            yield Observation(
                getattr(counters, count), {"system.device": disk, "disk.io.direction": direction}
            )


def _network_bytes(_options: CallbackOptions) -> Iterator[Observation]:
    yield from _network("bytes_recv", "bytes_sent")


def _network_errors(_options: CallbackOptions) -> Iterator[Observation]:
    yield from _network("errin", "errout")


def _network(received: str, sent: str) -> Iterator[Observation]:
    for name, counters in psutil.net_io_counters(pernic=True).items():
        for direction, field in (("receive", received), ("transmit", sent)):
            yield Observation(
                getattr(counters, field),
                {"network.interface.name": name, "network.io.direction": direction},
            )


def _uptime(_options: CallbackOptions) -> Iterable[Observation]:
    import time

    return [Observation(time.time() - psutil.boot_time())]


def _processes(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(len(psutil.pids()))]
