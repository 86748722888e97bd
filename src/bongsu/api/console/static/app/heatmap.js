// The hit map: transactions by end time and elapsed time, counted in cells. Drag a box over it for the transactions behind it.
import { html, useState } from "./ui.js";
import { prometheus } from "./api.js";
import { useCanvas } from "./canvas.js";
import { axisLabel, dateTime, milliseconds, number } from "./format.js";
import { t } from "./i18n.js";
import { useLoad } from "./load.js";
import { sample } from "./series.js";
import { grid, range, roundStep } from "./time.js";
import { BoxedTransactions, openBox } from "./transactions.js";
import { Button, Empty, Loading, Panel } from "./widgets.js";

const QUERY = "sum by (le) (bongsu_apm_transaction_duration_seconds_bucket)";
const MOST_COLUMNS = 180; // cells of a few pixels each
const [SLOW_S, STUCK_S] = [3, 8]; // the bands of active transactions: in time, slow, very slow
const [LEFT, BOTTOM] = [52, 18]; // room for the labels

/**
 * @typedef {{times: number[], step: number, bounds: number[], cells: number[][], most: number}} Cells
 * bounds: upper bounds in seconds, growing; cells[row][column]: transactions of a row's bucket in a step
 * @typedef {{column: number, row: number}} Cell
 */

/** @param {AbortSignal} abort @returns {Promise<Cells>} */
export async function loadCells(abort) {
  const asked = grid(range.value, MOST_COLUMNS);
  // One step more at the left: a column is the difference of two readings.
  const data = await prometheus("query_range", { query: QUERY, ...asked, start: asked.start - asked.step }, abort);
  return toCells(data, asked);
}

/** From cumulative counters by `le` to counts by cell. @param {any} data @param {{start: number, end: number, step: number}} asked @returns {Cells} */
export function toCells(data, { start, end, step }) {
  const count = Math.floor((end - start) / step + 1e-9) + 1;
  const readings = data.result
    .map((/** @type {any} */ one) => ({ bound: sample(one.metric.le), values: spread(one.values, start - step, step, count + 1) }))
    .sort((/** @type {any} */ a, /** @type {any} */ b) => a.bound - b.bound);
  const below = readings.map((/** @type {any} */ row) => increases(row.values));
  const cells = below.map((/** @type {number[]} */ row, /** @type {number} */ index) =>
    row.map((value, column) => Math.max(0, value - (index > 0 ? below[index - 1][column] : 0))),
  );
  return {
    times: Array.from({ length: count }, (_, index) => start + index * step),
    step,
    bounds: readings.map((/** @type {any} */ row) => row.bound),
    cells,
    most: Math.max(1, ...cells.map((/** @type {number[]} */ row) => row.reduce((a, b) => Math.max(a, b), 0))),
  };
}

/** @param {[number, string][]} pairs @param {number} start @param {number} step @param {number} count @returns {(number | null)[]} */
function spread(pairs, start, step, count) {
  const values = new Array(count).fill(null);
  for (const [time, text] of pairs) values[Math.round((time - start) / step)] = sample(text);
  return values;
}

/** What a counter grew by in each step; one that fell has begun anew. @param {(number | null)[]} values @returns {number[]} */
function increases(values) {
  return values.slice(1).map((value, index) => {
    const before = values[index];
    if (value === null || before === null) return 0;
    return value >= before ? value - before : value;
  });
}

/** @param {{every: number}} props */
export function HitMap({ every }) {
  const loaded = useLoad(loadCells, [range.value], { every });
  const [asTable, setAsTable] = useState(false);
  const table = html`<${Button} icon="table" kind="quiet" label=${t("chart.table")} pressed=${asTable} onClick=${() => setAsTable(!asTable)} />`;
  return html`<${Panel} title=${t("hitmap.title")} class="span2" actions=${table}>
    <${Loading} of=${loaded}>
      ${(/** @type {Cells} */ cells) => {
        if (cells.bounds.length === 0) return html`<${Empty} why=${t("realtime.noHistory")} hint=${t("realtime.noHistoryHint")} />`;
        return html`<figure>${asTable ? html`<${Table} cells=${cells} />` : html`<${Map} cells=${cells} />`}<${Keys} /></figure>`;
      }}
    <//>
    <${BoxedTransactions} />
  <//>`;
}

