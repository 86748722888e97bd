"""
What single scrape options may hold: each function returns the cleaned value, or raises InvalidInput that names the option, what
was received and what is allowed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from bongsu.model.durations import parse_duration
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_SHOWN = 100
MAX_TEXT = 65_536
"""Characters of one text: a bundle of certificates fits."""
MAX_ENTRIES = 100
"""Entries of one list or object: labels, parameters, headers."""
MAX_NUMBER = 2**53 - 1

_SIZE = re.compile(r"(\d+)\s*(B|KB|KiB|MB|MiB|GB|GiB)?")
_UNITS = {"B": 1, "KB": 1 << 10, "KiB": 1 << 10, "MB": 1 << 20, "MiB": 1 << 20, "GB": 1 << 30, "GiB": 1 << 30}
"""Units of sizes; KB is 1,024 bytes, as in Prometheus' configuration."""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "host",
        "transfer-encoding",
        "user-agent",
        "x-prometheus-scrape-timeout-seconds",
    }
)
"""Headers that the scraper writes itself, or that options of their own set."""


def refuse(option: str, received: object, allowed: str) -> NoReturn:
    """Raise the error of an option."""
    text = repr(received)
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    raise InvalidInput(f"scrape option {option!r} is {shown}; {allowed}", id="bad-scrape-option")


def check_flag(option: str, value: object) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool):
        refuse(option, value, "send true or false")
    return value


def check_count(option: str, value: object) -> int:
    """Return a limit; 0 is none."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_NUMBER:
        refuse(option, value, "send a whole number, 0 for none")
    return value


def check_factor(option: str, value: object) -> float:
    """Return a factor; 0 is none."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1e9:
        refuse(option, value, "send a number, such as 1.1, or 0 for none")
    return float(value)


def check_size(option: str, value: object) -> int:
    """Return the bytes of a number or of a text such as ``10MB``; 0 is none."""
    match = (
        _SIZE.fullmatch(str(value)) if isinstance(value, int | str) and not isinstance(value, bool) else None
    )
    if match is None or len(match[1]) > len(str(MAX_NUMBER)):
        refuse(option, value, f"send bytes, or a size in {', '.join(_UNITS)}, such as '10MB'; 0 for none")
    return int(match[1]) * _UNITS[match[2] or "B"]


def check_interval(option: str, value: object) -> int:
    """Return the milliseconds of a duration above 0."""
    if isinstance(value, str):
        try:
            milliseconds = parse_duration(value)
        except InvalidInput:
            milliseconds = 0
        if milliseconds > 0:
            return milliseconds
    refuse(option, value, "send a duration above 0, such as '15s'")


def check_text(option: str, value: object, *, least: int = 1) -> str:
    """Return a text that is no lone surrogate and not too long."""
    if not isinstance(value, str) or not least <= len(value) <= MAX_TEXT:
        refuse(option, value, f"send a text of {least} to {MAX_TEXT} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        refuse(option, value, "send text without half surrogate pairs")
    return value


def check_choice(option: str, value: object, choices: Collection[str]) -> str:
    """Return one of the choices."""
    if not isinstance(value, str) or value not in choices:
        refuse(option, value, f"choose one of {', '.join(choices)}")
    return value


def check_object(option: str, value: object, known: Collection[str] = ()) -> Mapping[str, object]:
    """Return a JSON object, with known fields only where these are given."""
    if not isinstance(value, dict) or len(value) > MAX_ENTRIES:
        refuse(option, value, f"send an object of at most {MAX_ENTRIES} entries")
    unknown = sorted(set(value) - set(known)) if known else []
    if unknown:
        refuse(
            f"{option}.{unknown[0][:_SHOWN]}",
            value[unknown[0]],
            f"there is no such option; there are {', '.join(known)}",
        )
    return value


def check_texts(option: str, value: object) -> tuple[str, ...]:
    """Return a list of texts."""
    if not isinstance(value, list) or len(value) > MAX_ENTRIES:
        refuse(option, value, f"send a list of at most {MAX_ENTRIES} texts")
    return tuple(check_text(f"{option}[{place}]", item, least=0) for place, item in enumerate(value))


def check_labels(option: str, value: object) -> tuple[tuple[str, str], ...]:
    """Return labels that all series get."""
    entries = check_object(option, value)
    for name in entries:
        check_text(option, name)
        if name == "__name__":
            refuse(option, name, "a target's labels cannot name the metric")
    return tuple((name, check_text(f"{option}.{name}", entry, least=0)) for name, entry in entries.items())


def check_params(option: str, value: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return query parameters: names with lists of values."""
    entries = check_object(option, value)
    return tuple(
        (check_text(option, name), check_texts(f"{option}.{name}", entry)) for name, entry in entries.items()
    )


def check_headers(option: str, value: object) -> tuple[tuple[str, str], ...]:
    """Return request headers, each ``{"values": [...], "secrets": [...]}``."""
    headers: list[tuple[str, str]] = []
    for name, entry in check_object(option, value).items():
        if not _HEADER_NAME.fullmatch(name):
            refuse(option, name, "it is no header name")
        if name.lower() in _OWN_HEADERS:
            refuse(
                option,
                name,
                "the scraper writes this header itself; 'basic_auth' and 'authorization' set credentials",
            )
        fields = check_object(f"{option}.{name}", entry, ("values", "secrets"))
        for kind in ("values", "secrets"):
            texts = check_texts(f"{option}.{name}.{kind}", fields.get(kind, []))
            headers += [(name, check_header_value(f"{option}.{name}.{kind}", text)) for text in texts]
    return tuple(headers)


def check_header_value(option: str, value: str) -> str:
    """Return a text that can stand in a header."""
    if any(ord(c) < 32 or ord(c) == 127 for c in value):
        # Not shown: it may be a secret.
        refuse(option, "a text with a control character", "send one line of text")
    return value


def check_secret(option: str, value: object, *, least: int = 1) -> str:
    """Return a text that an error must not show."""
    if not isinstance(value, str) or not least <= len(value) <= MAX_TEXT:
        refuse(option, "empty or no text", "send a text")
    return value
