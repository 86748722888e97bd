"""The hash of series keys, slowly and plainly: MurmurHash3_x64_128 with seed 0."""

from __future__ import annotations

MASK = 2**64 - 1
C1, C2 = 0x87C37B91114253D5, 0x4CF5AD432745937F


def rotate(x: int, bits: int) -> int:
    """Rotate 64 bits to the left."""
    return (x << bits | x >> (64 - bits)) & MASK


def finish(x: int) -> int:
    """Mix 64 bits until each depends on all."""
    x ^= x >> 33
    x = x * 0xFF51AFD7ED558CCD & MASK
    x ^= x >> 33
    x = x * 0xC4CEB9FE1A85EC53 & MASK
    return x ^ x >> 33


def murmur(data: bytes) -> tuple[int, int]:
    """Return both halves of the hash."""
    h1 = h2 = 0
    whole = len(data) // 16 * 16
    for at in range(0, whole, 16):
        k1, k2 = (int.from_bytes(data[at + i : at + i + 8], "little") for i in (0, 8))
        h1 ^= rotate(k1 * C1 & MASK, 31) * C2 & MASK
        h1 = (rotate(h1, 27) + h2) * 5 + 0x52DCE729 & MASK
        h2 ^= rotate(k2 * C2 & MASK, 33) * C1 & MASK
        h2 = (rotate(h2, 31) + h1) * 5 + 0x38495AB5 & MASK
    tail = data[whole:]
    h2 ^= rotate(int.from_bytes(tail[8:], "little") * C2 & MASK, 33) * C1 & MASK
    h1 ^= rotate(int.from_bytes(tail[:8], "little") * C1 & MASK, 31) * C2 & MASK
    h1, h2 = h1 ^ len(data), h2 ^ len(data)
    h1 = h1 + h2 & MASK
    h2 = h1 + h2 & MASK
    h1, h2 = finish(h1), finish(h2)
    h1 = h1 + h2 & MASK
    return h1, h1 + h2 & MASK
