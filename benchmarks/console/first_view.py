"""The first view: how much is fetched, and when it can be used."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.console.tab import new_tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_WATCH = """
addEventListener("DOMContentLoaded", () => {
  const look = () => {
    const main = document.querySelector("main");
    if (!window.usableAt && main && main.children.length > 0 && !document.querySelector("[aria-busy]")) window.usableAt = performance.now();
  };
  new MutationObserver(look).observe(document.documentElement, { subtree: true, childList: true, attributes: true });
});
"""
_READ = """() => ({
  usable: window.usableAt,
  bytes: [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .filter((one) => !one.name.includes("/api/"))
    .reduce((all, one) => all + one.encodedBodySize, 0),
  requests: performance.getEntriesByType("resource").filter((one) => one.startTime < window.usableAt).length,
})"""


@dataclass(frozen=True, slots=True)
class FirstView:
    """
    What one opening cost.

    Attributes
    ----------
    usable_ms
        From the request to the view with its data, nothing loading any more.
    busy_ms
        Time that the browser's main thread worked meanwhile: the machine's other work is not in it.
    bytes
        The page and all its files as they were sent, without the answers of the APIs.
    requests
        Files and calls until then.
    """

    usable_ms: float
    busy_ms: float
    bytes: int
    requests: int


def measure_first_view(browser: Browser, url: str, key: str, *, runs: int) -> FirstView:
    """Open Home without a cache several times and return the medians."""
    found = [_open_once(browser, url, key) for _ in range(runs)]
    return FirstView(
        statistics.median(one.usable_ms for one in found),
        statistics.median(one.busy_ms for one in found),
        max(one.bytes for one in found),
        max(one.requests for one in found),
    )


def _open_once(browser: Browser, url: str, key: str) -> FirstView:
    with new_tab(browser, url, key, script=_WATCH) as tab:
        tab.open()
        busy = tab.metrics()["TaskDuration"] * 1000
        tab.page.wait_for_timeout(1_000)  # what is fetched behind the first view counts for its bytes
        read = tab.page.evaluate(_READ)
        return FirstView(read["usable"], busy, read["bytes"], read["requests"])
