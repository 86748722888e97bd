"""
The shelf: a project's blocks, which ones there are, which may be merged, which have had their time.

The list of blocks is replaced as a whole, so that readers take it without a lock. Writers hold the database's upkeep lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.storage.errors import StoreDamaged
from bongsu.tsdb.block import BLOCK_SUFFIX, TOMBSTONES_SUFFIX, Block, block_path
from bongsu.tsdb.block_writer import Merged, write_block
from bongsu.tsdb.selection import SelectedPart, TsdbSelection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bongsu.model.matchers import Matcher
    from bongsu.tsdb.block_writer import BlockSource

HOUR_MS = 3_600_000
BLOCK_MS = 2 * HOUR_MS
"""Span of the blocks that come from the head."""

MERGED_MS = (BLOCK_MS, 4 * HOUR_MS, 12 * HOUR_MS, 72 * HOUR_MS)
"""
Spans that blocks are merged to. Fewer steps write each sample less often; longer blocks make label columns and directories cheap: those
of a block of two hours are a quarter of it, so that it should not stay long.
"""

_QUARANTINE = "quarantine"


class Shelf:
    """
    The blocks of one project in a folder.

    Parameters
    ----------
    told
        Takes a line for each damaged file that was set aside.
    """

    def __init__(self, folder: Path, told: Callable[[str], None]) -> None:
        self._folder = folder
        self._told = told
        self.blocks: tuple[Block, ...] = ()
        folder.mkdir(parents=True, exist_ok=True)
        self._load()

    @property
    def bytes(self) -> int:
        """Size of all blocks."""
        return sum(block.bytes for block in self.blocks)

    def touched(self, start_ms: int, end_ms: int) -> list[Block]:
        """Return the blocks that may have samples in a closed range, by their first times."""
        touched = [b for b in self.blocks if b.meta.max_time >= start_ms and b.meta.min_time <= end_ms]
        return sorted(touched, key=lambda block: block.meta.min_time)

    def parts(
        self,
        selectors: Sequence[Sequence[Matcher]],
        start_ms: int,
        end_ms: int,
        blocks: Sequence[Block] | None = None,
    ) -> list[SelectedPart]:
        """Return what the blocks have of the matching series in a closed range, lowest rank first."""
        return [
            SelectedPart(block.labels(rows), block.identity[rows], block.part(rows, start_ms, end_ms))
            for block, rows in self.rows(selectors, start_ms, end_ms, blocks)
        ]

    def rows(
        self,
        selectors: Sequence[Sequence[Matcher]],
        start_ms: int,
        end_ms: int,
        blocks: Sequence[Block] | None = None,
    ) -> Iterator[tuple[Block, NDArray[np.int64]]]:
        """Yield the blocks that have matching series in a closed range, with their rows, lowest rank first."""
        for block in self.blocks if blocks is None else blocks:
            if block.meta.min_time > end_ms or block.meta.max_time < start_ms:
                continue
            rows = block.with_samples(match_any(block, selectors), start_ms, end_ms)
            if len(rows):
                yield block, rows

    def next_number(self) -> int:
        """Return a number that no block has."""
        numbers = [int(path.stem) for path in self._folder.glob(f"*{BLOCK_SUFFIX}") if path.stem.isdigit()]
        return max(numbers, default=0) + 1

    def add(
        self,
        source: BlockSource,
        bounds: tuple[int, int],
        *,
        sequence: int,
        sources: Sequence[Block] = (),
    ) -> Block | None:
        """Write a block that is not yet on the shelf; None if the source has no samples in the bounds."""
        number = self.next_number()
        path = block_path(self._folder, number)
        meta = write_block(
            path,
            source,
            bounds,
            number=number,
            level=max((block.meta.level + 1 for block in sources), default=0),
            rank=max((block.meta.rank for block in sources), default=number),
            sequence=sequence,
            sources=tuple(block.meta.number for block in sources),
        )
        return None if meta is None else Block(path)

    def replace(self, gone: Sequence[Block], added: Sequence[Block]) -> None:
        """Put blocks on the shelf in the place of others, whose files go."""
        kept = [block for block in self.blocks if block not in gone]
        self.blocks = tuple(sorted([*kept, *added], key=lambda block: (block.meta.rank, block.meta.number)))
        for block in gone:
            block.remove()

    def delete(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, *, sequence: int
    ) -> None:
        """Hide the samples of the matching series in all blocks that are older than the deletion."""
        for block in self.blocks:
            if (
                block.meta.sequence >= sequence
                or block.meta.min_time > end_ms
                or block.meta.max_time < start_ms
            ):
                continue
            rows = block.with_samples(match_any(block, selectors), start_ms, end_ms)
            if len(rows):
                block.delete(rows, start_ms, end_ms)

    def merge(self, blocks: Sequence[Block], *, sequence: int) -> None:
        """Replace blocks by one with the same samples, without the deleted ones."""
        bounds = (min(b.meta.min_time for b in blocks), max(b.meta.max_time for b in blocks))
        with TsdbSelection(self.parts([()], *bounds, blocks), *bounds) as selection:
            merged = self.add(Merged(selection), bounds, sequence=sequence, sources=blocks)
        self.replace(blocks, [] if merged is None else [merged])

    def next_merge(self, *, settled_ms: int, longest_ms: int) -> list[Block]:
        """
        Return the blocks that should become one, none when all is well.

        Windows are aligned; one that may still get a block of the head, because it ends after `settled_ms`, waits. Blocks that overlap
        inside a window are merged first, since they cost every query.
        """
        for span in MERGED_MS:
            if span > max(longest_ms, BLOCK_MS):
                break
            windows: dict[int, list[Block]] = {}
            for block in self.blocks:
                window = block.meta.min_time // span
                if window == block.meta.max_time // span and (window + 1) * span <= settled_ms:
                    windows.setdefault(window, []).append(block)
            for window in sorted(windows):
                if len(windows[window]) > 1:
                    return windows[window]
        return [block for block in self.blocks if _mostly_deleted(block)][:1]

    def retire(self, *, oldest_ms: int | None, max_bytes: int) -> list[Block]:
        """Remove the blocks that end before a time, and the oldest while all together are too large; return them."""
        gone = [block for block in self.blocks if oldest_ms is not None and block.meta.max_time < oldest_ms]
        kept = sorted((b for b in self.blocks if b not in gone), key=lambda b: b.meta.max_time)
        while max_bytes and kept and sum(block.bytes for block in kept) > max_bytes:
            gone.append(kept.pop(0))
        self.replace(gone, [])
        return gone

    def _load(self) -> None:
        blocks = []
        for path in sorted(self._folder.iterdir()):
            if path.suffix == ".tmp":
                path.unlink()  # a crash left it; it never had a name
            elif path.suffix == BLOCK_SUFFIX:
                block = self._open(path)
                if block is not None:
                    blocks.append(block)
        replaced = {number for block in blocks for number in block.meta.sources}
        for path in self._folder.glob(f"*{TOMBSTONES_SUFFIX}"):
            if not path.with_suffix(BLOCK_SUFFIX).exists():
                path.unlink()
        self.blocks = tuple(blocks)
        self.replace([block for block in blocks if block.meta.number in replaced], [])

    def _open(self, path: Path) -> Block | None:
        try:
            return Block(path)
        except (StoreDamaged, KeyError, ValueError, TypeError) as error:
            self.set_aside(path, str(error))
            return None

    def set_aside(self, path: Path, why: str) -> None:
        """Move a damaged block out of the way, with its deletions."""
        folder = self._folder / _QUARANTINE
        folder.mkdir(exist_ok=True)
        for file in (path, path.with_suffix(TOMBSTONES_SUFFIX)):
            if file.exists():
                file.rename(folder / file.name)
        self.blocks = tuple(block for block in self.blocks if block.path != path)
        self._told(f"block {path.name} is damaged and set aside in {folder}: {why}")

    def set_damaged_aside(self) -> bool:
        """Move the blocks out of the way that a reader found damaged; tell whether there were any."""
        damaged = [block for block in self.blocks if block.is_damaged]
        for block in damaged:
            self.set_aside(block.path, "its chunks failed a checksum when they were read")
        return bool(damaged)

    def verify(self) -> None:
        """Check every checksum of every block; damaged ones are set aside."""
        for block in self.blocks:
            try:
                block.check()
            except StoreDamaged as error:
                self.set_aside(block.path, str(error))


def match_any(
    block: Block, selectors: Sequence[Sequence[Matcher]]
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the rows of a block that match any selector, each once."""
    found = [block.match(matchers) for matchers in selectors or [()]]
    return found[0] if len(found) == 1 else np.unique(np.concatenate(found))


def _mostly_deleted(block: Block) -> bool:
    """Tell whether more series than half have deletions: writing the block anew gives their room back."""
    return len(np.unique(block.tombstones[:, 0])) * 2 > block.meta.series
