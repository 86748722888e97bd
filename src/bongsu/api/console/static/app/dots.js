// The hit map as points: one for each transaction, the failed ones red and above the others. What is known of a point is its tick
// and its row of response times; inside of them it has a place of its own, so that a crowd is seen as one.
import { html, useMemo, useRef, useState } from "./ui.js";
import { openapm } from "./api.js";
import { openBox } from "./box.js";
import { useCanvas } from "./canvas.js";
import { Segments } from "./choices.js";
import { axisLabel, dateTime, milliseconds, number } from "./format.js";
import { t } from "./i18n.js";
import { gaps, ticks } from "./live.js";
import { useLoad } from "./load.js";
import { place, setQuery } from "./router.js";
import { TICK_MS } from "./spot.js";
import { bounds, range, roundStep } from "./time.js";
import { Empty, Loading } from "./widgets.js";

const SCALES_S = [1, 5, 10, 20, 40, 80]; // highest response times; the rows end at 80 s
const ABOVE = 0.002; // of the transactions may be above the scale that is chosen by itself
const EDGE = 0.02; // of the height: a box that comes this near to the upper edge has no upper bound
const [LEFT, BOTTOM] = [52, 18]; // room for the labels
const ROWS = 8; // of the table, and steps of the arrow keys from bottom to top: each scale has whole rows of the server in an eighth
/** Edges of a point in pixels, by how many there are: few are easily seen, a hundred thousand leave room for each other. */
const SIZES = [[1_500, 5], [8_000, 4], [30_000, 3], [Infinity, 2]];

/**
 * @typedef {{time: number, rows: {row: number, well: number, failed: number}[]}} Hit a tick by its end
 * @typedef {{start: number, end: number, bounds: number[], records: Hit[]}} Hits times and bounds in milliseconds
 * @typedef {{count: number, failed: number, times: Float64Array, elapsed: Float32Array, bad: Uint8Array}} Points failed ones last
 */

/** @param {AbortSignal} abort @returns {Promise<Hits>} */
async function loadHits(abort) {
  const shown = bounds(range.value);
  const [start, end] = [shown.start, shown.end].map((time) => Math.floor(time / TICK_MS) * TICK_MS);
  const told = await openapm(`api/json/hitmap/${start}/${end}`, abort);
  return { start, end, bounds: told.bounds, records: told.records };
}

/**
 * The range moved to the newest tick of the stream, with what came since; as much falls out at the left.
 * @param {Hits} hits @param {import("./live.js").Tick[]} newer @returns {Hits}
 */
export function withTicks(hits, newer) {
  const last = hits.records[hits.records.length - 1]?.time ?? hits.start;
  const fresh = newer.filter((tick) => tick.endMs > last).map((tick) => ({ time: tick.endMs, rows: tick.hits }));
  const end = Math.max(hits.end, newer[newer.length - 1]?.endMs ?? 0);
  const start = hits.start + end - hits.end;
  return { ...hits, start, end, records: [...hits.records, ...fresh].filter((one) => one.time > start) };
}

/** Fractions that fill an interval evenly, one after the other. @param {number} index @param {number} turn */
const spread = (index, turn) => (index * turn) % 1;
const [ACROSS, UP] = [0.7548776662466927, 0.5698402909980532]; // of the plane's most even sequence (the "R2" of M. Roberts)

/** @param {Hits} hits @returns {Points} */
export function toPoints({ bounds: lows, records }) {
  const totals = { well: 0, failed: 0 };
  for (const { rows } of records) for (const row of rows) (totals.well += row.well), (totals.failed += row.failed);
  const count = totals.well + totals.failed;
  const points = { count, failed: totals.failed, times: new Float64Array(count), elapsed: new Float32Array(count), bad: new Uint8Array(count) };
  const at = { well: 0, failed: totals.well };
  for (const { time, rows } of records) {
    for (const { row, well, failed } of rows) {
      const high = (lows[row + 1] ?? lows[row] * 1.25) - lows[row];
      for (let index = 0; index < well + failed; index++) {
        const to = index < well ? at.well++ : at.failed++;
        points.times[to] = time - TICK_MS * (1 - spread(index + 1 + row, ACROSS));
        points.elapsed[to] = lows[row] + high * spread(index + 1, UP);
        points.bad[to] = index < well ? 0 : 1;
      }
    }
  }
  return points;
}

