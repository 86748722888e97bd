"""
What a database has in memory, and how it comes from disk and goes back there.

Everything here is done under the locks that `bongsu.tsdb.memory` names; nothing here logs or waits for the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.storage.errors import StoreDamaged
from bongsu.tsdb.annotations import Exemplars, Metadata
from bongsu.tsdb.checkpoint import CHECKPOINT_NAME, Checkpoint, freeze, thaw
from bongsu.tsdb.head import Head
from bongsu.tsdb.known_series import SeriesMemory
from bongsu.tsdb.sections import SectionFile
from bongsu.tsdb.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class State:
    """
    Head, annotations and blocks of one project, loaded from its folder.

    Parameters
    ----------
    told
        Takes a line for each damaged file that was set aside.
    """

    def __init__(self, folder: Path, told: Callable[[str], None]) -> None:
        self.metadata = Metadata()
        self.exemplars = Exemplars()
        self.shelf = Shelf(folder / "blocks", told)
        self.head = Head()
        self.known = SeriesMemory()
        self.sequence = 0
        path = folder / CHECKPOINT_NAME
        if path.exists():
            try:
                self.head, self.sequence = thaw(path, self.metadata, self.exemplars)
            except (StoreDamaged, KeyError, ValueError, TypeError) as error:
                aside = path.with_suffix(".damaged")
                path.rename(aside)
                told(f"checkpoint {path} is damaged and set aside as {aside.name}: {error}")
        self.head.series.find_free_slots()

    def freeze(self, sequence: int) -> Checkpoint:
        """Return the head as of a record of the log."""
        return freeze(self.head, self.metadata, self.exemplars, sequence)


def saved_sequence(folder: Path) -> int:
    """Return the last record of the log that the checkpoint of a project holds; 0 without a good one."""
    path = folder / CHECKPOINT_NAME
    try:
        return int(SectionFile(path).json("meta")["sequence"]) if path.exists() else 0
    except (StoreDamaged, KeyError, ValueError, TypeError):
        return 0
