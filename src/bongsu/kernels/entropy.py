"""
A stream of integers in the few bits that their distribution needs: tabled asymmetric numeral systems over classes of magnitude.

Bit-packing gives every number the same bits, however rare it is. Here a number's distance from a centre, folded to be positive, is a
*symbol* and some bits as they are: small ones are a symbol each, larger ones share a symbol with those of the same leading two bits. Symbols
cost what their share in the stream says, in fractions of a bit. Meant for cold blocks: about a third smaller, some times slower to read.

Layout in 64-bit words, beside the packed stream of `bongsu.kernels.packing`, which `unpack_stream` tells apart by the head::

    head    bits 0-7 128 + table bits L, bits 8-31 words of the payload, bits 32-63 free for the codec that uses the stream
    centre  signed
    payload bits, low first: number of symbols - 1 (8 bits); of each symbol its distance from the one before, and, but for the last, its
            share of 2**L, both as Elias gamma codes; the first state (L bits); then of each number its bits as they are, and, but for the
            last, the bits of the next state

Sources: J. Duda, "Asymmetric numeral systems" (arXiv:1311.2540); the spread of symbols over states is that of RFC 8878, 4.1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bongsu.kernels import _words
from bongsu.kernels._jit import inner_kernel, kernel, owning_kernel
from bongsu.kernels.packing import ENTROPY_MARK, HEAD_WORDS, bit_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

SYMBOLS = 136
"""Eight small numbers, and two for each length of 4 to 64 bits; rounded up."""

PLAN_ROOM = 3 * SYMBOLS + 64
"""Length of the scratch of `plan_entropy` and `pack_entropy`."""

_DIRECT = 8
_LEAST_TABLE_BITS, _MOST_TABLE_BITS = 6, 10
"""A larger table fits shares better, and costs more to build for each chunk: a thousand entries take about a microsecond."""

LANES = 4
_LENGTH_BITS = 21
"""Of a lane: 16,384 numbers of 74 bits."""

_PLAIN_IN_PEEK = 57 - _MOST_TABLE_BITS
"""So many bits as they are, and those of the next state behind them, are in one look."""

_PROBES = 31
"""Numbers looked at for the centre: it needs to be near the middle, not on it."""


_load_word: Any = _words.load_word
_trailing_zeros: Any = _words.trailing_zeros

# Tables, since all of them are needed for each state of each chunk.
_PLAIN_BITS = np.array(
    [0 if s < _DIRECT else ((s - _DIRECT) >> 1) + 2 for s in range(SYMBOLS)], dtype=np.int64
)
"""How many bits stand beside a symbol as they are."""

_LEAST = np.array(
    [s if s < _DIRECT else (2 | s & 1) << (((s - _DIRECT) >> 1) + 2) & (1 << 64) - 1 for s in range(SYMBOLS)],
    dtype=np.uint64,
)
"""The smallest folded number of a symbol."""

_LENGTHS = np.array([n.bit_length() for n in range(2 << _MOST_TABLE_BITS)], dtype=np.int64)
"""How many bits a number below twice the largest table needs."""


@inner_kernel
def _fold(number: np.int64) -> np.uint64:
    """Turn 0, -1, 1, -2, ... into 0, 1, 2, 3, ..."""
    return np.uint64((number << 1) ^ (number >> 63))


@inner_kernel
def _symbol(folded: np.uint64) -> int:
    if folded < np.uint64(_DIRECT):
        return int(np.int64(folded))
    length = bit_length(folded)
    second = np.int64((folded >> np.uint64(length - 2)) & np.uint64(1))
    return int(_DIRECT + 2 * (length - 4) + second)


@inner_kernel
def _put(words: NDArray[np.uint64], bit: int, number: np.uint64, width: int) -> int:
    """Write the low `width` bits of a number that has no others into zeroed words; return the bit after them."""
    if width > 0:
        k = bit >> 6
        shift = np.uint64(bit & 63)
        words[k] |= number << shift
        if (bit & 63) + width > 64:
            words[k + 1] |= number >> (np.uint64(64) - shift)
    return bit + width


@inner_kernel
def _peek(base: int, bit: np.uint64) -> np.uint64:
    """Return 57 bits, or a few more, from the bit `bit` behind an address on; the eight bytes that hold the first of them are read."""
    ahead: np.uint64 = _load_word(base + np.int64(bit >> np.uint64(3))) >> (bit & np.uint64(7))
    return ahead


@inner_kernel
def _put_gamma(words: NDArray[np.uint64], bit: int, number: int) -> int:
    """Write a number of at least 1: as many zeros as it has bits behind its first, then its bits, the first one first."""
    length = bit_length(np.uint64(number))
    bit = _put(words, bit + length - 1, np.uint64(1), 1)
    return _put(words, bit, np.uint64(number) - (np.uint64(1) << np.uint64(length - 1)), length - 1)


@inner_kernel
def _read_gamma(base: int, bit: int) -> tuple[int, int]:
    """Return (number, bit after it)."""
    ahead = _peek(base, np.uint64(bit))
    behind = _trailing_zeros(ahead)
    low = (ahead >> np.uint64(behind + 1)) & ((np.uint64(1) << np.uint64(behind)) - np.uint64(1))
    return int(np.int64(low) + (1 << behind)), bit + 2 * behind + 1


@inner_kernel
def _find_centre(numbers: NDArray[np.int64], probes: NDArray[np.int64]) -> int:
    """Return the median of some numbers, evenly spread."""
    n = len(numbers)
    found = min(n, _PROBES)
    for i in range(found):
        number = numbers[i * n // found]
        k = i
        while k > 0 and probes[k - 1] > number:
            probes[k] = probes[k - 1]
            k -= 1
        probes[k] = number
    return int(probes[found // 2])


@kernel
def plan_entropy(numbers: NDArray[np.int64], scratch: NDArray[np.int64]) -> tuple[int, int]:
    """
    Count the symbols and return (bytes, about, that the stream takes; its centre).

    Parameters
    ----------
    numbers : ndarray of int64, shape (n_numbers,)
        At least one.
    scratch : ndarray of int64, shape (`PLAN_ROOM`,)
        Keeps the counts for `pack_entropy`.
    """
    centre = _find_centre(numbers, scratch[SYMBOLS:])
    counts = scratch[:SYMBOLS]
    counts[:] = 0
    for i in range(len(numbers)):
        counts[_symbol(_fold(numbers[i] - centre))] += 1
    bits = 8.0
    for symbol in range(SYMBOLS):
        if counts[symbol] > 0:
            share = counts[symbol] / len(numbers)
            in_table = 10.0 - 2.0 * np.log2(1.0 / share)  # of the symbol's own description
            bits += counts[symbol] * (_PLAIN_BITS[symbol] - np.log2(share)) + max(in_table, 2.0)
    return int(bits / 8.0) + 8 * (HEAD_WORDS + 1), centre


@inner_kernel
def _table_bits(n: int, counts: NDArray[np.int64]) -> int:
    distinct = 0
    for symbol in range(SYMBOLS):
        distinct += 1 if counts[symbol] > 0 else 0
    bits = max(bit_length(np.uint64(n)) - 2, bit_length(np.uint64(distinct)) + 1)
    return min(max(bits, _LEAST_TABLE_BITS), _MOST_TABLE_BITS)


@inner_kernel
def _normalise(counts: NDArray[np.int64], n: int, size: int) -> None:
    """Turn counts of `n` numbers into shares of `size`, at least 1 of each symbol that occurs."""
    left = size
    largest = 0
    for symbol in range(SYMBOLS):
        if counts[symbol] > 0:
            counts[symbol] = max(1, counts[symbol] * size // n)
            left -= counts[symbol]
            if counts[symbol] > counts[largest]:
                largest = symbol
    while counts[largest] + left < 1:
        # More rare symbols than the largest can pay for: each that has more than one gives one.
        for symbol in range(SYMBOLS):
            if counts[symbol] > 1 and left < 0:
                counts[symbol] -= 1
                left += 1
    counts[largest] += left


@inner_kernel
def _spread(shares: NDArray[np.int64], size: int, symbols: NDArray[np.uint8]) -> None:
    """Give each state its symbol."""
    step = (size >> 1) + (size >> 3) + 3
    place = 0
    for symbol in range(SYMBOLS):
        for _ in range(shares[symbol]):
            symbols[place] = symbol
            place = (place + step) & (size - 1)


@kernel
def pack_entropy(
    numbers: NDArray[np.int64],
    centre: int,
    extra: int,
    scratch: NDArray[np.int64],
    words: NDArray[np.uint64],
    at: int,
) -> int:
    """
    Write a stream at word `at`; return the word after it. `scratch` is as `plan_entropy` left it for the same numbers.

    `words` needs room for `HEAD_WORDS` and ``80 * (n_numbers + 64)`` bits, more than most numbers take and than any table does.
    """
    n = len(numbers)
    shares = scratch[:SYMBOLS]
    bits = _table_bits(n, shares)
    size = 1 << bits
    _normalise(shares, n, size)
    begin = at + HEAD_WORDS
    words[begin : begin + (80 * (n + 64)) // 64] = np.uint64(0)
    bit = _put_shares(words, 64 * begin, shares)
    bit = _put_numbers(numbers, centre, shares, bits, scratch[SYMBOLS : 2 * SYMBOLS], words, bit)
    end = (bit + 63) >> 6
    words[at] = (
        np.uint64(ENTROPY_MARK + bits)
        | np.uint64(end - begin) << np.uint64(8)
        | np.uint64(extra) << np.uint64(32)
    )
    words[at + 1] = np.uint64(centre)
    return end


@inner_kernel
def _put_shares(words: NDArray[np.uint64], bit: int, shares: NDArray[np.int64]) -> int:
    last = 0
    distinct = 0
    for symbol in range(SYMBOLS):
        if shares[symbol] > 0:
            last = symbol
            distinct += 1
    bit = _put(words, bit, np.uint64(distinct - 1), 8)
    before = -1
    for symbol in range(last + 1):
        if shares[symbol] > 0:
            bit = _put_gamma(words, bit, symbol - before)
            if symbol < last:
                bit = _put_gamma(words, bit, shares[symbol])
            before = symbol
    return bit


@owning_kernel
def _put_numbers(
    numbers: NDArray[np.int64],
    centre: int,
    shares: NDArray[np.int64],
    bits: int,
    first_of: NDArray[np.int64],
    words: NDArray[np.uint64],
    bit: int,
) -> int:
    """Write the lanes' lengths and first states, then the lanes."""
    n = len(numbers)
    states, steps = _coding_states(shares, 1 << bits, first_of)
    quarter = (n + LANES - 1) // LANES
    head = bit
    bit += LANES * (_LENGTH_BITS + bits)
    for lane in range(LANES):
        begin = bit
        part = numbers[min(lane * quarter, n) : min((lane + 1) * quarter, n)]
        state, bit = _put_lane(part, centre, shares, bits, first_of, states, steps, words, bit)
        head = _put(words, head, np.uint64(bit - begin), _LENGTH_BITS)
        head = _put(words, head, np.uint64(state), bits)
    return bit


