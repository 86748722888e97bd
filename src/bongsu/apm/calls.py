"""
What a span did, as a row of the statistics: a query, a call of another server, an exception, a service that was asked for.

Texts are made alike, so that calls that differ in their values only are one row: literals of statements become ``?``, numbers and ids in
paths ``*``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from bongsu.apm import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from bongsu.wire.otlp.values import Attributes, Span

_MOST_CHARACTERS = 1_024
"""Of a statement: what a table can show, and the most that is looked through for literals."""
_MOST_REMEMBERED = 10_000
"""Raw texts with what was made of them, 20 MB at worst; an application's statements are hundreds."""

_LITERALS = re.compile(r"'(?:[^']|'')*'?|(?<![\w$@:.])[+-]?\d[\w.]*")
_VARIABLE = re.compile(r"^(?:\d+|[0-9a-fA-F]{16,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$")


class Service(NamedTuple):
    """What a transaction was asked for: its route, else its path made alike, else the span's name."""

    service: str


class Query(NamedTuple):
    """A statement and the database that it went to."""

    database: str
    statement: str


class HttpCall(NamedTuple):
    """A path of another server; the port is 0 where the sender does not tell it. `service` is the application that called."""

    host: str
    port: int
    url: str
    service: str


class Raised(NamedTuple):
    """Why transactions failed: class and message of the exception, or the status where there was none."""

    kind: str
    service: str
    message: str


Row = Service | Query | HttpCall | Raised


class Alike:
    """Makes texts alike, and remembers what it made of them. Safe from any thread."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def statement(self, text: str) -> str:
        """Return a statement without its literals."""
        return self._made(text, _without_literals)

    def path(self, url: str) -> str:
        """Return the path of a URL, or of a request target, with what looks like an id as ``*``."""
        return self._made(url, _path)

    def _made(self, text: str, make: Callable[[str], str]) -> str:
        text = text[:_MOST_CHARACTERS]  # what is remembered is bounded, whatever is sent
        made = self._known.get(text)
        if made is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known = {}
            made = self._known[text] = make(text)
        return made


def service_of(span: Span, alike: Alike) -> str:
    """Return what a transaction was asked for."""
    attributes = span.attributes
    for key in names.SERVICE_KEYS:
        value = attributes.get(key)
        if isinstance(value, str) and value:
            return value[: names.MOST_CHARACTERS]
    for key in names.PATH_KEYS:
        value = attributes.get(key)
        if isinstance(value, str) and value:
            return alike.path(value)
    return span.name[: names.MOST_CHARACTERS]


def call_of(span: Span, service: str, alike: Alike) -> Query | HttpCall | None:
    """Return the call that a CLIENT span of an application is, None where it is of another kind."""
    attributes = span.attributes
    system = _first(attributes, names.DB_SYSTEM_KEYS)
    if system:
        text = _first(attributes, names.DB_STATEMENT_KEYS)
        statement = alike.statement(text) if text else span.name[: names.MOST_CHARACTERS]
        return Query(_database(attributes, system), statement)
    if not _first(attributes, names.HTTP_METHOD_KEYS):
        return None
    url = _first(attributes, names.URL_KEYS)[:_MOST_CHARACTERS]
    host, port = _address(attributes, url)
    template = _first(attributes, names.URL_TEMPLATE_KEYS)[: names.MOST_CHARACTERS]
    return HttpCall(host, port, template or alike.path(url), service)


def raised_by(span: Span, service: str, status: int) -> Raised:
    """Return why a failed transaction failed."""
    kind, message = span.exception
    if not kind:
        told = span.attributes.get(names.ERROR_TYPE)
        kind = (
            told if isinstance(told, str) and not told.isdigit() else f"HTTP {status}" if status else "ERROR"
        )
    most = names.MOST_CHARACTERS
    return Raised(kind[:most], service, (message or span.status_message)[:most])


def returned_rows(span: Span) -> int:
    """Return how many rows a query answered, 0 where the sender does not tell."""
    rows = span.attributes.get(names.DB_ROWS)
    return rows if isinstance(rows, int) and rows > 0 else 0


def _database(attributes: Attributes, system: str) -> str:
    host, port = _address(attributes, "")
    name = _first(attributes, names.DB_NAME_KEYS)
    where = f"{host}:{port}" if port else host
    return f"{system}://{where}/{name}"[: names.MOST_CHARACTERS]


def _address(attributes: Attributes, url: str) -> tuple[str, int]:
    host = _first(attributes, names.SERVER_KEYS)
    port = next((p for key in names.PORT_KEYS if isinstance(p := attributes.get(key), int)), 0)
    if url and not (host and port):
        try:
            parts = urlsplit(url)
            host = host or parts.hostname or ""
            port = port or parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        except ValueError:
            pass  # a port that is none: what the attributes say has to do
    return host[: names.MOST_CHARACTERS], port


def _first(attributes: Attributes, keys: tuple[str, ...]) -> str:
    for key in keys:
        value = attributes.get(key)
        if isinstance(value, str) and value:
            return value
    return ""


def _without_literals(text: str) -> str:
    return " ".join(_LITERALS.sub("?", text).split())


def _path(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        path = url.partition("?")[0]
    return "/".join("*" if _VARIABLE.match(part) else part for part in path.split("/"))[
        : names.MOST_CHARACTERS
    ]
