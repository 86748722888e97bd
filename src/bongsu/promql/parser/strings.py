"""String literals: three kinds of quotes and Go's escapes, in both directions."""

from __future__ import annotations

import re

_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"',
}  # fmt: skip
_WRITTEN = {text: f"\\{letter}" for letter, text in _SIMPLE.items() if letter != "'"}
_ESCAPE = re.compile(
    r"""\\(?:(?P<octal>[0-3][0-7]{2})|x(?P<byte>[0-9a-fA-F]{2})|u(?P<short>[0-9a-fA-F]{4})"""
    r"""|U(?P<long>[0-9a-fA-F]{8})|(?P<simple>[abfnrtv\\'"])|(?P<bad>.?))""",
    re.DOTALL,
)
_HIGHEST_CHARACTER = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)
_BYTE_ESCAPES = range(0xDC80, 0xDD00)
"""Where Python keeps bytes that are not UTF-8 ("surrogateescape"); PromQL strings may hold such bytes by ``\\xff``."""


def unquote(literal: str) -> str:
    """
    Return the text of a string literal with its quotes, of which `find_fault` found nothing wrong.

    Bytes that are not UTF-8 come as lone surrogates, as Python's "surrogateescape" makes them.
    """
    body = literal[1:-1]
    if literal[0] == "`" or "\\" not in body:
        return body
    parts: list[bytes] = []
    end = 0
    for escape in _ESCAPE.finditer(body):
        parts += (body[end : escape.start()].encode(), _escaped_bytes(escape))
        end = escape.end()
    parts.append(body[end:].encode())
    return b"".join(parts).decode(errors="surrogateescape")


def find_fault(literal: str) -> str | None:
    """Return what is wrong with the escapes of a literal, or None."""
    if literal[0] == "`" or "\\" not in literal:
        return None
    other_quote = "'" if literal[0] == '"' else '"'
    for escape in _ESCAPE.finditer(literal, 1, len(literal) - 1):
        if escape["bad"] is not None or escape["simple"] == other_quote:
            return f"unknown escape sequence {escape.group()} in a string, expected one of Go's or a `raw string`"
        code = int(escape["short"] or escape["long"] or "0", 16)
        if code > _HIGHEST_CHARACTER or code in _SURROGATES:
            return f"escape sequence {escape.group()} is an invalid Unicode code point"
    return None


def quote(text: str) -> str:
    """Return `text` as a double-quoted literal that `unquote` reads back; unprintable characters are escaped."""
    return f'"{"".join(map(_written, text))}"'


def _escaped_bytes(escape: re.Match[str]) -> bytes:
    match escape.lastgroup:
        case "octal":
            return bytes([int(escape["octal"], 8)])
        case "byte":
            return bytes([int(escape["byte"], 16)])
        case "simple":
            return _SIMPLE[escape["simple"]].encode()
        case _:
            return chr(int(escape["short"] or escape["long"], 16)).encode()


def _written(character: str) -> str:
    if character in _WRITTEN:
        return _WRITTEN[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code in _BYTE_ESCAPES:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
