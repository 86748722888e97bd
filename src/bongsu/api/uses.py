"""Writing down, now and then, when keys and sessions were used."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from bongsu.api.threads import in_thread
from bongsu.model.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bongsu.runtime.clock import Clock

NOTE_SECONDS = 60.0
"""Last use to the minute tells which keys are still needed, and costs one small transaction."""


async def note_uses(
    clock: Clock, take: Callable[[], dict[str, int]], note: Callable[[Mapping[str, int]], None]
) -> None:
    """
    Write down uses every minute until cancelled.

    Parameters
    ----------
    take
        Returns the uses since its last call, in Unix milliseconds by id.
    note
        Takes them, in a worker thread. When it raises, the next minute brings what is still in use again.
    """
    while True:
        await clock.sleep(NOTE_SECONDS)
        uses = take()
        if uses:
            with contextlib.suppress(Unavailable):
                await in_thread(note, uses)
