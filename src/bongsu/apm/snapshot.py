"""
The real-time state across an orderly restart: open ticks, users and agents, in one file.

Written when the server stops, read and removed when it starts: after a crash there is none, and the numbers begin anew. The file
holds the project's keys for hashing users, so only its owner may read it.

It is a pickle of our own classes. Unpickling is restricted to them: a file that names anything else is refused, so that whoever can
write a file cannot make the server run something.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bongsu.runtime.files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from bongsu.apm.project import ProjectApm
    from bongsu.apm.settings import ApmSettings
    from bongsu.apm.ticks import SealedTick

_FORMAT = 4
"""To be raised with every change of a class that is part of the state: an older file is then left out."""

_MODULES = ("bongsu.apm.", "bongsu.wire.otlp.values")
_OTHERS = frozenset({("collections", "deque"), ("collections", "OrderedDict")})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    State of all projects.

    Attributes
    ----------
    settings
        Under which the state was made; it is of no use under others.
    projects
        By project id: the state, and sealed ticks that the store has not taken yet.
    """

    settings: ApmSettings
    projects: dict[str, tuple[ProjectApm, list[SealedTick]]]
    format: int = _FORMAT


class UnusableSnapshot(Exception):
    """The file cannot be used; the numbers begin anew. Told to the log only."""


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot, whole or not at all."""
    write_whole(path, [pickle.dumps(snapshot, protocol=pickle.HIGHEST_PROTOCOL)])
    path.chmod(0o600)


def take_snapshot(path: Path, settings: ApmSettings) -> Snapshot | None:
    """
    Return the snapshot of a file and remove the file; None when there is none.

    Raises
    ------
    UnusableSnapshot
        If the file is damaged, or was written by another version or under other settings.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    path.unlink()
    try:
        snapshot = _Reader(io.BytesIO(data)).load()
    except Exception as error:
        # A damaged pickle raises whatever the classes raise that it is misread as.
        raise UnusableSnapshot(f"{path.name} cannot be read: {error}") from error
    if not isinstance(snapshot, Snapshot) or snapshot.format != _FORMAT:
        raise UnusableSnapshot(f"{path.name} was written by another version")
    if snapshot.settings != settings:
        raise UnusableSnapshot(f"{path.name} was written under other settings of the section 'apm'")
    return snapshot


class _Reader(pickle.Unpickler):
    """Makes objects of our own classes only."""

    def find_class(self, module: str, name: str) -> Any:  # what a pickle names may be anything
        """Return a class of ours, or refuse."""
        if (module, name) in _OTHERS:
            return super().find_class(module, name)
        if module.startswith(_MODULES) and "." not in name:
            found = super().find_class(module, name)
            # Not what a module of ours merely imports, and nothing that would be called for its effect.
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"it names {module}.{name}")
