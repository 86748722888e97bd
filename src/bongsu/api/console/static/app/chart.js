// Line charts: uPlot draws, we add what it lacks: a sentence, a table, a keyboard cursor, themes.
import { html, useLayoutEffect, useMemo, useRef, useState } from "./ui.js";
import uPlot from "../vendor/uplot-1.6.32.min.js";
import { t } from "./i18n.js";
import { dark, zone } from "./settings.js";
import { axisLabel, clock, dateTime, withUnit } from "./format.js";
import { last, Legend, LegendTable, MOST_DRAWN, painted } from "./legend.js";
import { setFixed } from "./time.js";
import { tooltip } from "./tip.js";
import { Button } from "./widgets.js";

/**
 * @typedef {{name: string, values: (number | null)[], colour?: string}} Series `colour` in place of its own: #rrggbb
 * @typedef {{times: number[], series: Series[]}} Lines times in Unix seconds
 */

/** Of a line, in CSS pixels. Where software draws, a wider one takes four times as long: 12 panels of 5 lines 120 ms and not 30. */
const LINE_WIDTH = 1;

/** A line needs two points; fewer are drawn as dots. @param {any} plot @param {number} index of the series */
function isLone(plot, index) {
  let count = 0;
  for (const value of plot.data[index]) if (value !== null && ++count > 1) return false;
  return true;
}

/**
 * @param {{title: string, lines: Lines, unit?: import("./format.js").Unit, height?: number, min?: number, max?: number,
 *   legend?: boolean | "table", fill?: boolean, stack?: boolean, share?: boolean, start?: number, end?: number}} props
 * share: stacked to a whole of 100%; start and end in Unix seconds fix the time axis, so that a gap at either side is seen
 */