function Keys() {
  return html`<figcaption class="keys">
    <span><i class="key"></i>${t("hitmap.inTime")}</span><span><i class="key slow"></i>${t("hitmap.slow")}</span><span><i class="key stuck"></i>${t("hitmap.stuck")}</span>
    <span>${t("hitmap.depth")}</span>
  </figcaption>`;
}

/** @param {number} bound */
const bandOf = (bound) => (bound <= SLOW_S ? "accent" : bound <= STUCK_S ? "warn" : "bad");

/** @param {Cells} cells @param {number} width @param {number} height */
const sizes = (cells, width, height) => ({
  wide: (width - LEFT) / cells.times.length,
  high: (height - BOTTOM) / cells.bounds.length,
});

/** @param {{cells: Cells}} props */
function Map({ cells }) {
  const [at, setAt] = useState(/** @type {Cell | null} */ (null));
  const [from, setFrom] = useState(/** @type {Cell | null} */ (null));
  const { ref } = useCanvas((context, width, height, paint) => drawMap(context, width, height, paint, cells, at, from), [cells, at, from]);
  const find = (/** @type {PointerEvent} */ event) => {
    const box = /** @type {HTMLElement} */ (ref.current).getBoundingClientRect();
    const { wide, high } = sizes(cells, box.width, box.height);
    return clampCell(cells, Math.floor((event.clientX - box.left - LEFT) / wide), cells.bounds.length - 1 - Math.floor((event.clientY - box.top) / high));
  };
  const down = (/** @type {PointerEvent} */ event) => {
    /** @type {HTMLElement} */ (ref.current).setPointerCapture(event.pointerId);
    setFrom(find(event));
  };
  const up = (/** @type {PointerEvent} */ event) => {
    if (from !== null) openBox(boxOf(cells, from, find(event)));
    setFrom(null);
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && at) openBox(boxOf(cells, at, at));
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!move) return;
    event.preventDefault();
    const old = at ?? { column: cells.times.length - 1, row: 0 };
    setAt(clampCell(cells, old.column + move[0], old.row + move[1]));
  };
  return html`<canvas ref=${ref} class="canvas hitmap" tabindex="0" role="img" aria-label=${t("hitmap.title")}
      onPointerMove=${(/** @type {PointerEvent} */ event) => setAt(find(event))} onPointerLeave=${() => setAt(null)} onPointerDown=${down} onPointerUp=${up} onKeyDown=${key}></canvas>
    <p class="hint cell" aria-live="polite">${at ? describe(cells, at) : t("hitmap.hint")}</p>`;
}

/** @param {Cells} cells @param {number} column @param {number} row */
const clampCell = (cells, column, row) => ({
  column: Math.max(0, Math.min(cells.times.length - 1, column)),
  row: Math.max(0, Math.min(cells.bounds.length - 1, row)),
});

/** Time and elapsed time of the cells between two corners, in milliseconds. @param {Cells} cells @param {Cell} a @param {Cell} b */
export function boxOf(cells, a, b) {
  const [left, right] = [Math.min(a.column, b.column), Math.max(a.column, b.column)];
  const [low, high] = [Math.min(a.row, b.row), Math.max(a.row, b.row)];
  return {
    from: (cells.times[left] - cells.step) * 1000,
    to: cells.times[right] * 1000,
    least: (cells.bounds[low - 1] ?? 0) * 1000,
    most: cells.bounds[high] * 1000,
  };
}

