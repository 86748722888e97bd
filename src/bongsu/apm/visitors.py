"""
Distinct users by day, for months: one sketch a day of each project, in files.

Users are known by their keyed hashes, so the key of a project must outlive the process: it is in a file beside the sketches. A day is
one of UTC. `docs/format/visitors.md` has every byte.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import struct
from typing import TYPE_CHECKING

import numpy as np

from bongsu.apm.hyperloglog import HyperLogLog
from bongsu.runtime.files import checksum, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

DAY_MS = 86_400_000
KEPT_DAYS = 400
"""A year and a month: what may be asked for at once, and the month that is compared with."""

_HEAD = struct.Struct("<4sBB2xI")
"""Magic, version, precision, checksum of the registers."""
_MAGIC, _VERSION = b"BVIS", 1
_PRECISION = 14
_SECRET_BYTES = 32
_SUFFIX = ".hll"


class VisitorDays:
    """
    The days that a project has seen users on and that are not written yet. Not thread-safe: the project's lock guards it.

    A day takes 16 KiB.
    """

    def __init__(self) -> None:
        self._days: dict[int, HyperLogLog] = {}

    def see(self, end_ms: int, users: set[int]) -> None:
        """Add the users of a tick."""
        if users:
            day = (end_ms - 1) // DAY_MS
            self._days.setdefault(day, HyperLogLog(_PRECISION)).add_all(users)

    def copy(self) -> dict[int, HyperLogLog]:
        """Return what waits."""
        return {day: sketch.merge(()) for day, sketch in self._days.items()}

    def take(self) -> dict[int, HyperLogLog]:
        """Return what waits and forget it."""
        days, self._days = self._days, {}
        return days

    def give_back(self, days: Mapping[int, HyperLogLog]) -> None:
        """Take back what could not be written."""
        self._days = united(self._days, days)


class VisitorFiles:
    """
    The files of all projects. Safe from any thread as long as one writes at a time.

    Parameters
    ----------
    folder
        Holds a folder for each project; made when it is needed.
    """

    def __init__(self, folder: Path, log: FilteringBoundLogger) -> None:
        self._folder = folder
        self._log = log

    def secret(self, project_id: str) -> bytes:
        """
        Return the key for the hashes of a project's users, made when there is none.

        Raises
        ------
        OSError
            If it can neither be read nor made.
        """
        path = self._of(project_id) / "secret"
        try:
            known = path.read_bytes()
        except FileNotFoundError:
            known = b""
        if len(known) == _SECRET_BYTES:
            return known
        made = secrets.token_bytes(_SECRET_BYTES)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, [made])
        path.chmod(0o600)
        return made

    def add(self, project_id: str, days: Mapping[int, HyperLogLog]) -> None:
        """
        Write what a project saw, beside what is there, and remove what is too old.

        Raises
        ------
        OSError
            If the disk does not take it; what was there is untouched.
        """
        folder = self._of(project_id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for day, sketch in united(self.read(project_id, days), days).items():
            registers = sketch.registers.tobytes()
            write_whole(
                folder / _name(day),
                [_HEAD.pack(_MAGIC, _VERSION, _PRECISION, checksum(registers)), registers],
            )
        if days:
            self._forget(folder, _name(max(days) - KEPT_DAYS))

    def read(self, project_id: str, days: Iterable[int]) -> dict[int, HyperLogLog]:
        """Return the sketches of those days that there are; a damaged one is set aside and told."""
        found = {}
        for day in days:
            path = self._of(project_id) / _name(day)
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue
            sketch = _decoded(data)
            if sketch is None:
                self._log.error("a day of visitors is damaged; it is set aside", file=str(path))
                path.replace(path.with_suffix(".damaged"))
                continue
            found[day] = sketch
        return found

    def remove(self, project_id: str) -> None:
        """Remove what is kept of a project that is gone."""
        shutil.rmtree(self._of(project_id), ignore_errors=True)

    def _of(self, project_id: str) -> Path:
        # An id that came with an imported project may be any text.
        return self._folder / hashlib.blake2b(project_id.encode(), digest_size=8).hexdigest()

    @staticmethod
    def _forget(folder: Path, oldest: str) -> None:
        for path in folder.glob(f"*{_SUFFIX}"):
            if path.name < oldest:
                path.unlink(missing_ok=True)


def united(*parts: Mapping[int, HyperLogLog]) -> dict[int, HyperLogLog]:
    """Return the union of the sketches of each day."""
    days: dict[int, HyperLogLog] = {}
    for part in parts:
        for day, sketch in part.items():
            days[day] = days[day].merge([sketch]) if day in days else sketch
    return days


def distinct(sketches: Iterable[HyperLogLog]) -> int:
    """Return how many users any of the sketches has seen; 0 without any."""
    return HyperLogLog(_PRECISION).merge(sketches).estimate()


def _name(day: int) -> str:
    """Return the file of a day since the Unix epoch: names sort as days do."""
    return f"{np.datetime64(max(0, day), 'D')}{_SUFFIX}"


def _decoded(data: bytes) -> HyperLogLog | None:
    registers = data[_HEAD.size :]
    if len(data) < _HEAD.size or len(registers) != 1 << _PRECISION:
        return None
    if _HEAD.unpack_from(data) != (_MAGIC, _VERSION, _PRECISION, checksum(registers)):
        return None
    sketch = HyperLogLog(_PRECISION)
    sketch.registers = np.frombuffer(registers, dtype=np.uint8).copy()
    return sketch
