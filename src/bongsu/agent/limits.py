"""What a control group allows this process: processors and memory of a container."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bongsu.agent.identity import read_text

_UNLIMITED_BYTES = 1 << 60
"""The older control groups write a number near 2^63 for no limit."""


class ContainerLimits(NamedTuple):
    """Limits of the container; None where there is none."""

    cpus: float | None
    memory_bytes: int | None


def container_limits(root: Path = Path("/")) -> ContainerLimits:
    """Return the limits, from control groups of version 2, else 1. The lowest on the way up to the root counts."""
    groups = _groups(root)
    if "" in groups:
        folders = _chain(root / "sys/fs/cgroup", groups[""])
        return ContainerLimits(
            _least([_quota_2(read_text(folder / "cpu.max")) for folder in folders]),
            _least_bytes([_bytes(read_text(folder / "memory.max")) for folder in folders]),
        )
    cpu = _chain(root / "sys/fs/cgroup/cpu", groups.get("cpu", "/"))
    memory = _chain(root / "sys/fs/cgroup/memory", groups.get("memory", "/"))
    return ContainerLimits(
        _least([_quota_1(folder) for folder in cpu]),
        _least_bytes([_bytes(read_text(folder / "memory.limit_in_bytes")) for folder in memory]),
    )


def _groups(root: Path) -> dict[str, str]:
    """Return the path of each controller; that of version 2 has an empty name."""
    groups: dict[str, str] = {}
    for line in read_text(root / "proc/self/cgroup").splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            for controller in parts[1].split(","):
                groups[controller] = parts[2]
    has_version_1 = {"cpu", "memory"} & groups.keys()
    return {name: path for name, path in groups.items() if name or not has_version_1}


def _chain(mount: Path, path: str) -> list[Path]:
    """Return the folders from the process' own group up to the root; inside a container its own group is the mount."""
    parts = [part for part in path.split("/") if part and part != ".."]
    return [mount.joinpath(*parts[:count]) for count in range(len(parts), -1, -1)]


def _quota_2(text: str) -> float | None:
    quota, _, period = text.partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _quota_1(folder: Path) -> float | None:
    quota, period = read_text(folder / "cpu.cfs_quota_us"), read_text(folder / "cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _bytes(text: str) -> int | None:
    return int(text) if text.isdigit() and int(text) < _UNLIMITED_BYTES else None


def _least(values: list[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _least_bytes(values: list[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)
