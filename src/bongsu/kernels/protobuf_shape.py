"""
How many messages a protobuf request holds, counted before anything is made of it.

An empty message takes two bytes on the wire and about ninety in a parser: without this count, one request of the allowed size
could take the memory of the whole server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int = int | np.int64

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_DEPTH = 100
"""Messages within messages; protobuf's own parsers stop there too."""


@inner_kernel
def _varint(data: NDArray[np.uint8], at: Int, stop: Int) -> tuple[np.uint64, Int]:
    """Return a varint and where it ends, -1 when it does not."""
    value = np.uint64(0)
    shift = np.uint64(0)
    for _ in range(10):
        if at >= stop:
            break
        byte = data[at]
        at += 1
        value |= np.uint64(byte & 127) << shift
        if byte < 128:
            return value, at
        shift += np.uint64(7)
    return np.uint64(0), -1


@kernel
def _count(
    data: NDArray[np.uint8], children: NDArray[np.int16], limit: Int, counts: NDArray[np.int64]
) -> Int:
    """Fill `counts` and return the messages found; stop beyond `limit`; -1 when the bytes are broken."""
    kinds = np.zeros(_MAX_DEPTH + 1, dtype=np.int64)
    stops = np.zeros(_MAX_DEPTH + 1, dtype=np.int64)
    stops[0] = len(data)
    depth = 0
    at: Int = 0
    found = 0
    while True:
        while at == stops[depth]:
            if depth == 0:
                return found
            depth -= 1
        stop = stops[depth]
        tag, at = _varint(data, at, stop)
        number, wire = np.int64(tag >> np.uint64(3)), np.int64(tag & np.uint64(7))
        if at < 0 or number <= 0:
            return -1
        if wire == _VARINT:
            _, at = _varint(data, at, stop)
            if at < 0:
                return -1
            continue
        size = np.int64(-1)
        if wire == _BYTES:
            length, at = _varint(data, at, stop)
            if at < 0 or length > np.uint64(stop - at):
                return -1
            size = np.int64(length)
        elif wire == _FIXED64:
            size = np.int64(8)
        elif wire == _FIXED32:
            size = np.int64(4)
        if size < 0 or size > stop - at:
            return -1
        child = np.int64(-1)
        if wire == _BYTES and number < children.shape[1]:
            child = np.int64(children[kinds[depth], number])
        if child < 0:
            at += size
            continue
        found += 1
        counts[child] += 1
        if found > limit:
            return found
        if depth == _MAX_DEPTH:
            return -1
        depth += 1
        kinds[depth] = child
        stops[depth] = at + size


def count_messages(data: bytes, children: NDArray[np.int16], limit: int) -> NDArray[np.int64] | None:
    """
    Return how many messages of each kind a request holds, or None when its bytes are broken.

    Parameters
    ----------
    data
        The request, a message of kind 0.
    children : ndarray of int16, shape (n_kinds, n_fields)
        Kind of the message in each field of each kind; -1 where the field holds no message. Fields beyond it hold none.
    limit
        Counting stops once more messages than this were found.

    Returns
    -------
    ndarray of int64, shape (n_kinds,)
        Messages of each kind, the request itself left out.
    """
    counts = np.zeros(len(children), dtype=np.int64)
    found = _count(np.frombuffer(data, dtype=np.uint8), children, limit, counts)
    return None if found < 0 else counts


def warm() -> None:
    """Compile for the types that are used."""
    count_messages(b"", np.full((1, 1), -1, dtype=np.int16), 0)
