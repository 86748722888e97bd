"""How far the log is in the memory of a database, and how much of that is in its checkpoint."""

from __future__ import annotations


class Progress:
    """
    Places in the log of one database; guarded by its lock.

    One checkpoint is taken at a time: the upkeep lock sees to that.

    Parameters
    ----------
    saved
        The last record that the checkpoint on disk holds.

    Attributes
    ----------
    applied
        The last record that is in memory.
    """

    def __init__(self, saved: int) -> None:
        self.saved = saved
        self.applied = saved
        self._since_save: int | None = None
        self._being_saved: int | None = None

    @property
    def oldest_unsaved(self) -> int | None:
        """The oldest record in memory that no checkpoint on disk holds; None when all are in one."""
        return self._since_save if self._being_saved is None else self._being_saved

    def note_applied(self, sequence: int) -> None:
        """Go on to a record; they come in the order of the log."""
        self.applied = sequence
        if self._since_save is None:
            self._since_save = sequence

    def begin_save(self) -> None:
        """Let a checkpoint be on its way with all that is applied; until it is on disk, the log keeps that too."""
        self._being_saved, self._since_save = self._since_save, None

    def end_save(self, sequence: int) -> None:
        """Let the checkpoint be on disk; it holds everything up to a record."""
        self._being_saved = None
        self.saved = sequence

    def abandon_save(self) -> None:
        """Go on as if no checkpoint had been begun."""
        if self._being_saved is not None:  # older than what came meanwhile, if anything did
            self._since_save = self._being_saved
        self._being_saved = None