/** The lowest scale that nearly all are below of. @param {Points} points */
export function scaleFor({ count, elapsed }) {
  const fits = (/** @type {number} */ top) => elapsed.reduce((above, one) => above + (one > top * 1000 ? 1 : 0), 0) <= ABOVE * count;
  return SCALES_S.find(fits) ?? SCALES_S[SCALES_S.length - 1];
}

/** @param {{asTable: boolean}} props */
export function Dots({ asTable }) {
  const { live } = range.value;
  const loaded = useLoad(loadHits, [range.value, gaps.value]);
  const data = useMemo(() => loaded.data && (live ? withTicks(loaded.data, ticks.value) : loaded.data), [loaded.data, ticks.value, live]);
  const points = useMemo(() => data && toPoints(data), [data]);
  return html`<${Loading} of=${{ ...loaded, data }}>
    ${(/** @type {Hits} */ hits) =>
      !points || points.count === 0
        ? html`<${Empty} why=${t("hitmap.noDots")} hint=${t("hitmap.noDotsHint")} />`
        : html`<${Shown} hits=${hits} points=${points} asTable=${asTable} />`}
  <//>`;
}

/** @param {{hits: Hits, points: Points, asTable: boolean}} props */
function Shown({ hits, points, asTable }) {
  const asked = Number(place.value.query.get("scale"));
  const scale = SCALES_S.includes(asked) ? asked : scaleFor(points);
  const above = useMemo(() => points.elapsed.reduce((count, one) => count + (one > scale * 1000 ? 1 : 0), 0), [points, scale]);
  const options = SCALES_S.map((one) => ({ value: String(one), text: milliseconds(one * 1000) }));
  return html`<figure>
    ${asTable ? html`<${Table} points=${points} scale=${scale} />` : html`<${DotMap} hits=${hits} points=${points} scale=${scale} title=${t("hitmap.title")} onBox=${openBox} />`}
    <figcaption class="keys">
      <span><i class="key"></i>${t("hitmap.well")} <b>${number(points.count - points.failed)}</b></span>
      <span><i class="key stuck"></i>${t("hitmap.failed")} <b>${number(points.failed)}</b></span>
      ${above > 0 && html`<span>${t("hitmap.above", { scale, count: number(above) })}</span>`}
      <span class="hint">${t("hitmap.placed")}</span>
      <span class="scales"><${Segments} label=${t("hitmap.scale")} options=${options} value=${String(scale)} onChange=${(/** @type {string} */ next) => setQuery({ scale: next }, { replace: true })} /></span>
    </figcaption>
  </figure>`;
}

/** @typedef {{x: number, y: number}} Corner in parts of the plot, from the left and from the bottom */

/**
 * @param {{hits: Omit<Hits, "records">, points: Points, scale: number, title: string, onBox: (box: import("./box.js").Box) => void}} props
 * `scale` in seconds; `onBox` takes what was chosen by dragging or Enter
 */
