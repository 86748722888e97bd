"""The words of both text formats: names, quoted text, series, values."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from bongsu.model.labels import METRIC_NAME
from bongsu.wire.exposition.errors import ExpositionError, expected

Labels = tuple[tuple[str, str], ...]
"""Label pairs in the order in which they were written, the metric's name first as ``__name__``."""

NAME = rb"[a-zA-Z_:][a-zA-Z0-9_:]*+"
LABEL_NAME = rb"[a-zA-Z_][a-zA-Z0-9_]*+"
QUOTED = rb'"(?:[^"\\\n]++|\\[^\n])*+"'
BRACES = rb"\{(?:[^\"}\n]++|" + QUOTED + rb")*+\}"

_SERIES = re.compile(rb"(" + NAME + rb")?[ \t]*(?:\{(.*)\})?[ \t]*", re.DOTALL)
_LABEL = re.compile(
    rb"[ \t]*(?:(" + LABEL_NAME + rb")|(" + QUOTED + rb"))[ \t]*(?:=[ \t]*(" + QUOTED + rb")[ \t]*)?(?:,|\Z)"
)
_PLAIN_LABELS = re.compile(rb"(?:" + LABEL_NAME + rb'="[^"\\\n]*+"(?:,|\Z))++')
_PLAIN_LABEL = re.compile(r'([^=,]++)="([^"]*+)"')
_NUMBER = re.compile(rb"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_SPECIAL = {
    **dict.fromkeys((b"nan",), math.nan),
    **dict.fromkeys((b"inf", b"+inf", b"infinity", b"+infinity"), math.inf),
    **dict.fromkeys((b"-inf", b"-infinity"), -math.inf),
}
_BOUNDS = {"histogram": "le", "summary": "quantile"}
_GO_SMALLEST_POWER, _GO_LARGEST_POWER = 4, 6
"""Go writes shortest floats without exponent while their power of ten is in this range (documentation of strconv, 'g')."""

_ESCAPE = re.compile(r'\\([\\n"])')
_HELP_ESCAPE = re.compile(r"\\([\\n])")
_UNESCAPED = {"n": "\n", "\\": "\\", '"': '"'}


def parse_value(text: bytes, line: int) -> float:
    """Return a sample value: decimal, NaN or Inf in any case; underscores, hexadecimals and overflow are refused."""
    if _NUMBER.fullmatch(text):
        value = float(text)
        if not math.isinf(value):
            return value
        raise expected("a value within the range of a double", text, line)
    special = _SPECIAL.get(text.lower())
    if special is None:
        raise expected("a value such as 1.5, 2e+06, NaN or +Inf", text, line)
    return special


def decode_text(raw: bytes, line: int) -> str:
    """Return UTF-8 text."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise expected(f"UTF-8 text ({error.reason} at byte {error.start})", raw, line) from error


def unquote(raw: bytes, line: int) -> str:
    r"""Return the text of a quoted string; ``\\``, ``\"`` and ``\n`` are escapes, any other backslash stands for itself."""
    text = decode_text(raw[1:-1], line)
    return _ESCAPE.sub(_replacement, text) if "\\" in text else text


def unescape_help(text: str, *, quotes: bool) -> str:
    r"""Return help text without escapes: ``\\`` and ``\n``, in OpenMetrics also ``\"``."""
    return (_ESCAPE if quotes else _HELP_ESCAPE).sub(_replacement, text) if "\\" in text else text


def _replacement(match: re.Match[str]) -> str:
    return _UNESCAPED[match[1]]


def parse_name(raw: bytes, line: int) -> str:
    """Return a metric name that is written plainly or quoted."""
    name = unquote(raw, line) if raw[:1] == b'"' else decode_text(raw, line)
    if not name:
        raise ExpositionError("expected a metric name, got an empty one", line=line)
    return name


