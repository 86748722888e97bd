"""Keys are hashed as published, and found when and only when they were entered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.naive.identity import MASK, murmur

from bongsu.kernels.identity import EMPTY, enter_slots, find_keys, hash_keys
from bongsu.tsdb.keys import join_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray


def arrays_of(keys: list[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return keys as kernels take them."""
    joined = join_keys(keys)
    return joined.data, joined.bounds


def hashes(keys: list[bytes]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Return both halves of the hash of each key, shape (2, n_keys)."""
    out = np.empty((2, len(keys)), dtype=np.int64)
    hash_keys(*arrays_of(keys), out[0], out[1])
    return out


@given(st.lists(st.binary(max_size=70), min_size=1))
@settings(deadline=None)
def test_hash_is_the_published_one(keys: list[bytes]) -> None:
    low, high = hashes(keys)

    assert [murmur(key) for key in keys] == [
        (a & MASK, b & MASK) for a, b in zip(low.tolist(), high.tolist(), strict=True)
    ]


def test_hash_has_the_published_value() -> None:
    # Reference value of MurmurHash3_x64_128, seed 0.
    assert (0xCBD8A7B341BD9B02, 0x5B1E906A48AE1D19) == murmur(b"hello")


@given(
    st.sets(st.binary(max_size=12), max_size=40), st.lists(st.binary(max_size=12), max_size=40), st.booleans()
)
@settings(deadline=None)
def test_exactly_the_entered_keys_are_found(entered: set[bytes], asked: list[bytes], collide: bool) -> None:
    known = sorted(entered)
    asked = asked + known
    joined, bounds = arrays_of(known)
    identity = np.zeros((len(known), 4), dtype=np.int64)
    if not collide:  # else all hashes are 0, and only the bytes tell
        identity[:, :2] = hashes(known).T if known else np.empty((0, 2))
    identity[:, 2], identity[:, 3] = bounds[:-1], np.diff(bounds)
    table = np.full(128, EMPTY, dtype=np.int32)
    enter_slots(table, identity, np.arange(len(known), dtype=np.int32))
    low, high = np.zeros((2, len(asked)), dtype=np.int64) if collide or not asked else hashes(asked)
    slots = np.empty(len(asked), dtype=np.int32)

    find_keys(*arrays_of(asked), low, high, table, identity, joined, slots)

    assert [known.index(key) if key in entered else EMPTY for key in asked] == slots.tolist()