export function DotMap({ hits, points, scale, title, onBox }) {
  const [at, setAt] = useState(/** @type {Corner | null} */ (null));
  const [from, setFrom] = useState(/** @type {Corner | null} */ (null));
  const picture = useRef(/** @type {{of: unknown[], canvas: OffscreenCanvas} | null} */ (null));
  const { ref } = useCanvas(
    (context, width, height, paint) => {
      const wanted = [points, scale, hits, width, height, devicePixelRatio, paint("accent")];
      if (!picture.current || picture.current.of.some((one, index) => one !== wanted[index])) {
        const [wide, high] = [width - LEFT, height - BOTTOM].map((one) => Math.max(1, Math.round(one * devicePixelRatio)));
        picture.current = { of: wanted, canvas: drawPoints(points, hits, scale, wide, high, paint) };
      }
      drawAxes(context, width, height, paint, hits, scale);
      context.drawImage(picture.current.canvas, LEFT, 0, width - LEFT, height - BOTTOM);
      if (from && at) drawBox(context, width, height, paint, from, at);
    },
    [points, scale, hits, at, from],
  );
  const find = (/** @type {PointerEvent} */ event) => {
    const box = /** @type {HTMLElement} */ (ref.current).getBoundingClientRect();
    const part = (/** @type {number} */ value) => Math.max(0, Math.min(1, value));
    return { x: part((event.clientX - box.left - LEFT) / (box.width - LEFT)), y: part(1 - (event.clientY - box.top) / (box.height - BOTTOM)) };
  };
  const down = (/** @type {PointerEvent} */ event) => {
    /** @type {HTMLElement} */ (ref.current).setPointerCapture(event.pointerId);
    setFrom(find(event));
  };
  const up = (/** @type {PointerEvent} */ event) => {
    if (from) onBox(boxOf(hits, scale, from, find(event)));
    setFrom(null);
  };
  const ticks = Math.max(1, (hits.end - hits.start) / TICK_MS);
  const cell = (/** @type {Corner} */ corner) => [corner, { x: corner.x - 0.5 / ticks, y: corner.y - 0.5 / ROWS }];
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && at) onBox(boxOf(hits, scale, .../** @type {[Corner, Corner]} */ (cell(at))));
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!move) return;
    event.preventDefault();
    const old = at ?? { x: 1 - 0.5 / ticks, y: 0.5 / ROWS };
    const next = (/** @type {number} */ value, /** @type {number} */ steps) => Math.max(0.5 / steps, Math.min(1 - 0.5 / steps, value));
    setAt({ x: next(old.x + move[0] / ticks, ticks), y: next(old.y + move[1] / ROWS, ROWS) });
  };
  return html`<canvas ref=${ref} class="canvas hitmap boxed" tabindex="0" role="img" aria-label=${title}
      onPointerMove=${(/** @type {PointerEvent} */ event) => setAt(find(event))} onPointerLeave=${() => setAt(null)} onPointerDown=${down} onPointerUp=${up} onPointerCancel=${() => setFrom(null)} onKeyDown=${key}></canvas>
    <p class="hint cell" aria-live="polite">${at ? describe(hits, points, scale, ...(from ? [from, at] : cell(at))) : t("hitmap.hint")}</p>`;
}

/**
 * Ticks and response times between two corners, in milliseconds: whole ticks and whole rows, since nothing finer is known of a point.
 * @param {Omit<Hits, "records">} hits @param {number} scale @param {Corner} a @param {Corner} b
 */
export function boxOf({ start, end, bounds: lows }, scale, a, b) {
  const time = (/** @type {number} */ x) => start + x * (end - start);
  const [least, most] = [Math.min(a.y, b.y), Math.max(a.y, b.y)].map((y) => y * scale * 1000);
  const from = Math.floor(time(Math.min(a.x, b.x)) / TICK_MS) * TICK_MS;
  const low = lows.findLast((one) => one <= Math.max(0, least)) ?? 0;
  // What is above the scale is drawn at its upper edge.
  const high = most >= scale * 1000 * (1 - EDGE) ? Infinity : (lows.find((one) => one >= most && one > low) ?? Infinity);
  return { from, to: Math.max(from + TICK_MS, Math.ceil(time(Math.max(a.x, b.x)) / TICK_MS) * TICK_MS), least: low, most: high };
}

/** @param {Omit<Hits, "records">} hits @param {Points} points @param {number} scale @param {Corner[]} corners */
function describe(hits, points, scale, ...corners) {
  const [a, b] = corners;
  const { from, to, least, most } = boxOf(hits, scale, a, b);
  let [well, failed] = [0, 0];
  for (let index = 0; index < points.count; index++) {
    const inside = points.times[index] > from && points.times[index] <= to && points.elapsed[index] >= least && points.elapsed[index] < most;
    if (inside) points.bad[index] ? failed++ : well++;
  }
  const span = Number.isFinite(most) ? `${milliseconds(least)} – ${milliseconds(most)}` : `> ${milliseconds(least)}`;
  return t("hitmap.box", { from: dateTime(from), span, well: number(well), failed: number(failed) });
}

/**
 * All points in one picture, written pixel by pixel: a call of the canvas for each would take a hundred times as long.
 * @param {Points} points @param {{start: number, end: number}} hits @param {number} scale @param {number} wide @param {number} high device pixels @param {(name: string) => string} paint
 */
