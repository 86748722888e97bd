"""A program under measurement as a process: its life, its processor time, its memory."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STOP_SECONDS = 120
"""A store that writes its head to disk at the end needs some of it."""


class ProgramEnded(Exception):
    """A program did not start, or ended by itself; the message has the end of its log."""


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """One child process and its descendants; what it prints goes to a file."""

    def __init__(
        self, command: Sequence[str], *, log: Path, cwd: Path, environment: Mapping[str, str]
    ) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def check(self) -> None:
        """Raise ProgramEnded unless the process runs."""
        if self._process.poll() is not None:
            said = self._log.read_text(errors="replace")[-2000:]
            raise ProgramEnded(
                f"{self._process.args!r} ended with status {self._process.returncode}:\n{said}"
            )

    def terminate(self) -> None:
        """Ask the process to end, wait for it, and end it by force if it does not."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)

    def cpu_seconds(self) -> float:
        """Return the processor time that was used so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self._family())

    def resident(self) -> int:
        """Return the resident memory in bytes, mapped files included."""
        return sum(process.memory_info().rss for process in self._family())

    def reset_peak(self) -> None:
        """Forget the highest resident memory so far (see proc(5), ``clear_refs``)."""
        for process in self._family():
            Path(f"/proc/{process.pid}/clear_refs").write_text("5")

    def peak(self) -> int:
        """Return the highest resident memory since `reset_peak`, in bytes."""
        return sum(_high_water(process.pid) for process in self._family())

    def wait_until_calm(self, *, below: float = 0.05, longest_s: float = 60.0) -> None:
        """Return when the process uses hardly any processor time for a second, or after a while."""
        deadline = time.monotonic() + longest_s
        while time.monotonic() < deadline:
            before = self.cpu_seconds()
            time.sleep(1)
            if self.cpu_seconds() - before <= below:
                return

    def _family(self) -> list[psutil.Process]:
        self.check()
        child = psutil.Process(self.pid)
        return [child, *child.children(recursive=True)]


def _high_water(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