/** @param {Cells} cells @param {Cell} at */
function describe(cells, { column, row }) {
  return t("hitmap.cell", { time: dateTime(cells.times[column] * 1000), span: spanOf(cells, row), count: number(cells.cells[row][column]) });
}

/** @param {Cells} cells @param {number} row */
function spanOf(cells, row) {
  const low = milliseconds((cells.bounds[row - 1] ?? 0) * 1000);
  return Number.isFinite(cells.bounds[row]) ? `${low} – ${milliseconds(cells.bounds[row] * 1000)}` : `> ${low}`;
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {(name: string) => string} paint @param {Cells} cells @param {Cell | null} at @param {Cell | null} from */
function drawMap(context, width, height, paint, cells, at, from) {
  const { wide, high } = sizes(cells, width, height);
  const top = (/** @type {number} */ row) => height - BOTTOM - (row + 1) * high;
  drawAxes(context, width, height, paint, cells, wide, high);
  const full = Math.log1p(cells.most);
  cells.cells.forEach((row, index) => {
    context.fillStyle = paint(bandOf(cells.bounds[index]));
    row.forEach((count, column) => {
      if (count === 0) return;
      context.globalAlpha = 0.2 + 0.8 * (Math.log1p(count) / full); // a single slow one among thousands is seen, too
      context.fillRect(LEFT + column * wide, top(index), Math.max(1, wide - 0.5), Math.max(1, high - 0.5));
    });
  });
  context.globalAlpha = 1;
  if (from !== null && at) {
    context.fillStyle = paint("accent-soft");
    context.globalAlpha = 0.5;
    context.fillRect(
      LEFT + Math.min(from.column, at.column) * wide,
      top(Math.max(from.row, at.row)),
      (Math.abs(at.column - from.column) + 1) * wide,
      (Math.abs(at.row - from.row) + 1) * high,
    );
    context.globalAlpha = 1;
  }
  if (at) {
    context.strokeStyle = paint("text");
    context.strokeRect(LEFT + at.column * wide, top(at.row), wide, high);
  }
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {(name: string) => string} paint @param {Cells} cells @param {number} wide @param {number} high */
function drawAxes(context, width, height, paint, cells, wide, high) {
  context.fillStyle = paint("muted");
  context.strokeStyle = paint("grid");
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const nth = Math.max(1, Math.ceil(14 / high)); // labels need 14 pixels
  cells.bounds.forEach((bound, row) => {
    if (row % nth !== 0 || !Number.isFinite(bound)) return;
    const y = Math.round(height - BOTTOM - (row + 1) * high) + 0.5;
    context.beginPath();
    context.moveTo(LEFT, y);
    context.lineTo(width, y);
    context.stroke();
    context.fillText(milliseconds(bound * 1000), LEFT - 5, Math.max(7, y));
  });
  context.textAlign = "center";
  const interval = roundStep((cells.step * 80) / wide); // a time of 8 characters and some air
  cells.times.forEach((time, column) => {
    const x = LEFT + (column + 0.5) * wide;
    if (time % interval === 0 && x > LEFT + 25 && x < width - 25) context.fillText(axisLabel(time * 1000, interval * 1000), x, height - 7);
  });
}

/** @param {{cells: Cells}} props */
function Table({ cells }) {
  const totals = cells.cells.map((row) => row.reduce((a, b) => a + b, 0));
  const all = Math.max(1, totals.reduce((a, b) => a + b, 0));
  return html`<table>
    <thead><tr><th scope="col">${t("hitmap.elapsed")}</th><th scope="col" class="number">${t("hitmap.count")}</th><th scope="col" class="number">%</th></tr></thead>
    <tbody>${totals.map((total, row) => html`<tr key=${row}><th scope="row">${spanOf(cells, row)}</th><td class="number">${number(total)}</td><td class="number">${number((100 * total) / all, 1)}</td></tr>`)}</tbody>
  </table>`;
}
