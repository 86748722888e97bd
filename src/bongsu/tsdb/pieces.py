"""
Checksums of a block's chunks by pieces, so that what a query touches is checked the first time, and only that.

A kernel believes what a chunk says of itself: bytes that changed on the disk must not reach one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.runtime.files import checksum
from bongsu.storage.errors import StoreDamaged

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PIECE_BYTES = 1 << 18
"""A piece takes a quarter of a millisecond to check, and its checksum a sixty-thousandth of its room."""


class PieceSums:
    """Takes the bytes of a section as they are written, and gives the checksum of each piece."""

    def __init__(self) -> None:
        self._sums: list[int] = []
        self._left = PIECE_BYTES
        self._crc = 0

    def extend(self, data: NDArray[np.uint8]) -> None:
        """Take the next bytes."""
        at = 0
        while at < len(data):
            taken = data[at : at + self._left]
            self._crc = checksum(taken.data, self._crc)
            at += len(taken)
            self._left -= len(taken)
            if not self._left:
                self._end_piece()

    def finish(self) -> NDArray[np.uint32]:
        """Return the checksums."""
        if self._left < PIECE_BYTES:
            self._end_piece()
        return np.array(self._sums, dtype=np.uint32)

    def _end_piece(self) -> None:
        self._sums.append(self._crc)
        self._left, self._crc = PIECE_BYTES, 0


class CheckedPieces:
    """The bytes of a section, and which of its pieces were found sound; from any thread, at worst a piece is checked twice."""

    def __init__(self, path: Path, data: NDArray[np.uint8], sums: NDArray[np.uint32]) -> None:
        self._path = path
        self._data = data
        self._sums = sums
        self._sound = np.zeros(len(sums), dtype=np.bool_)

    @property
    def are_sound(self) -> bool:
        """Tell whether all pieces were found sound."""
        return bool(self._sound.all())

    def check(self, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
        """
        Check the pieces that some ranges of bytes, none of them empty, lie in.

        Raises
        ------
        StoreDamaged
            If one fails its checksum.
        """
        if not len(begins) or self.are_sound:
            return
        marks = np.zeros(len(self._sums) + 1, dtype=np.int64)
        np.add.at(marks, begins // PIECE_BYTES, 1)
        np.add.at(marks, (ends - 1) // PIECE_BYTES + 1, -1)
        for piece in np.flatnonzero((np.cumsum(marks[:-1]) > 0) & ~self._sound).tolist():
            low = piece * PIECE_BYTES
            if checksum(self._data[low : low + PIECE_BYTES].data) != int(self._sums[piece]):
                raise StoreDamaged(
                    f"chunks of {self._path} fail their checksum near byte {low}; the block is set aside by the next upkeep"
                )
            self._sound[piece] = True
