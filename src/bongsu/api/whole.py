"""
Requests that are here to their last byte, and handlers that answer them where they stand.

Most calls of dashboards are over sooner than what a general framework does around a call: a task, a queue of messages, routing by
pattern. Such a call is answered inside of the HTTP server's parser instead, or not at all: whoever finds anything unusual returns
None, and the request goes the general way as if nothing had been tried. So every refusal has one place where it is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Mapping

    from starlette.responses import Response

    Answer: TypeAlias = "Response | Later"
    AtOnce = Callable[["WholeRequest"], Answer | None]
    """Answers a whole request within about a millisecond, or says when it will, or says by None that the request goes the general way."""


class Later(NamedTuple):
    """
    An answer to work that was begun.

    Attributes
    ----------
    work
        Of the running event loop; nobody cancels it.
    respond
        Makes the answer of the work that is done, of its failure too; raises nothing.
    """

    work: asyncio.Future[Any]
    respond: Callable[[asyncio.Future[Any]], Response]


class HasHeaders(Protocol):
    """Whatever carries the headers of a request, by names in lower case."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; of several by one name the first."""
        ...


@dataclass(frozen=True, slots=True)
class WholeRequest:
    """
    A request without anything left to receive.

    Attributes
    ----------
    path
        As it was sent; paths with percent escapes are left to the general way.
    query
        What stands behind the question mark.
    """

    method: str
    path: str
    query: bytes
    headers: Mapping[str, str]
    body: bytes


def first_of_each(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers as the parser gives them, names in lower case, as texts; of several by one name the first."""
    headers: dict[str, str] = {}
    for name, value in raw:
        headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return headers
