"""
What is new, as it comes: one stream of server-sent events for a browser tab.

A session is checked again at every event, so that a revoked key ends the stream. A stream ends when the server stops, and is
opened anew by the browser, which sends the id of the last event that it has seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import StreamingResponse

from bongsu.api.openapm.routes import number_text, spot_document
from bongsu.api.openapm.transactions import hit_rows
from bongsu.apm import names
from bongsu.apm.latency import BOUNDS_S
from bongsu.apm.settings import TICK_MS
from bongsu.apm.ticks import Numbers, fold, sum_transactions
from bongsu.control.values import Scope
from bongsu.model.errors import BongsuError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from typing import Protocol

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.access import AccessControl, ProjectAccess
    from bongsu.apm.ticks import AgentTick, SealedTick, TransactionTotals
    from bongsu.apm.transactions import HitMap
    from bongsu.runtime.clock import Clock

    class TickSource(Protocol):
        """Who has the sealed ticks of a project."""

        def newest(self, project_id: str) -> SealedTick:
            """Return the newest; called on the event loop."""
            ...

        def hit_maps(self, project_id: str, start_ms: int, end_ms: int) -> list[HitMap]:
            """Return the hit maps of the ticks that end in ``(start_ms, end_ms]``; called on the event loop for the newest one."""
            ...


LOOK_S = 0.5
"""How often a stream looks for a new tick: one comparison, and half a second is not seen beside five."""
PING_S = 15.0
"""A comment line this often keeps proxies from closing a quiet stream."""
RETRY_MS = 3_000
"""After how long a browser opens a lost stream again."""
_MOST_AGENTS = 500
"""Names in `agents`; one that names more wants all."""
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would else hold events back
    "X-Content-Type-Options": "nosniff",
}


class ConsoleLive:
    """
    The handler of the stream.

    Parameters
    ----------
    stopping
        Whether the server is about to stop: streams end then, so that it need not wait for them.
    """

    def __init__(
        self, access: AccessControl, ticks: TickSource, clock: Clock, *, stopping: Callable[[], bool]
    ) -> None:
        self._access = access
        self._ticks = ticks
        self._clock = clock
        self._stopping = stopping

    async def stream(self, request: Request) -> Response:
        """Answer every sealed tick as an event `tick`, the newest one at once; ``?agents=`` folds only those."""
        access = await self._access.require(request, Scope.READ)
        agents = chosen_agents(request.query_params.get("agents", ""))
        events = self._events(request, access, agents, _last_seen(request))
        return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)

    async def _events(
        self, request: Request, access: ProjectAccess, agents: frozenset[str], seen_ms: int
    ) -> AsyncIterator[bytes]:
        yield f"retry: {RETRY_MS}\n\n".encode()
        said = self._clock.monotonic()
        while not self._stopping():
            tick = self._ticks.newest(access.project.project_id)
            if tick.end_ms > seen_ms and await self._may_go_on(request):
                seen_ms, said = tick.end_ms, self._clock.monotonic()
                maps = self._ticks.hit_maps(access.project.project_id, seen_ms - 1, seen_ms)
                document = tick_document(tick, access.project.pcode, agents, maps[-1] if maps else None)
                yield b"event: tick\nid: %d\ndata: %s\n\n" % (seen_ms, orjson.dumps(document))
            elif self._clock.monotonic() - said >= PING_S:
                if not await self._may_go_on(request):
                    return
                said = self._clock.monotonic()
                yield b": still here\n\n"
            elif tick.end_ms > seen_ms:
                return
            await self._clock.sleep(LOOK_S)

    async def _may_go_on(self, request: Request) -> bool:
        try:
            await self._access.require(request, Scope.READ)
        except BongsuError:
            return False
        return True


def chosen_agents(text: str) -> frozenset[str]:
    """Return the names of a comma-separated list; none stands for all agents."""
    found = frozenset(filter(None, text.split(",")))
    if len(found) > _MOST_AGENTS:
        raise InvalidInput(
            f"'agents' names {len(found)} agents, {_MOST_AGENTS} are allowed; leave it out to get all",
            id="too-many-agents",
        )
    return found


def tick_document(
    tick: SealedTick, pcode: int, chosen: frozenset[str], hits: HitMap | None = None
) -> dict[str, Any]:
    """
    Return all that the real-time view shows of a tick.

    Parameters
    ----------
    chosen
        Agents that the numbers are folded from; empty for all. Users of several chosen agents are their sum: distinct users are
        known for each agent and for the project only.
    hits
        The tick's transactions by response time, of all agents; None for none.
    """
    agents = [agent for agent in tick.agents if not chosen or str(agent.identity.agent) in chosen]
    numbers, totals = _numbers(tick, agents, is_all=not chosen)
    return {
        "endMs": tick.end_ms,
        "tickMs": TICK_MS,
        "numbers": spot_document(numbers, pcode),
        "errors": totals.errors,
        "buckets": totals.buckets,
        "boundsS": BOUNDS_S,
        "hits": [] if hits is None else hit_rows(hits),
        "agents": [_agent(agent) for agent in tick.agents],
    }


def _numbers(
    tick: SealedTick, agents: Sequence[AgentTick], *, is_all: bool
) -> tuple[Numbers, TransactionTotals]:
    if is_all:
        return tick.numbers, tick.transactions
    return fold(agents, sum(agent.users for agent in agents)), sum_transactions(
        agent.transactions for agent in agents
    )


def _agent(agent: AgentTick) -> dict[str, Any]:
    gauges = agent.gauges
    return {
        "oname": str(agent.identity.agent),
        "host_ip": agent.identity.address,
        "active": agent.is_active,
        "txcount": agent.transactions.count,
        "errors": agent.transactions.errors,
        "bands": [sum(gauges.in_flight[state, band] for state in names.STATES) for band in names.BANDS],
        "cpu": None if gauges.cpu is None else float(number_text(gauges.cpu)),
    }


def _last_seen(request: Request) -> int:
    sent = request.headers.get("last-event-id", "")
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 16 else 0
