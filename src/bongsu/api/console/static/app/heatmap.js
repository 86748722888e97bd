// Heat maps: how many of something are in each cell of time and size. A box can be dragged over one.
import { html, useState } from "./ui.js";
import { prometheus } from "./api.js";
import { useCanvas } from "./canvas.js";
import { axisLabel, dateTime, number, withUnit } from "./format.js";
import { t } from "./i18n.js";
import { sample } from "./series.js";
import { grid, range, roundStep } from "./time.js";

const METRIC = "transaction_duration_seconds_bucket";
const MOST_COLUMNS = 180; // cells of a few pixels each
const [SLOW_S, STUCK_S] = [3, 8]; // the bands of active transactions: in time, slow, very slow
const [LEFT, BOTTOM] = [52, 18]; // room for the labels

/**
 * @typedef {{times: number[], step: number, bounds: number[], cells: number[][], most: number}} Cells
 * bounds: upper bounds in seconds, growing; cells[row][column]: transactions of a row's bucket in a step
 * @typedef {{column: number, row: number}} Cell
 */

/** @param {string} selector of the chosen agents; empty for all @param {AbortSignal} abort @returns {Promise<Cells>} */
export async function loadCells(selector, abort) {
  const asked = grid(range.value, MOST_COLUMNS);
  const query = `sum by (le) (${selector ? `bongsu_apm_agent_${METRIC}{${selector}}` : `bongsu_apm_${METRIC}`})`;
  // One step more at the left: a column is the difference of two readings.
  const data = await prometheus("query_range", { query, ...asked, start: asked.start - asked.step }, abort);
  return toCells(data, asked);
}

/**
 * From readings by `le`, which hold all below, to what is in each cell.
 * @param {any} data @param {{start: number, end: number, step: number}} asked
 * @param {{counters?: boolean}} [kind] counters: a cell is what they grew by; else it is what they say
 * @returns {Cells}
 */
export function toCells(data, { start, end, step }, { counters = true } = {}) {
  const count = Math.floor((end - start) / step + 1e-9) + 1;
  const readings = data.result
    .map((/** @type {any} */ one) => ({ bound: sample(one.metric.le), values: spread(one.values, start - step, step, count + 1) }))
    .sort((/** @type {any} */ a, /** @type {any} */ b) => a.bound - b.bound);
  const below = readings.map((/** @type {any} */ row) => (counters ? increases(row.values) : row.values.slice(1).map((/** @type {number | null} */ value) => value ?? 0)));
  const cells = below.map((/** @type {number[]} */ row, /** @type {number} */ index) =>
    row.map((value, column) => Math.max(0, value - (index > 0 ? below[index - 1][column] : 0))),
  );
  return {
    times: Array.from({ length: count }, (_, index) => start + index * step),
    step,
    bounds: readings.map((/** @type {any} */ row) => row.bound),
    cells,
    most: mostOf(cells),
  };
}

/** @param {number[][]} cells */
const mostOf = (cells) => cells.reduce((most, row) => row.reduce((a, b) => Math.max(a, b), most), 0) || 1;

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

/**
 * Cells with a column for each tick that came after them; as many fall out at the left.
 * @param {Cells} cells @param {import("./live.js").Tick[]} newer @returns {Cells}
 */
export function appendTicks(cells, newer) {
  const end = cells.times[cells.times.length - 1];
  const fresh = newer.filter((tick) => tick.endMs / 1000 > end + cells.step - 1e-6 && tick.buckets.length === cells.bounds.length);
  if (fresh.length === 0) return cells;
  const count = cells.times.length;
  const counted = cells.cells.map((row, index) => [...row, ...fresh.map((tick) => tick.buckets[index])].slice(-count));
  return { ...cells, times: [...cells.times, ...fresh.map((tick) => tick.endMs / 1000)].slice(-count), cells: counted, most: mostOf(counted) };
}

/** @param {number} bound */
const bandOf = (bound) => (bound <= SLOW_S ? "accent" : bound <= STUCK_S ? "warn" : "bad");

/** @param {Cells} cells @param {number} width @param {number} height */
const sizes = (cells, width, height) => ({
  wide: (width - LEFT) / cells.times.length,
  high: (height - BOTTOM) / cells.bounds.length,
});

/**
 * @param {{cells: Cells, title: string, onBox?: (box: import("./box.js").Box) => void, height?: number, unit?: import("./format.js").Unit}} props
 * `onBox` takes what was chosen by dragging or Enter; `unit` is that of the bounds
 */
export function CellMap({ cells, title, onBox, height, unit = "s" }) {
  const [at, setAt] = useState(/** @type {Cell | null} */ (null));
  const [from, setFrom] = useState(/** @type {Cell | null} */ (null));
  const { ref } = useCanvas((context, width, high, paint) => drawMap(context, width, high, paint, cells, at, from, unit), [cells, at, from]);
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
    if (from !== null) onBox?.(boxOf(cells, from, find(event)));
    setFrom(null);
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && at) onBox?.(boxOf(cells, at, at));
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!move) return;
    event.preventDefault();
    const old = at ?? { column: cells.times.length - 1, row: 0 };
    setAt(clampCell(cells, old.column + move[0], old.row + move[1]));
  };
  return html`<canvas ref=${ref} class=${`canvas hitmap ${onBox ? "boxed" : ""}`} style=${height === undefined ? undefined : { height: `${height - 26}px` }} tabindex="0" role="img" aria-label=${title}
      onPointerMove=${(/** @type {PointerEvent} */ event) => setAt(find(event))} onPointerLeave=${() => setAt(null)} onPointerDown=${down} onPointerUp=${up} onKeyDown=${key}></canvas>
    <p class="hint cell" aria-live="polite">${at ? describe(cells, at, unit) : onBox ? t("hitmap.hint") : ""}</p>`;
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

/** @param {Cells} cells @param {Cell} at @param {import("./format.js").Unit} unit */
function describe(cells, { column, row }, unit) {
  return t("hitmap.cell", { time: dateTime(cells.times[column] * 1000), span: spanOf(cells, row, unit), count: number(cells.cells[row][column]) });
}

/** @param {Cells} cells @param {number} row @param {import("./format.js").Unit} [unit] */
export function spanOf(cells, row, unit = "s") {
  const low = withUnit(cells.bounds[row - 1] ?? 0, unit);
  return Number.isFinite(cells.bounds[row]) ? `${low} – ${withUnit(cells.bounds[row], unit)}` : `> ${low}`;
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {(name: string) => string} paint @param {Cells} cells @param {Cell | null} at @param {Cell | null} from @param {import("./format.js").Unit} unit */
function drawMap(context, width, height, paint, cells, at, from, unit) {
  const { wide, high } = sizes(cells, width, height);
  const top = (/** @type {number} */ row) => height - BOTTOM - (row + 1) * high;
  drawAxes(context, width, height, paint, cells, wide, high, unit);
  context.imageSmoothingEnabled = false;
  context.drawImage(pictureOf(cells, paint), LEFT, 0, width - LEFT, height - BOTTOM);
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

/**
 * The cells as a picture of one pixel each, to be stretched: its cost is that of its pixels, not of a call for every cell.
 * @param {Cells} cells @param {(name: string) => string} paint
 */
export function pictureOf(cells, paint) {
  const [wide, high] = [cells.times.length, cells.bounds.length];
  const picture = new OffscreenCanvas(wide, high);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (picture.getContext("2d"));
  const pixels = context.createImageData(wide, high);
  const full = Math.log1p(cells.most);
  cells.cells.forEach((row, index) => {
    const [red, green, blue] = rgb(paint(bandOf(cells.bounds[index])));
    let at = (high - 1 - index) * wide * 4;
    for (const count of row) {
      // A single slow one among thousands is seen, too.
      if (count > 0) pixels.data.set([red, green, blue, 51 + 204 * (Math.log1p(count) / full)], at);
      at += 4;
    }
  });
  context.putImageData(pixels, 0, 0);
  return picture;
}

/** The parts of a colour written as #rrggbb, as the style sheet writes those of the bands. @param {string} text */
function rgb(text) {
  const number = Number.parseInt(text.trim().slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {(name: string) => string} paint @param {Cells} cells @param {number} wide @param {number} high @param {import("./format.js").Unit} unit */
function drawAxes(context, width, height, paint, cells, wide, high, unit) {
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
    context.fillText(withUnit(bound, unit), LEFT - 5, Math.max(7, y));
  });
  context.textAlign = "center";
  const interval = roundStep((cells.step * 80) / wide); // a time of 8 characters and some air
  cells.times.forEach((time, column) => {
    const x = LEFT + (column + 0.5) * wide;
    if (time % interval === 0 && x > LEFT + 25 && x < width - 25) context.fillText(axisLabel(time * 1000, interval * 1000), x, height - 7);
  });
}