@owning_kernel
def _put_lane(
    numbers: NDArray[np.int64],
    centre: int,
    shares: NDArray[np.int64],
    bits: int,
    first_of: NDArray[np.int64],
    states: NDArray[np.int64],
    steps: NDArray[np.int64],
    words: NDArray[np.uint64],
    bit: int,
) -> tuple[int, int]:
    """Write numbers; return (first state, bit after them). States are found from the last number to the first, and written forward."""
    n = len(numbers)
    size = 1 << bits
    low = np.zeros(n, dtype=np.int64)  # the bits that lead to the state after each number, and how many
    width = np.zeros(n, dtype=np.int64)
    state = size
    for i in range(n - 1, -1, -1):
        symbol = _symbol(_fold(numbers[i] - centre))
        if i == n - 1:
            state = size + states[first_of[symbol]]
            continue
        wide = steps[symbol]
        if state >> wide >= 2 * shares[symbol]:
            wide += 1
        low[i] = state & ((1 << wide) - 1)
        width[i] = wide
        state = size + states[first_of[symbol] + (state >> wide) - shares[symbol]]
    for i in range(n):
        folded = _fold(numbers[i] - centre)
        plain = _PLAIN_BITS[_symbol(folded)]
        bit = _put(words, bit, folded & ((np.uint64(1) << np.uint64(plain)) - np.uint64(1)), plain)
        bit = _put(words, bit, np.uint64(low[i]), int(width[i]))
    return state - size, bit


