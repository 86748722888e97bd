"""Which process, host and container this is, so that a restarted process is the same agent again."""

from __future__ import annotations

import fcntl
import os
import platform
import re
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_SLOTS = 4_096
"""Processes of one application on one host."""

_CONTAINER_ID = re.compile(r"\b[0-9a-f]{64}\b")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class Slot:
    """
    The number of this process among those of its application on this host: the lowest that is free.

    It is held by a lock on a file, which ends with the process however it ends. So the worker that replaces a killed one takes its
    number, and is the same agent.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = _UNSAFE.sub("_", name)
        self._file: int | None = None
        self.number = -1

    def take(self) -> int:
        """Take a number; the process id where none can be had (a read-only file system)."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for number in range(MOST_SLOTS):
                if self._try(number):
                    return self.number
        except OSError:
            pass
        self.number = os.getpid()
        return self.number

    def leave_to_parent(self) -> None:
        """Forget a number that a fork copied: the lock is the parent's."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self.number = -1

    def _try(self, number: int) -> bool:
        file = os.open(self._folder / f"{self._name}.{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file, self.number = file, number
        return True


def slot_folder(configured: str) -> Path:
    """Return the folder of the numbering files: one of this user's own."""
    return Path(configured) if configured else Path(tempfile.gettempdir()) / f"bongsu-agent-{os.getuid()}"


def process_attributes() -> dict[str, str | int]:
    """Return resource attributes of this process."""
    return {
        "process.pid": os.getpid(),
        "process.executable.name": Path(sys.argv[0] if sys.argv else sys.executable).name or "python",
        "process.runtime.name": platform.python_implementation().lower(),
        "process.runtime.version": platform.python_version(),
    }


def host_attributes(root: Path = Path("/")) -> dict[str, str]:
    """
    Return resource attributes of the host and the container.

    In a container ``host.id`` is made of the kernel's boot id: the machine id of an image is the same on every host that runs it.
    """
    attributes = {"host.name": socket.gethostname(), "host.arch": platform.machine(), "os.type": "linux"}
    container = container_id(root)
    if container:
        attributes["container.id"] = container
    in_container = (
        bool(container) or (root / ".dockerenv").exists() or "KUBERNETES_SERVICE_HOST" in os.environ
    )
    sources = (
        ("proc/sys/kernel/random/boot_id",)
        if in_container
        else ("etc/machine-id", "proc/sys/kernel/random/boot_id")
    )
    for source in sources:
        text = read_text(root / source)
        if text:
            attributes["host.id"] = text
            break
    return attributes


def container_id(root: Path = Path("/")) -> str:
    """Return the id of the container that this process is in, empty outside; from the control group, else the mounts."""
    for name in ("proc/self/cgroup", "proc/self/mountinfo"):
        lines = [
            line
            for line in read_text(root / name).splitlines()
            if name.endswith("cgroup") or "/containers/" in line
        ]
        for line in lines:
            found = _CONTAINER_ID.search(line)
            if found:
                return found.group()
    return ""


def instance_name(service: str, environment: Mapping[str, str], number: int) -> str:
    """Return the instance id: the operator's, with the number of the process behind it unless that is 0, else one of our own."""
    given = resource_variable(environment, "service.instance.id")
    if given:
        return given if number == 0 else f"{given}-{number}"
    return f"{service}-{socket.gethostname()}-{number}"


def resource_variable(environment: Mapping[str, str], key: str) -> str:
    """Return one attribute of ``OTEL_RESOURCE_ATTRIBUTES``, empty when it is not there."""
    for part in environment.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        name, _, value = part.partition("=")
        if name.strip() == key:
            return value.strip()
    return ""


def read_text(path: Path) -> str:
    """Return the text of a small file of the system, empty when it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
