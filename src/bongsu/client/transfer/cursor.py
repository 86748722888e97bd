"""How far a transfer got, in a file, so that an interrupted one goes on where it stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from bongsu.model.errors import InvalidInput
from bongsu.runtime.files import write_whole

if TYPE_CHECKING:
    from pathlib import Path


class Cursor:
    """
    A place in a source that everything before it was stored up to.

    Parameters
    ----------
    path
        Its file; None keeps nothing.
    source
        What is transferred, and where to: a cursor of something else is refused.

    Raises
    ------
    InvalidInput
        If the file is no cursor, or of another transfer.
    """

    def __init__(self, path: Path | None, source: str) -> None:
        self._path = path
        self._source = source
        self.place = 0
        if path is None or not path.exists():
            return
        try:
            said = orjson.loads(path.read_bytes())
            of, place = str(said["source"]), int(said["place"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidInput(
                f"{path} is no cursor of a transfer; name another file with --cursor", id="bad-cursor"
            ) from error
        if of != source:
            raise InvalidInput(
                f"{path} is the cursor of another transfer ({of}); name another file with --cursor, or remove it",
                id="bad-cursor",
            )
        self.place = place

    def move(self, place: int) -> None:
        """Keep that everything before `place` is stored."""
        self.place = place
        if self._path is not None:
            write_whole(self._path, [orjson.dumps({"source": self._source, "place": place})])