@owning_kernel
def _coding_states(
    shares: NDArray[np.int64], size: int, first_of: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the states of each symbol in their order (from `first_of` on), and the fewest bits that coding a symbol takes."""
    symbols = np.empty(size, dtype=np.uint8)
    _spread(shares, size, symbols)
    steps = np.zeros(SYMBOLS, dtype=np.int64)
    begin = 0
    for symbol in range(SYMBOLS):
        first_of[symbol] = begin
        begin += shares[symbol]
        if shares[symbol] > 0:
            steps[symbol] = bit_length(np.uint64(size)) - bit_length(np.uint64(2 * shares[symbol] - 1))
    states = np.empty(size, dtype=np.int64)
    filled = first_of.copy()
    for place in range(size):
        symbol = symbols[place]
        states[filled[symbol]] = place
        filled[symbol] += 1
    return states, steps


@kernel
def unpack_entropy(words: NDArray[np.uint64], at: int, out: NDArray[np.int64]) -> int:
    """Read a stream of ``len(out)`` numbers at word `at`; return the word after it. Two words behind its end may be read."""
    head = words[at]
    bits = int(np.int64(head & np.uint64(0xFF))) - ENTROPY_MARK
    end = at + HEAD_WORDS + int(np.int64((head >> np.uint64(8)) & np.uint64(0xFFFFFF)))
    centre = np.int64(words[at + 1])
    base = int(np.int64(words.ctypes.data) + 8 * (at + HEAD_WORDS))
    # One piece of memory for all: a chunk has few numbers, and several would take as long as some of them.
    room = np.empty((2 << bits) + SYMBOLS + (1 << bits >> 3), dtype=np.uint64)
    states = room[: 2 << bits]
    bit, widest = _read_table(base, bits, room[2 << bits :], states)
    if widest <= _PLAIN_IN_PEEK:
        _read_lanes(base, bit, bits, states, out)
    else:
        _read_wide_lanes(base, bit, bits, states, out)
    for i in range(len(out)):
        out[i] += centre
    return end


@inner_kernel
def _read_lanes(base: int, bit: int, bits: int, states: NDArray[np.uint64], out: NDArray[np.int64]) -> None:
    """Read the lanes, whose lengths and first states stand at `bit`, side by side."""
    lane = _LENGTH_BITS + bits
    a, a_bit = _take(base, bit + _LENGTH_BITS, bits), np.uint64(bit + LANES * lane)
    b, b_bit = _take(base, bit + lane + _LENGTH_BITS, bits), a_bit + _take(base, bit, _LENGTH_BITS)
    bit += lane
    c, c_bit = _take(base, bit + lane + _LENGTH_BITS, bits), b_bit + _take(base, bit, _LENGTH_BITS)
    bit += lane
    d, d_bit = _take(base, bit + lane + _LENGTH_BITS, bits), c_bit + _take(base, bit, _LENGTH_BITS)
    n = len(out)
    quarter = (n + LANES - 1) // LANES
    together = max(n - 3 * quarter, 0)
    first, second, third, fourth = out[:quarter], out[quarter:], out[2 * quarter :], out[3 * quarter :]
    # Each state must be known before the next: four chains side by side keep the processor busy.
    for i in range(np.uint64(together)):
        first[i], a, a_bit = _read_number(base, a_bit, a, states)
        second[i], b, b_bit = _read_number(base, b_bit, b, states)
        third[i], c, c_bit = _read_number(base, c_bit, c, states)
        fourth[i], d, d_bit = _read_number(base, d_bit, d, states)
    for i in range(together, min(quarter, n)):
        first[i], a, a_bit = _read_number(base, a_bit, a, states)
    for i in range(together, min(quarter, n - quarter)):
        second[i], b, b_bit = _read_number(base, b_bit, b, states)
    for i in range(together, min(quarter, n - 2 * quarter)):
        third[i], c, c_bit = _read_number(base, c_bit, c, states)


@inner_kernel
def _read_wide_lanes(
    base: int, bit: int, bits: int, states: NDArray[np.uint64], out: NDArray[np.int64]
) -> None:
    """Read the lanes as `_read_lanes`, one after the other, where numbers have more bits than one look shows; rare."""
    one = np.uint64(1)
    quarter = (len(out) + LANES - 1) // LANES
    at = np.uint64(bit + LANES * (_LENGTH_BITS + bits))
    for lane in range(LANES):
        begin = at
        at += _take(base, bit, _LENGTH_BITS)
        state = _take(base, bit + _LENGTH_BITS, bits)
        bit += _LENGTH_BITS + bits
        for i in range(min(lane * quarter, len(out)), min((lane + 1) * quarter, len(out))):
            code, least = states[2 * np.int64(state)], states[2 * np.int64(state) + 1]
            plain, wide = code & np.uint64(0xFF), (code >> np.uint64(8)) & np.uint64(0xFF)
            low = _peek(base, begin) & np.uint64(0xFFFF_FFFF)
            low |= _peek(base, begin + np.uint64(32)) << np.uint64(32)
            folded = least + (low & ((one << plain) - one))
            out[i] = np.int64((folded >> one) ^ (~(folded & one) + one))
            state = (code >> np.uint64(16)) + (_peek(base, begin + plain) & ((one << wide) - one))
            begin += plain + wide


@inner_kernel
def _take(base: int, bit: int, width: int) -> np.uint64:
    return np.uint64(_peek(base, np.uint64(bit)) & ((np.uint64(1) << np.uint64(width)) - np.uint64(1)))


@inner_kernel
def _read_number(
    base: int, bit: np.uint64, state: np.uint64, states: NDArray[np.uint64]
) -> tuple[np.int64, np.uint64, np.uint64]:
    """Return (number less the centre, next state, bit after it). All unsigned, since numba tests a signed index for its sign."""
    one = np.uint64(1)
    code = states[state << one]
    least = states[(state << one) | one]
    plain = code & np.uint64(0xFF)
    wide = (code >> np.uint64(8)) & np.uint64(0xFF)
    ahead = _peek(base, bit)
    bit += plain
    folded = least + (ahead & ((one << plain) - one))
    state = (code >> np.uint64(16)) + ((ahead >> plain) & ((one << wide) - one))
    return np.int64((folded >> one) ^ (~(folded & one) + one)), state, bit + wide


@inner_kernel
def _read_table(
    base: int, bits: int, room: NDArray[np.uint64], states: NDArray[np.uint64]
) -> tuple[int, int]:
    """
    Fill the table of states; return the bit after its description, and the most bits that any number has as they are.

    Parameters
    ----------
    room : ndarray of uint64
        Scratch for `SYMBOLS` shares and as many bytes as there are states.
    states : ndarray of uint64, shape (2 * n_states,)
        Filled with pairs: ``next << 16 | wide << 8 | plain``, the state that the next `wide` bits are added to and the bits as they are; and
        the smallest folded number.
    """
    size = 1 << bits
    shares = room[:SYMBOLS].view(np.int64)
    symbols = room[SYMBOLS:].view(np.uint8)
    left = int(np.int64(_take(base, 0, 8)))
    bit = 8
    symbol = -1
    rest = size
    step = (size >> 1) + (size >> 3) + 3
    place = 0
    for k in range(left + 1):
        gap, bit = _read_gamma(base, bit)
        symbol = min(symbol + gap, SYMBOLS - 1)
        share = rest
        if k < left:
            share, bit = _read_gamma(base, bit)
        # Bytes that pass their checksum are well-formed; the bounds only keep others inside the table.
        share = max(min(share, rest), 0)
        shares[symbol] = share
        rest -= share
        for _ in range(share):  # as in `_spread`
            symbols[place] = symbol
            place = (place + step) & (size - 1)
    last = symbol
    for place in range(size):
        symbol = symbols[place]
        rank = shares[symbol]
        shares[symbol] += 1
        wide = bits + 1 - _LENGTHS[rank]
        states[2 * place] = np.uint64(((rank << wide) - size) << 16 | wide << 8 | _PLAIN_BITS[symbol])
        states[2 * place + 1] = _LEAST[symbol]
    return bit, int(_PLAIN_BITS[last])
