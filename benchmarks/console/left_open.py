"""A tab that is left open: what its scripts hold after it was fed and refreshed thousands of times, in a few minutes."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.console.tab import new_tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

    from benchmarks.console.tab import Tab

VIEWS = {
    "Home": "",
    "OpenMetrics": "openmetrics?refresh=5s",
    "Servers": "servers?refresh=5s",
    "Explore": 'explore?refresh=5s&from=now-15m&g0.expr=sum by (job, __name__) ({__name__=~".%2B_total"})&g1.expr=up&g1.tab=table',
    "Status": "status",
    "Settings": "settings",
}
"""Those that ask again by themselves; the real-time view is fed by its stream."""
FASTER = 200
"""Times that timers of a second or longer run faster: 5 s become 25 ms, and a view is bounded by what its calls take."""
HURRY = f"""
const wait = window.setTimeout;
window.setTimeout = (work, ms = 0, ...rest) => wait(work, ms >= 1000 ? ms / {FASTER} : ms, ...rest);
"""
DAY_OF_TICKS = 17_280
FULL_TICKS = 960
"""The view keeps an hour, 720 ticks: after these it holds all that it may."""
_AT_ONCE = 240
"""Ticks in one answer of the stream; the browser opens it again a moment after each."""
_PAUSE_MS = 200
_AGENTS = 20
_NUMBERS = (
    *(
        "tps",
        "rtime",
        "actx",
        "user",
        "cpu",
        "apdex",
        "txcount",
        "act_agent",
        "inact_agent",
        "host",
        "cpucore",
    ),
    *("threadpool_active", "threadpool_queue", "dbconn_total", "dbconn_act", "dbconn_idle"),
    *("act_method", "act_sql", "act_httpc", "act_dbc", "act_socket"),
)


@dataclass(frozen=True, slots=True)
class Growth:
    """What a view held when it had settled and at the end: bytes of scripts, nodes of documents."""

    view: str
    refreshes: int
    first_bytes: int
    last_bytes: int
    first_nodes: int
    last_nodes: int

    @property
    def ratio(self) -> float:
        """The last over the first."""
        return self.last_bytes / self.first_bytes


def refresh_views(browser: Browser, url: str, key: str, *, seconds: float) -> list[Growth]:
    """Let each view refresh itself for some seconds, as fast as the server answers."""
    return [_refresh(browser, url, key, name, view, seconds) for name, view in VIEWS.items()]


def _refresh(browser: Browser, url: str, key: str, name: str, view: str, seconds: float) -> Growth:
    with new_tab(browser, url, key, script=HURRY) as tab:
        answered = 0

        def count(_: object) -> None:
            nonlocal answered
            answered += 1

        tab.page.on("requestfinished", count)
        tab.open(view)
        tab.page.wait_for_timeout(seconds * 250)
        first = _held(tab)
        tab.page.wait_for_timeout(seconds * 750)
        return Growth(name, answered, *_pairs(first, _held(tab)))


def feed_real_time(browser: Browser, url: str, key: str, *, ticks: int) -> Growth:
    """Send the real-time view many ticks through its stream; it keeps an hour of them, after which as many go as come."""
    with new_tab(browser, url, key) as tab:
        begin_ms = int(time.time()) // 5 * 5_000
        sent, at_once = 0, 1

        def answer(route: Route) -> None:
            nonlocal sent
            events = [_event(begin_ms, sent + number) for number in range(1, at_once + 1)]
            sent += at_once
            body = f"retry: {_PAUSE_MS}\n\n" + "".join(events)
            route.fulfill(status=200, content_type="text/event-stream", body=body)

        def held_after(least: int) -> tuple[int, int]:
            while sent < least:
                tab.page.wait_for_timeout(_PAUSE_MS)
            tab.page.wait_for_timeout(2_000)  # the last of them are drawn
            return _held(tab)

        tab.page.route("**/console/api/live*", answer)
        tab.open("realtime")
        at_once = _AT_ONCE  # from here on: the charts have what the store knows
        first = held_after(FULL_TICKS)
        last = held_after(ticks)
        return Growth("Real time", sent, *_pairs(first, last))


def _held(tab: Tab) -> tuple[int, int]:
    return tab.heap_bytes(), tab.nodes()


def _pairs(first: tuple[int, int], last: tuple[int, int]) -> tuple[int, int, int, int]:
    return first[0], last[0], first[1], last[1]


def _event(begin_ms: int, number: int) -> str:
    end_ms = begin_ms + number * 5_000
    numbers = dict.fromkeys(_NUMBERS, str(number % 50))
    agents = [
        {
            "oname": f"shop/shop-{agent}",
            "host_ip": "10.0.0.1",
            "active": True,
            "txcount": number % 7,
            "errors": 0,
            "bands": [number % 5, agent % 3, 0],
            "cpu": 1.0,
        }
        for agent in range(_AGENTS)
    ]
    document = {
        "endMs": end_ms,
        "tickMs": 5_000,
        "numbers": {**numbers, "act_agent": str(_AGENTS)},
        "errors": number % 3,
        "buckets": [number % 4] * 20,
        "boundsS": list(range(1, 21)),
        "hits": [{"row": number % 20, "well": 9, "failed": 1}],
        "agents": agents,
    }
    return f"event: tick\nid: {end_ms}\ndata: {json.dumps(document)}\n\n"
