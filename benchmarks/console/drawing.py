"""How fast panels and the hit map are redrawn with new data, by the console's own modules."""

from __future__ import annotations

import statistics
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
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  draw(sets[0]);
  await frame();
  await frame();
  const taken = [];
  for (const set of sets.slice(1)) {
    const start = performance.now();
    draw(set);
    await frame();
    taken.push(performance.now() - start);
  }
  return taken;
}"""

_DOTS = """async (load, { runs, count }) => {
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
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  draw(points);
  await frame();
  await frame();
  const taken = [];
  for (let run = 0; run < runs; run++) {
    const fresh = { ...points }; // as new ones: nothing that was drawn is used again
    const start = performance.now();
    draw(fresh);
    await frame();
    taken.push(performance.now() - start);
  }
  return taken;
}"""


def redraw_panels_ms(tab: Tab, *, runs: int) -> float:
    """Return the median of redrawing 12 panels of 5 lines with 720 points, until the next frame is done."""
    return float(statistics.median(tab.run(_PANELS, runs)))


def redraw_dots_ms(tab: Tab, *, runs: int, count: int) -> float:
    """Return the median of redrawing a hit map, until the next frame is done."""
    return float(statistics.median(tab.run(_DOTS, {"runs": runs, "count": count})))