export function LineChart({ title, lines, unit = "none", height = 180, min, max, legend = true, fill = false, stack = false, share = false, start, end }) {
  const [asTable, setAsTable] = useState(false);
  const [all, setAll] = useState(false);
  const [alone, setAlone] = useState(/** @type {string | null} */ (null));
  const drawn = useMemo(() => pick(lines, all, alone), [lines, all, alone]);
  const hidden = lines.series.length - drawn.series.length;
  const pickOne = (/** @type {string} */ name) => setAlone(alone === name ? null : name);
  return html`<figure class="chart">
    <figcaption class="visually-hidden">${title}. ${summary(lines, unit)}</figcaption>
    ${asTable
      ? html`<${ValueTable} lines=${drawn} unit=${unit} height=${height} />`
      : html`<${Plot} ...${{ title, lines: drawn, unit, height, min, max, fill, stack, share, start, end }} />`}
    <div class="chart-foot">
      ${legend && html`<${legend === "table" ? LegendTable : Legend} lines=${lines} all=${all} unit=${unit} alone=${alone} onPick=${pickOne} />`}
      ${hidden > 0 && alone === null && html`<${Button} kind="quiet" onClick=${() => setAll(true)}>${t("chart.showAll", { hidden })}<//>`}
      <${Button} icon="table" kind="quiet" label=${t("chart.table")} pressed=${asTable} onClick=${() => setAsTable(!asTable)} />
    </div>
  </figure>`;
}

/** @param {Lines} lines @param {boolean} all @param {string | null} alone @returns {Lines & {colours: string[]}} */
function pick(lines, all, alone) {
  const chosen = painted(lines).filter(({ series }, index) => (alone === null ? all || index < MOST_DRAWN : series.name === alone));
  return { times: lines.times, series: chosen.map((one) => one.series), colours: chosen.map((one) => one.paint) };
}

/** One sentence for a reader who does not see the lines. @param {Lines} lines @param {import("./format.js").Unit} unit */
function summary(lines, unit) {
  if (lines.series.length !== 1) return t("chart.summaryMany", { count: lines.series.length });
  const known = lines.series[0].values.filter((value) => value !== null);
  const [low, high] = [known.reduce((a, b) => Math.min(a, b), Infinity), known.reduce((a, b) => Math.max(a, b), -Infinity)];
  return t("chart.summary", { last: withUnit(last(known), unit), min: withUnit(low, unit), max: withUnit(high, unit) });
}

/** @param {{title: string, lines: Lines & {colours: string[]}, unit: import("./format.js").Unit, height: number, min?: number, max?: number, fill: boolean, stack: boolean, share: boolean, start?: number, end?: number}} props */
function Plot({ title, lines, unit, height, min, max, fill, stack, share, start, end }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  const shown = useMemo(() => ({ start, end, lines }), [start, end, lines]);
  const newest = useRef(shown);
  newest.current = shown;
  const drawn = useRef(/** @type {typeof shown | null} */ (null));
  const [spoken, setSpoken] = useState("");
  const shape = `${dark.value} ${zone.value} ${unit} ${height} ${min} ${max} ${stack} ${share} ${lines.series.map((one, index) => one.name + lines.colours[index]).join("\u0000")}`;

  useLayoutEffect(() => {
    const target = /** @type {HTMLDivElement} */ (box.current);
    plot.current = new uPlot(options(target, { lines, unit, height, min, max, fill, stack, share, newest }), data(lines, stack, share), target);
    drawn.current = newest.current;
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: target.clientWidth, height }));
    resized.observe(target);
    return () => {
      resized.disconnect();
      plot.current.destroy();
      plot.current = null;
    };
  }, [shape]);

  // Drawn together with the legend and in the same frame: an effect after the frame would wait for another one.
  useLayoutEffect(() => {
    if (drawn.current !== shown) plot.current?.setData(data(lines, stack, share));
    drawn.current = shown;
  }, [shown]);

  const move = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined || lines.times.length === 0) return;
    event.preventDefault();
    const at = plot.current.cursor.idx ?? (step < 0 ? lines.times.length : -1);
    const index = Math.max(0, Math.min(lines.times.length - 1, at + step));
    plot.current.setCursor({ left: plot.current.valToPos(lines.times[index], "x"), top: 0 });
    setSpoken(describe(lines, index, unit));
  };
  return html`<div ref=${box} class="plot" tabindex="0" role="img" aria-label=${title} onKeyDown=${move} style=${{ height: `${height}px` }}></div>
    <div class="visually-hidden" aria-live="polite">${spoken}</div>`;
}

/** @param {Lines} lines @param {number} index @param {import("./format.js").Unit} unit */
function describe(lines, index, unit) {
  const few = lines.series.slice(0, 5).map((one) => `${one.name} ${withUnit(one.values[index], unit)}`);
  return `${clock(lines.times[index] * 1000)}: ${few.join(", ")}`;
}

/** What is drawn: the values, or each on top of those before it, maybe as parts of their sum. @param {Lines} lines @param {boolean} stack @param {boolean} share */
function data(lines, stack, share) {
  const values = lines.series.map((one) => one.values);
  if (!stack) return [lines.times, ...values];
  const below = new Array(lines.times.length).fill(0);
  const sums = lines.times.map((_, index) => (share ? values.reduce((sum, row) => sum + (row[index] ?? 0), 0) || 1 : 1));
  return [lines.times, ...values.map((row) => row.map((value, index) => (value === null ? null : (below[index] += value / sums[index]))))];
}

/** @param {HTMLElement} target @param {any} about */
function options(target, { lines, unit, height, min, max, fill, stack, share, newest }) {
  const style = getComputedStyle(target);
  const [text, grid] = [style.getPropertyValue("--muted"), style.getPropertyValue("--grid")];
  const font = `11px ${style.fontFamily}`;
  const axis = { stroke: text, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
  return {
    width: target.clientWidth,
    height,
    legend: { show: false },
    padding: [6, 16, 0, 0], // room for half of a time below the right edge
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 }, sync: { key: "time" } },
    select: { show: true },
    scales: {
      x: { range: (/** @type {any} */ _, /** @type {number} */ low, /** @type {number} */ high) => [newest.current.start ?? low, newest.current.end ?? high] },
      y: { range: (/** @type {any} */ _, /** @type {number} */ low, /** @type {number} */ high) => valueRange(low, high, share ? 0 : min, share ? 1 : max) },
    },
    axes: [
      { ...axis, space: 70, size: 24, values: (/** @type {any} */ _, /** @type {number[]} */ splits, /** @type {any} */ __, /** @type {any} */ ___, /** @type {number} */ step) => splits.map((at) => axisLabel(at * 1000, step * 1000)) },
      { ...axis, space: 30, size: labelWidth, incrs: unit.startsWith("bytes") ? BINARY_STEPS : undefined, values: (/** @type {any} */ _, /** @type {number[]} */ splits) => splits.map((value) => withUnit(value, share ? "ratio" : unit)) },
    ],
    series: [
      {},
      ...lines.series.map((/** @type {Series} */ one, /** @type {number} */ index) => ({
        label: one.name,
        stroke: lines.colours[index],
        width: LINE_WIDTH,
        points: { show: isLone, size: 4 },
        fill: fillOf(lines, index, fill, stack),
      })),
    ],
    bands: stack ? lines.series.slice(1).map((/** @type {Series} */ _, /** @type {number} */ index) => ({ series: [index + 2, index + 1] })) : undefined,
    plugins: [tooltip(unit, newest)],
    hooks: { setSelect: [(/** @type {any} */ self) => zoom(self)] },
  };
}

/** @param {any} lines @param {number} index @param {boolean} fill @param {boolean} stack */
function fillOf(lines, index, fill, stack) {
  if (!stack && !(fill && lines.series.length === 1)) return undefined;
  return lines.colours[index].replace(/^hsl\((.*)\)$/, `hsl($1 / ${stack ? "40%" : "13%"})`).replace(/^(#\w{6})$/, `$1${stack ? "66" : "22"}`);
}

/** Room for the longest label of the value axis, so that no chart is pushed to the right for nothing. @param {any} _ @param {string[] | null} labels */
const labelWidth = (_, labels) => 16 + 6.5 * (labels ?? []).reduce((most, label) => Math.max(most, label.length), 3);

/** Steps of a byte axis: 1, 2, 4 ... so that its labels are whole KiB, MiB and GiB. */
const BINARY_STEPS = Array.from({ length: 54 }, (_, power) => 2 ** power);

/** Zero is in sight for what cannot be negative, and a flat line is not stretched to fill the height. @param {number} low @param {number} high @param {number} [min] @param {number} [max] */
function valueRange(low, high, min, max) {
  if (low === null || !Number.isFinite(low)) return [min ?? 0, max ?? 1];
  const bottom = min ?? (low >= 0 && (low <= high * 0.75 || low === high) ? 0 : low);
  const top = max ?? (high === bottom ? bottom + (Math.abs(bottom) || 1) : high + (high - bottom) * 0.08);
  return [bottom, Math.max(top, high)];
}

/** Dragging over a chart shows that time in the whole view. @param {any} self */
function zoom(self) {
  const { left, width } = self.select;
  if (width < 4) return; // a click, not a drag
  setFixed(self.posToVal(left, "x") * 1000, self.posToVal(left + width, "x") * 1000);
  self.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
}

const MOST_ROWS = 500; // newest first; a longer table would stall the page and nobody reads it

/** @param {{lines: Lines, unit: import("./format.js").Unit, height: number}} props */
function ValueTable({ lines, unit, height }) {
  const rows = lines.times.map((time, index) => ({ time, index })).slice(-MOST_ROWS).reverse();
  return html`<div class="scroll" style=${{ maxHeight: `${height}px` }} tabindex="0">
    <table>
      <thead><tr><th scope="col">${t("chart.time")}</th>${lines.series.map((one) => html`<th scope="col" class="number">${one.name}</th>`)}</tr></thead>
      <tbody>
        ${rows.map(({ time, index }) => html`<tr key=${time}><th scope="row">${dateTime(time * 1000)}</th>${lines.series.map((one) => html`<td class="number">${withUnit(one.values[index], unit)}</td>`)}</tr>`)}
      </tbody>
    </table>
  </div>`;
}
