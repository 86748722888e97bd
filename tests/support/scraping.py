"""What a scrape goes out by, for tests that ask an exporter on this machine."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from bongsu.runtime.clock import SystemClock
from bongsu.scrape.addresses import Addresses, Resolver, system_resolver
from bongsu.scrape.fetch import Doors, open_session
from bongsu.scrape.oauth import Tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bongsu.runtime.clock import Clock


@contextlib.asynccontextmanager
async def open_doors(
    user_agent: str = "Bongsu", *, clock: Clock | None = None, resolve: Resolver = system_resolver
) -> AsyncIterator[Doors]:
    """Give doors of their own."""
    async with open_session(user_agent) as session:
        own = clock or SystemClock()
        yield Doors(session, Addresses(own, resolve), Tokens(own))


class Names:
    """A resolver whose answers a test chooses, and may change; it counts what it was asked."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self.answers = {name.replace("_", "."): list(addresses) for name, addresses in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        return self.answers[name]
