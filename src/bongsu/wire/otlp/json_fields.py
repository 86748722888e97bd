"""
Fields of protobuf's JSON form, as OTLP/JSON uses it: one function per field type, each refusing what does not fit.

A missing field and `null` are the type's default. 64-bit integers come as strings or numbers, doubles may be the strings
"NaN", "Infinity" and "-Infinity", enums are numbers or names, ids are hex (not base64, as elsewhere in protobuf's JSON).
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import TYPE_CHECKING, Any, TypeAlias

from bongsu.wire.otlp.limits import BadItem

if TYPE_CHECKING:
    from collections.abc import Mapping

JsonObject: TypeAlias = dict[str, Any]

_SHOWN_CHARACTERS = 80
_URL_SAFE_TO_STANDARD = str.maketrans("-_", "+/")
_INT64 = range(-(2**63), 2**63)
_UINT64 = range(2**64)
_UINT32 = range(2**32)
_INT32 = range(-(2**31), 2**31)


def text(source: JsonObject, key: str) -> str:
    """Return a string field."""
    value = source.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _unfit(key, value, "a string")
    return value


def boolean(source: JsonObject, key: str) -> bool:
    """Return a boolean field."""
    value = source.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _unfit(key, value, "true or false")
    return value


def items(source: JsonObject, key: str) -> list[Any]:
    """Return a repeated field."""
    value = source.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _unfit(key, value, "an array")
    return value


def child(source: JsonObject, key: str) -> JsonObject:
    """Return a message field."""
    value = source.get(key)
    return {} if value is None else as_object(value, key)


def as_object(value: Any, key: str) -> JsonObject:
    """Return an element of a repeated message field."""
    if not isinstance(value, dict):
        raise _unfit(key, value, "an object")
    return value


def uint64(source: JsonObject, key: str) -> int:
    """Return an unsigned 64-bit field."""
    return as_integer(source.get(key), key, _UINT64)


def uint32(source: JsonObject, key: str) -> int:
    """Return an unsigned 32-bit field."""
    return as_integer(source.get(key), key, _UINT32)


def int32(source: JsonObject, key: str) -> int:
    """Return a signed 32-bit field."""
    return as_integer(source.get(key), key, _INT32)


def as_int64(value: Any, key: str) -> int:
    """Return a signed 64-bit value."""
    return as_integer(value, key, _INT64)


def as_uint64(value: Any, key: str) -> int:
    """Return an unsigned 64-bit value."""
    return as_integer(value, key, _UINT64)


def as_integer(value: Any, key: str, allowed: range) -> int:
    """Return an integer given as number or string; a number with a fraction of zero is one too."""
    if value is None:
        return 0
    number = value
    if isinstance(value, str):
        # Twenty characters hold every 64-bit integer; longer ones would only cost time.
        digits = value.removeprefix("-")
        number = int(value) if len(value) <= 20 and digits.isascii() and digits.isdigit() else None
    elif isinstance(value, float):
        number = int(value) if value.is_integer() else None
    if number is None or isinstance(number, bool) or not isinstance(number, int) or number not in allowed:
        raise _unfit(key, value, f"an integer from {allowed.start} to {allowed.stop - 1}")
    return number


def optional_double(source: JsonObject, key: str) -> float | None:
    """Return a double field, None when it is missing."""
    value = source.get(key)
    return None if value is None else as_double(value, key)


def double(source: JsonObject, key: str) -> float:
    """Return a double field."""
    return optional_double(source, key) or 0.0


_SPECIAL_DOUBLES = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def as_double(value: Any, key: str) -> float:
    """Return a double given as number or string."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _unfit(key, value, "a number")
    if value in _SPECIAL_DOUBLES:
        return _SPECIAL_DOUBLES[str(value)]
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise _unfit(key, value, "a number") from None
    if isinstance(value, str) and not math.isfinite(
        number
    ):  # "inf" and "nan" are Python's words, not the protocol's
        raise _unfit(key, value, "a number")
    return number


def enum_number(source: JsonObject, key: str, names: Mapping[str, int]) -> int:
    """Return an enum field as its number; OTLP sends numbers, protobuf's JSON form allows names."""
    value = source.get(key)
    if isinstance(value, str) and not value.lstrip("-").isdigit():
        if value not in names:
            raise _unfit(key, value, "one of " + ", ".join(names))
        return names[value]
    return as_integer(value, key, _INT32)


def hex_bytes(source: JsonObject, key: str) -> bytes:
    """Return an id: hex digits of either case."""
    value = text(source, key)
    try:
        return binascii.unhexlify(value)
    except ValueError:  # binascii.Error is one; so is text outside ASCII
        raise _unfit(key, value, "hex digits") from None


def as_base64(value: Any, key: str) -> bytes:
    """Return bytes in standard or URL-safe base64, with or without padding."""
    if isinstance(value, str):
        standard = value.rstrip("=").translate(_URL_SAFE_TO_STANDARD)
        try:
            return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        except ValueError:  # binascii.Error is one; so is text outside ASCII
            pass
    raise _unfit(key, value, "base64")


def _unfit(key: str, value: Any, wanted: str) -> BadItem:
    shown = repr(value)
    if len(shown) > _SHOWN_CHARACTERS:
        shown = shown[:_SHOWN_CHARACTERS] + "…"
    return BadItem(f"field {key!r} must be {wanted}; got {shown}")
