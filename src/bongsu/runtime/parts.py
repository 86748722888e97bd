"""Streams of bytes in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def gathered(parts: Iterator[bytes], least_bytes: int) -> Iterator[bytes]:
    """Yield the same bytes in fewer parts: all but the last one have at least so many."""
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= least_bytes:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