def parse_series(text: bytes, line: int) -> Labels:
    """
    Return the labels of a series as a sample line names it: ``name{a="b"}`` or ``{"quoted name","a.b"="c"}``.

    Raises
    ------
    ExpositionError
        If it is malformed, has no metric name, or gives a label twice.
    """
    match = _SERIES.fullmatch(text)
    if match is None:
        raise expected('a series such as name{label="value"}', text, line)
    name, inner = match[1], match[2]
    pairs = _parse_pairs(inner, line, allow_name=name is None) if inner and inner.strip(b" \t") else []
    if name is not None:
        pairs.insert(0, (METRIC_NAME, name.decode()))
    elif not any(key == METRIC_NAME and value for key, value in pairs):
        raise expected("a metric name", text, line)
    else:
        pairs.sort(key=lambda pair: pair[0] != METRIC_NAME)
    _check_unique(pairs, line)
    return tuple(pairs)


def with_normal_bounds(labels: Labels, kind: str) -> Labels:
    """
    Return a histogram's or summary's labels with `le` or `quantile` written as OpenMetrics does: ``1`` becomes ``1.0``.

    Prometheus does so since version 3, so that one bucket is one series whatever format it was read from.
    """
    bound = _BOUNDS.get(kind)
    if bound is None:
        return labels
    return tuple((name, normal_bound(value) if name == bound else value) for name, value in labels)


def normal_bound(text: str) -> str:
    """Return a bound as OpenMetrics writes it; what is no number stays as it is."""
    raw = text.encode()
    if not _NUMBER.fullmatch(raw):
        value = _SPECIAL.get(raw.lower())
        return text if value is None else "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    value = float(raw)
    if math.isinf(value):
        return text
    # Go's shortest form: an exponent from 1e+21 on is usual elsewhere, here it comes from 1e+06 on.
    sign, digits, power = Decimal(repr(value)).normalize().as_tuple()
    exponent = int(power) + len(digits) - 1
    if value and not -_GO_SMALLEST_POWER <= exponent < _GO_LARGEST_POWER:
        written = "".join(map(str, digits))
        mantissa = written[0] + ("." + written[1:] if len(written) > 1 else "")
        return f"{'-' * sign}{mantissa}e{exponent:+03d}"
    plain = f"{Decimal(repr(value)):f}"
    return plain if "." in plain else plain + ".0"


def parse_label_set(text: bytes, line: int) -> Labels:
    """Return the labels between the braces of an exemplar; none is allowed, a name is not."""
    pairs = _parse_pairs(text, line, allow_name=False) if text.strip(b" \t") else []
    _check_unique(pairs, line)
    return tuple(pairs)


def _parse_pairs(inner: bytes, line: int, *, allow_name: bool) -> list[tuple[str, str]]:
    if _PLAIN_LABELS.fullmatch(inner):
        # What nearly every exporter writes: no blanks, escapes or quoted names. Five times as fast as the way below.
        return _PLAIN_LABEL.findall(decode_text(inner, line))
    pairs: list[tuple[str, str]] = []
    at = 0
    inner = inner.rstrip(b" \t")
    while at < len(inner):
        match = _LABEL.match(inner, at)
        if match is None:
            raise expected('a label such as name="value"', inner[at:], line)
        plain, quoted, value = match.groups()
        if value is not None:
            pairs.append((parse_label_name(plain or quoted, line), unquote(value, line)))
        elif quoted is not None and allow_name:
            pairs.append((METRIC_NAME, parse_name(quoted, line)))
        else:
            raise expected('a label such as name="value"', inner[at:], line)
        at = match.end()
    return pairs


def parse_label_name(raw: bytes, line: int) -> str:
    """Return a label name that is written plainly or quoted."""
    name = unquote(raw, line) if raw[:1] == b'"' else raw.decode()
    if not name:
        raise ExpositionError("expected a label name, got an empty one", line=line)
    return name


def _check_unique(pairs: list[tuple[str, str]], line: int) -> None:
    if len(dict(pairs)) == len(pairs):
        return
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise ExpositionError(f"expected each label once, got {name!r} twice", line=line)
        seen.add(name)
