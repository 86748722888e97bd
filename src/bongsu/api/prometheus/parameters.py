"""
Parameters of a call, merged from the URL, a form body of either kind and a JSON object body.

Clients put some parameters on the URL and the rest into the body of a POST, so both count. Of a single parameter the body's
value is taken, of a list both sides' values. Unknown parameters are ignored: data sources add their own.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from bongsu.api.body import CONTROL_LIMITS, content_encoding, content_type, parse_json_object, read_body
from bongsu.api.errors import UnsupportedMedia
from bongsu.api.prometheus.multipart import multipart_fields
from bongsu.api.prometheus.times import parse_duration_ms, parse_time
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.requests import Request

    from bongsu.api.body import BodyLimits
    from bongsu.api.whole import HasHeaders, WholeRequest

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_JSON = "application/json"
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_MAX_FIELDS = 10_000
"""Far more selectors than any client sends; bounds what a form of empty fields can cost."""

_KNOWN_FIELDS = 1024
"""Fields that are remembered without their escapes: a dashboard sends the same queries again and again."""

_LONGEST_KNOWN = 2048
"""Characters of the longest of them: two megabytes for all."""


class Parameters:
    """The parameters of one call, first come first taken; errors name the parameter as Prometheus does."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def text(self, name: str) -> str:
        """Return a parameter's value, empty when it was not sent."""
        values = self._values.get(name)
        return values[0] if values else ""

    def texts(self, *names: str) -> list[str]:
        """Return all values of a list, which may go by several names."""
        return [value for name in names for value in self._values.get(name, ())]

    def time_ms(self, name: str, default: int | None = None) -> int:
        """Return a time in Unix milliseconds; without a default the parameter is required."""
        text = self.text(name)
        if not text and default is not None:
            return default
        return parse_time(name, text)

    def duration_ms(self, name: str, default: int | None = None) -> int:
        """Return a duration in milliseconds; without a default the parameter is required."""
        text = self.text(name)
        if not text and default is not None:
            return default
        return parse_duration_ms(name, text)

    def count(self, name: str, default: int = 0) -> int:
        """Return a whole number, 0 or more."""
        text = self.text(name)
        if not text:
            return default
        if not _INTEGER.fullmatch(text):
            raise invalid_parameter(name, f"{text[:40]!r} is not a number; send a whole number, 0 or more")
        number = int(text)
        if number < 0:
            raise invalid_parameter(name, f"{name} must be non-negative; got {number}")
        return number

    def choice(self, name: str, allowed: Sequence[str], default: str) -> str:
        """Return one of a few words, whatever its case."""
        text = self.text(name).lower()
        if not text:
            return default
        if text not in allowed:
            raise invalid_parameter(
                name, f'not supported value "{text[:40]}"; use one of {", ".join(allowed)}'
            )
        return text

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a truth value, written as ``true``, ``false``, ``1`` or ``0``."""
        text = self.choice(name, ("true", "false", "1", "0"), "true" if default else "false")
        return text in {"true", "1"}


def invalid_parameter(name: str, cause: str) -> InvalidInput:
    """Return the error of a parameter that cannot be taken, in Prometheus' words."""
    return InvalidInput(f'invalid parameter "{name}": {cause}', id="invalid-parameter")


def query_parameters(request: Request) -> Parameters:
    """Return the parameters of the URL alone, for calls whose body is data; raises InvalidInput when they are damaged."""
    return Parameters(_parse_pairs(request.scope.get("query_string", b""), "query string"))


async def read_parameters(request: Request, limits: BodyLimits = CONTROL_LIMITS) -> Parameters:
    """
    Return the merged parameters of a request.

    Raises
    ------
    InvalidInput
        If the query string, the form or the JSON body is damaged.
    UnsupportedMedia
        If there is a body of another type.
    BodyTooLarge, BodyTimeout
        If the body is over its limits.
    """
    url = _parse_pairs(request.scope.get("query_string", b""), "query string")
    if not _has_body(request):
        return Parameters(url)
    body = await read_body(request, limits)
    return Parameters([*_body_pairs(body, request), *url])


def whole_parameters(request: WholeRequest) -> Parameters | None:
    """Return the merged parameters of a request whose body is here; None where the body takes more than a look. Raises InvalidInput."""
    url = _parse_pairs(request.query, "query string")
    if not _has_body(request):
        return Parameters(url)
    if content_encoding(request) != "identity":
        return None
    return Parameters([*_body_pairs(request.body, request), *url])


def _has_body(request: HasHeaders) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _body_pairs(body: bytes, request: HasHeaders) -> list[tuple[str, str]]:
    media_type = content_type(request)
    if not body:
        return []
    if media_type == _JSON:
        return [pair for name, value in parse_json_object(body).items() for pair in _json_pairs(name, value)]
    if media_type in {_FORM, ""}:
        return _parse_pairs(body, "form")
    if media_type == _MULTIPART:
        return list(multipart_fields(body, request.headers["content-type"], _MAX_FIELDS))
    raise UnsupportedMedia(
        f"Content-Type is {media_type!r}; send the parameters in the URL, as {_FORM} or {_MULTIPART}, or as a JSON "
        f"object ({_JSON})"
    )


def _parse_pairs(data: bytes, what: str) -> list[tuple[str, str]]:
    try:
        fields = data.decode("utf-8").split("&") if data else []
        if len(fields) > _MAX_FIELDS:
            raise InvalidInput(f"the {what} has more than {_MAX_FIELDS} fields; send fewer", id="bad-form")
        return [_pair(field) for field in fields if field]
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the {what} is not valid UTF-8: {error}", id="bad-form") from error


def _pair(field: str) -> tuple[str, str]:
    if "%" not in field and "+" not in field:
        return _split(field)
    return _known_pair(field) if len(field) <= _LONGEST_KNOWN else _escaped_pair(field)


def _escaped_pair(field: str) -> tuple[str, str]:
    name, value = _split(field)
    return unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")


_known_pair = functools.lru_cache(_KNOWN_FIELDS)(_escaped_pair)


def _split(field: str) -> tuple[str, str]:
    name, _, value = field.partition("=")
    return name, value


def _json_pairs(name: str, value: object) -> list[tuple[str, str]]:
    """Return a JSON field as parameters: numbers, truth values and texts alike, lists as repeated parameters."""
    if value is None:
        return []
    if isinstance(value, list):
        return [(name, _json_text(name, item)) for item in value]
    return [(name, _json_text(name, value))]


def _json_text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    raise invalid_parameter(
        name, f"a JSON {type(value).__name__} was sent; send a text, a number, or a list of them"
    )
