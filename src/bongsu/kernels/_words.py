"""
Steps of the processor that Python has no word for: words at any address, products of 128 bits, leading zeros.

An address is not checked: whoever calls keeps the memory alive and stays inside.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

# `Any` throughout, since numba's compiler types have no annotations.
_BYTE = ir.IntType(8)
_WORD = ir.IntType(64)
_PAIR = ir.IntType(128)


@intrinsic
def load_word(_typing: Any, _address: Any) -> Any:
    """Return the eight bytes from an address on, the first one lowest."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.load(builder.inttoptr(args[0], _WORD.as_pointer()), align=1)

    return types.uint64(types.int64), generate


@intrinsic
def store_word(_typing: Any, _address: Any, _word: Any) -> Any:
    """Write eight bytes from an address on, the lowest one first."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        builder.store(args[1], builder.inttoptr(args[0], _WORD.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.uint64), generate


@intrinsic
def store_byte(_typing: Any, _address: Any, _word: Any) -> Any:
    """Write the lowest byte of a word to an address."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        builder.store(builder.trunc(args[1], _BYTE), builder.inttoptr(args[0], _BYTE.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.uint64), generate


@intrinsic
def multiply(_typing: Any, _a: Any, _b: Any) -> Any:
    """Return the high and the low word of a product."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        product = builder.mul(builder.zext(args[0], _PAIR), builder.zext(args[1], _PAIR))
        high = builder.trunc(builder.lshr(product, ir.Constant(_PAIR, 64)), _WORD)
        return context.make_tuple(builder, signature.return_type, (high, builder.trunc(product, _WORD)))

    return types.UniTuple(types.uint64, 2)(types.uint64, types.uint64), generate  # type: ignore[no-untyped-call]


@intrinsic
def leading_zeros(_typing: Any, _word: Any) -> Any:
    """Return how many of a word's highest bits are 0; 64 of 0."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def trailing_zeros(_typing: Any, _word: Any) -> Any:
    """Return how many of a word's lowest bits are 0; 64 of 0."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate
