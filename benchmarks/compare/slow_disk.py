"""
Runs the `bongsu` command with a slower disk: ``python -m benchmarks.compare.slow_disk MILLISECONDS serve ...``.

Every sync of a file sleeps first and syncs then, as a disk with a longer way would. Nothing else is changed, and nothing of it is part of
the product.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def slowed(sync: Callable[[int], None], seconds: float) -> Callable[[int], None]:
    """Return a sync that takes longer."""

    def slow_sync(file: int) -> None:
        time.sleep(seconds)
        sync(file)

    return slow_sync


def main() -> None:
    """Slow the syncs down, then hand over to the command."""
    seconds = int(sys.argv.pop(1)) / 1000
    os.fdatasync = slowed(os.fdatasync, seconds)
    os.fsync = slowed(os.fsync, seconds)
    # Imported only now: the store takes the sync that it finds.
    from bongsu.server.cli import main as bongsu

    bongsu()


if __name__ == "__main__":
    main()
