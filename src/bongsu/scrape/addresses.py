"""Names become addresses here, and nowhere else in the scraper: who connects is given an address that was judged."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bongsu.scrape.outcomes import Failure, ScrapeFailed
from bongsu.scrape.reach import address_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bongsu.runtime.clock import Clock
    from bongsu.scrape.reach import Reach

CACHED_S = 30.0
"""A name is asked for once for all its targets and the usual interval; a change of it is seen a scrape or two later."""
_MOST_NAMES = 10_000
"""About 3 MB; a full table is emptied, since names are asked for again at the price of one question each."""
_MOST_SHOWN = 3
"""Addresses of a name that an error lists."""


class Resolver(Protocol):
    """Asks the system for the addresses of a name."""

    async def __call__(self, name: str) -> Sequence[str]:
        """Return addresses in the order in which they are to be tried, with their scopes; raises OSError for none."""
        ...


async def system_resolver(name: str) -> Sequence[str]:
    """Ask the system, as every program on it does: hosts file, DNS, whatever is set up."""
    found = await asyncio.get_running_loop().getaddrinfo(
        name, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    return list(dict.fromkeys(_shown(info[4]) for info in found))


def _shown(address: tuple[object, ...]) -> str:
    """Return an address with the scope that a link-local one of IPv6 needs."""
    host = str(address[0])
    scope = address[3] if len(address) > 3 else 0
    return f"{host}%{scope}" if scope and "%" not in host else host


@dataclass(frozen=True, slots=True)
class _Known:
    addresses: tuple[str, ...]
    until: float


class Addresses:
    """
    Finds the addresses that a target's host may be connected to. Lives on one event loop.

    Parameters
    ----------
    resolve
        Asks for names.
    """

    def __init__(self, clock: Clock, resolve: Resolver = system_resolver) -> None:
        self._clock = clock
        self._resolve = resolve
        self._known: dict[str, _Known] = {}
        self._asked: dict[str, asyncio.Task[tuple[str, ...]]] = {}

    async def open_ones(self, host: str, port: int, reach: Reach) -> Sequence[str]:
        """
        Return the addresses of a host that the reach leaves open, at least one.

        Raises
        ------
        ScrapeFailed
            If the host has none.
        OSError
            If a name is not known.
        """
        address = address_of(host)
        found = (address,) if address is not None else await self._addresses(host)
        if reach.trusts(host):
            return found
        refusals = {each: reach.refusal(each, port) for each in found}
        good = [each for each, refusal in refusals.items() if not refusal]
        if not good:
            raise ScrapeFailed(_words(host, refusals), Failure.NOT_ALLOWED)
        return good

    async def _addresses(self, name: str) -> tuple[str, ...]:
        known = self._known.get(name)
        if known is not None and self._clock.monotonic() < known.until:
            return known.addresses
        task = self._asked.get(name)
        if task is None:
            task = self._asked[name] = asyncio.get_running_loop().create_task(self._ask(name))
        # A scrape that gives up must not take the answer away from those that wait for it too.
        return await asyncio.shield(task)

    async def _ask(self, name: str) -> tuple[str, ...]:
        try:
            addresses = tuple(await self._resolve(name))
        finally:
            del self._asked[name]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        if len(self._known) >= _MOST_NAMES:
            self._known.clear()
        self._known[name] = _Known(addresses, self._clock.monotonic() + CACHED_S)
        return addresses


def _words(host: str, refusals: dict[str, str]) -> str:
    address, why = next(iter(refusals.items()))
    shown = ", ".join(list(refusals)[:_MOST_SHOWN])
    what = f"{host} is {why}" if address_of(host) is not None else f"{host} leads to {shown}: {why}"
    return (
        f"{what}, which targets may not reach; an operator can register the server under {address}, or allow its network "
        "(setting 'scrape.allowed_networks', the project's 'allowedNetworks')"
    )
