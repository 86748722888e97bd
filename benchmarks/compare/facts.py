"""What a reader must know to judge the numbers: machine, versions, sizes."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.compare.programs import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.compare.sizes import Sizes


def gather_facts(peers: dict[str, Path], sizes: Sizes, command: str) -> list[str]:
    """Return lines for the report."""
    libraries = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "numba"))
    return [
        f"Command: `{command}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}",
        (
            f"Machine: {_processor()}, {os.cpu_count()} processors, {psutil.virtual_memory().total / 2**30:.0f} GiB, "
            f"{platform.system()} {platform.release()}, load before the run {os.getloadavg()[0]:.1f}"
        ),
        f"Bongsu {importlib.metadata.version('bongsu')} on Python {platform.python_version()}, {libraries}",
        f"Prometheus {package_version(peers['prometheus'])}, VictoriaMetrics {package_version(peers['victoria-metrics'])}",
        (
            f"Data: {sizes.hosts * 200:,} active series, {sizes.hours:g} h, a sample every 15 s give or take some ms, 5% of the hosts replaced every "
            "hour; counters with resets, whole and decimal gauges, classic histograms, constants"
        ),
    ]


def package_version(program: Path) -> str:
    """Return the version of an unpacked Debian package, from the archive beside its root."""
    for archive in program.parents[3].glob(f"{program.name}_*.deb"):
        return archive.name.split("_")[1]
    return _first_line([str(program), "--version"])


def _commit() -> str:
    commit = _first_line(["git", "rev-parse", "--short", "HEAD"])
    changed = _first_line(["git", "status", "--porcelain", "--untracked-files=no", "src"])
    return commit + (" with changes" if changed else "")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _first_line(command: Sequence[str]) -> str:
    answer = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    return (answer.stdout or answer.stderr).strip().partition("\n")[0]
