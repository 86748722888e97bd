"""The console in a real browser: its first view, its drawing, and a tab that is left open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.compare.programs import bongsu, credentials
from benchmarks.compare.report import OURS, Measure, Section, Target
from benchmarks.console.drawing import redraw_dots, redraw_panels
from benchmarks.console.first_view import measure_first_view
from benchmarks.console.left_open import DAY_OF_TICKS, feed_real_time, refresh_views
from benchmarks.console.tab import new_tab, opened_browser

if TYPE_CHECKING:
    from benchmarks.compare.bench import Bench
    from benchmarks.compare.programs import Program
    from benchmarks.console.left_open import Growth

_DOTS = 100_000
_TWO_FRAMES_MS = 2 * 1000 / 60
_NO_MORE = 1.1
"""Of what was held at the beginning: the browser's own caches of code and shapes still fill a little."""
_RUNS = 7


def measure_console(bench: Bench) -> Section:
    """Measure the console of a server that has run for a while."""
    program = bench.program(bongsu(), "console")
    program.start()
    try:
        return _measure(bench, program)
    finally:
        program.remove()


def _measure(bench: Bench, program: Program) -> Section:
    url, key = program.url, credentials(program.folder)["appkey"]
    with opened_browser() as browser:
        bench.say("console: first view")
        measure_first_view(browser, url, key, runs=1)  # the server has compressed its files from here on
        first = measure_first_view(browser, url, key, runs=_RUNS)
        bench.say("console: drawing")
        with new_tab(browser, url, key) as tab:
            tab.open("settings")
            panels = redraw_panels(tab, runs=_RUNS)
            dots = redraw_dots(tab, runs=_RUNS, count=_DOTS)
        bench.say("console: a tab that is left open")
        ticks = int(DAY_OF_TICKS * bench.sizes.console_days)
        grown = [feed_real_time(browser, url, key, ticks=ticks)]
        grown += refresh_views(browser, url, key, seconds=bench.sizes.console_seconds)
    worst = max(grown, key=lambda one: one.ratio)
    return Section(
        "The console",
        "In Debian's Chromium without a graphics card, on the same machine as the server. Usable is the first view with its data and nothing "
        "loading any more, from an empty cache.",
        [
            Measure("first view, all its files, gzip", "KB", {OURS: first.bytes / 1000}, target=(Target(100.0),)),
            Measure("first view usable", "ms", {OURS: first.usable_ms}, target=(Target(1_000.0),), note=f"{first.requests} requests"),
            Measure("first view, work of the browser's main thread", "ms", {OURS: first.busy_ms}),
            Measure("12 panels of 5 lines with 720 points redrawn", "ms", {OURS: panels.shown_ms}, target=(Target(100.0),)),
            Measure("the same, work of the browser's main thread", "ms", {OURS: panels.busy_ms}),
            Measure(f"hit map of {_DOTS:,} points redrawn", "ms", {OURS: dots.shown_ms}, target=(Target(_TWO_FRAMES_MS),)),
            Measure("the same, work of the browser's main thread", "ms", {OURS: dots.busy_ms}),
            Measure(
                "held by a tab left open, at the end over the beginning",
                "times",
                {OURS: worst.ratio},
                target=(Target(_NO_MORE),),
                note=f"the worst view, {worst.view}",
            ),
        ],
        tables=[_held(grown)],
    )  # fmt: skip


def _held(grown: list[Growth]) -> str:
    rows = "\n".join(
        f"| {one.view} | {one.refreshes:,} | {one.first_bytes / 1e6:.1f} | {one.last_bytes / 1e6:.1f} | {one.first_nodes:,} | {one.last_nodes:,} |"
        for one in grown
    )
    head = "| view left open | ticks, or answered calls | MB when settled | MB after all | nodes when settled | nodes after all |\n|---|---:|---:|---:|---:|---:|"
    return f"{head}\n{rows}"
