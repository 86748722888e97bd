"""
How fast panels and the hit map are redrawn with new data, by the console's own modules.

Each script prepares everything, draws once, and leaves `window.redraw`, which draws the next set. Only its runs are measured.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.console.tab import Tab

_PANELS = """async (load, runs) => {
  const [{ html, render }, { LineChart }] = [await load("ui.js"), await load("chart.js")];
  const [panels, series, points] = [12, 5, 720];
  const times = Array.from({ length: points }, (_, index) => 1.8e9 + index * 5);
  const values = (seed) => times.map((_, index) => Math.sin(index / 20 + seed) + 2);
  const make = (seed) => ({ times, series: Array.from({ length: series }, (_, s) => ({ name: `series ${s}`, values: values(s + seed) })) });
  const sets = Array.from({ length: runs + 1 }, (_, run) => Array.from({ length: panels }, (_, index) => make(run + index)));
  const box = document.createElement("div");
  box.className = "grid";
  document.querySelector("main").replaceChildren(box);
  const draw = (set) => render(html`${set.map((lines, index) => html`<section class="panel" key=${index}><${LineChart} title="t" lines=${lines} /></section>`)}`, box);
  draw(sets[0]);
  window.redraw = (run) => draw(sets[run + 1]);
}"""

_DOTS = """async (load, count) => {
  const [{ html, render }, { DotMap, scaleFor, toPoints }] = [await load("ui.js"), await load("dots.js")];
  const bounds = Array.from({ length: 80 }, (_, index) => index * 125);
  const [end, ticks] = [Math.floor(Date.now() / 5000) * 5000, 180];
  let seed = 7;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const rows = Array.from({ length: ticks }, () => bounds.map((_, row) => ({ row, well: 0, failed: 0 })));
  for (let index = 0; index < count; index++) {
    const row = Math.min(bounds.length - 1, Math.floor(-Math.log(random()) * 4));
    rows[Math.floor(random() * ticks)][row][random() < 0.02 ? "failed" : "well"]++;
  }
  const hits = { start: end - ticks * 5000, end, bounds, records: rows.map((list, index) => ({ time: end - (ticks - 1 - index) * 5000, rows: list })) };
  const points = toPoints(hits);
  const box = document.createElement("div");
  document.querySelector("main").replaceChildren(box);
  const draw = (shown) => render(html`<section class="panel"><${DotMap} hits=${hits} points=${shown} scale=${scaleFor(points)} title="t" onBox=${() => {}} /></section>`, box);
  draw(points);
  window.redraw = () => draw({ ...points }); // as new ones: nothing that was drawn is used again
}"""

_MEASURE = """async (load, runs) => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const taken = [];
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    window.redraw(run);
    await frame();
    taken.push(performance.now() - start);
  }
  return taken;
}"""
_SETTLE_MS = 500
"""What the first drawing and the making of the sets left to be done, garbage among it, is done by then."""


@dataclass(frozen=True, slots=True)
class Redraw:
    """
    What one redraw costs.

    Attributes
    ----------
    shown_ms
        From new data until the frame that shows them is done; the median. The machine's other work is in it.
    busy_ms
        Time that the browser's main thread works for one: script, layout and painting. Other work is in it only by its noise.
    """

    shown_ms: float
    busy_ms: float


def redraw_panels(tab: Tab, *, runs: int) -> Redraw:
    """Measure redrawing 12 panels of 5 lines with 720 points."""
    tab.run(_PANELS, runs)
    return _measure(tab, runs)


def redraw_dots(tab: Tab, *, runs: int, count: int) -> Redraw:
    """Measure redrawing a hit map."""
    tab.run(_DOTS, count)
    return _measure(tab, runs)


def _measure(tab: Tab, runs: int) -> Redraw:
    tab.page.wait_for_timeout(_SETTLE_MS)
    before = tab.metrics()["TaskDuration"]
    taken = tab.run(_MEASURE, runs)
    busy = tab.metrics()["TaskDuration"] - before
    return Redraw(float(statistics.median(taken)), 1000 * busy / runs)