export function drawPoints(points, { start, end }, scale, wide, high, paint) {
  const canvas = new OffscreenCanvas(wide, high);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(wide, high);
  const pixels = new Uint32Array(image.data.buffer);
  const size = Math.round(/** @type {number[]} */ (SIZES.find(([most]) => points.count <= most))[1] * (devicePixelRatio > 1.5 ? 1.5 : 1));
  const [well, failed] = [paint("accent"), paint("bad")].map((text) => pixelOf(text));
  const [across, up] = [(wide - size) / Math.max(1, end - start), (high - size) / (scale * 1000)];
  for (let index = 0; index < points.count; index++) {
    const bad = points.bad[index] === 1;
    const left = Math.round((points.times[index] - start) * across);
    const top = Math.max(0, high - size - Math.round(points.elapsed[index] * up));
    if (left < 0 || left > wide - size) continue;
    for (let y = top; y < top + size; y++) {
      for (let x = y * wide + left; x < y * wide + left + size; x++) {
        // The first one is light, each on top of it makes the place fuller; a failed one is never covered.
        const alpha = bad ? 255 : Math.min(255, (pixels[x] >>> 24 || 110) + 45);
        pixels[x] = ((bad ? failed : well) | (alpha << 24)) >>> 0;
      }
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** A colour written as #rrggbb in the order of a pixel's bytes, without its opacity. @param {string} text */
function pixelOf(text) {
  const value = Number.parseInt(text.trim().slice(1), 16);
  return ((value & 255) << 16) | (value & 0xff00) | (value >> 16);
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {(name: string) => string} paint @param {Corner} a @param {Corner} b */
function drawBox(context, width, height, paint, a, b) {
  const [x, y] = [LEFT + Math.min(a.x, b.x) * (width - LEFT), (1 - Math.max(a.y, b.y)) * (height - BOTTOM)];
  const [wide, high] = [Math.abs(a.x - b.x) * (width - LEFT), Math.abs(a.y - b.y) * (height - BOTTOM)];
  context.fillStyle = paint("accent");
  context.globalAlpha = 0.18;
  context.fillRect(x, y, wide, high);
  context.globalAlpha = 1;
  context.strokeStyle = paint("accent");
  context.strokeRect(x, y, wide, high);
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {(name: string) => string} paint @param {{start: number, end: number}} hits @param {number} scale */
function drawAxes(context, width, height, paint, { start, end }, scale) {
  context.fillStyle = paint("muted");
  context.strokeStyle = paint("grid");
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (let part = 0; part <= 5; part++) {
    const y = Math.round((1 - part / 5) * (height - BOTTOM)) + 0.5;
    context.beginPath();
    context.moveTo(LEFT, y);
    context.lineTo(width, y);
    context.stroke();
    context.fillText(milliseconds((part * scale * 1000) / 5), LEFT - 5, Math.max(7, Math.min(height - BOTTOM - 2, y)));
  }
  context.textAlign = "center";
  const interval = roundStep(((end - start) / 1000 / Math.max(1, width - LEFT)) * 80) * 1000; // a time of 8 characters and some air
  for (let time = Math.ceil(start / interval) * interval; time <= end; time += interval) {
    const x = LEFT + ((time - start) / (end - start)) * (width - LEFT);
    if (x > LEFT + 25 && x < width - 25) context.fillText(axisLabel(time, interval), x, height - 7);
  }
}

/** @param {{points: Points, scale: number}} props */
function Table({ points, scale }) {
  const rows = Array.from({ length: ROWS + 1 }, (_, index) => ({ low: (index * scale * 1000) / ROWS, well: 0, failed: 0 }));
  for (let index = 0; index < points.count; index++) {
    rows[Math.min(ROWS, Math.floor((points.elapsed[index] * ROWS) / (scale * 1000)))][points.bad[index] ? "failed" : "well"]++;
  }
  const span = (/** @type {number} */ index) => (index < ROWS ? `${milliseconds(rows[index].low)} – ${milliseconds(rows[index + 1].low)}` : `> ${milliseconds(rows[index].low)}`);
  return html`<table>
    <thead><tr><th scope="col">${t("hitmap.elapsed")}</th><th scope="col" class="number">${t("hitmap.well")}</th><th scope="col" class="number">${t("hitmap.failed")}</th></tr></thead>
    <tbody>${rows.map((row, index) => html`<tr key=${index}><th scope="row">${span(index)}</th><td class="number">${number(row.well)}</td><td class="number">${number(row.failed)}</td></tr>`)}</tbody>
  </table>`;
}
