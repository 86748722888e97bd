// What the lines of a chart are called, and what they say in numbers: a row of names, or a table below a large chart.
import { html, useState } from "./ui.js";
import { withUnit } from "./format.js";
import { t } from "./i18n.js";

/** @typedef {import("./chart.js").Lines} Lines */

/** Told apart by most colour-blind readers, on light and on dark; beyond them the hue turns by the golden angle. */
const COLOURS = ["#3b7ddd", "#e08a1e", "#8a5cd1", "#1f9d8b", "#d1495b", "#7d8c1f", "#c2559f", "#5a7184"];
const FEW = 6; // names that a legend shows at once in a panel of half the width
export const MOST_DRAWN = 60; // more lines are a carpet: the first ones are drawn, and a button draws all

/** @param {number} index */
const colour = (index) => COLOURS[index] ?? `hsl(${Math.round(index * 137.508) % 360} 55% 55%)`;

/** @param {Lines} lines @returns {{series: import("./chart.js").Series, paint: string}[]} */
export const painted = (lines) => lines.series.map((series, index) => ({ series, paint: series.colour ?? colour(index) }));

/** @param {(number | null)[]} values */
export const last = (values) => values.findLast((value) => value !== null) ?? null;

/**
 * @typedef {{lines: Lines, all: boolean, unit: import("./format.js").Unit, alone: string | null, onPick: (name: string) => void}} Props
 * `all`: those that are not drawn are named too
 */

/** @param {Props} props */
export function Legend({ lines, all, unit, alone, onPick }) {
  const rows = painted(lines).slice(0, all ? undefined : MOST_DRAWN).map(({ series, paint }) => ({ name: series.name, paint, now: last(series.values) }));
  // Most of a long legend is out of sight, and the largest are what is looked for; a short one stands still.
  if (rows.length > FEW) rows.sort((a, b) => (b.now ?? -Infinity) - (a.now ?? -Infinity));
  return html`<ul class="legend">
    ${rows.map(({ name, paint, now }) => html`<li key=${name}><${Name} ...${{ name, paint, alone, onPick }}><b>${withUnit(now, unit)}</b><//></li>`)}
  </ul>`;
}

/** @param {{name: string, paint: string, alone: string | null, onPick: (name: string) => void, children?: any}} props */
function Name({ name, paint, alone, onPick, children }) {
  return html`<button type="button" aria-pressed=${alone === name} class=${alone !== null && alone !== name ? "off" : ""} onClick=${() => onPick(name)} title=${name}>
    <i style=${{ background: paint }}></i><span>${name}</span>${children}
  </button>`;
}

const COLUMNS = /** @type {const} */ (["last", "min", "mean", "max"]);

/** The same with what a line was over the range, sorted by any of it. @param {Props} props */
export function LegendTable({ lines, all, unit, alone, onPick }) {
  const [by, setBy] = useState(/** @type {(typeof COLUMNS)[number]} */ ("last"));
  const rows = painted(lines).slice(0, all ? undefined : MOST_DRAWN).map(({ series, paint }) => ({ name: series.name, paint, ...numbersOf(series.values) }));
  rows.sort((a, b) => (b[by] ?? -Infinity) - (a[by] ?? -Infinity));
  return html`<div class="scroll legend-table" tabindex="0"><table>
    <thead><tr><th scope="col">${t("explore.series")}</th>${COLUMNS.map((name) => html`<th scope="col" class="number" key=${name} aria-sort=${by === name ? "descending" : undefined}><button type="button" class="linklike" onClick=${() => setBy(name)}>${t(`chart.${name}`)}${by === name && " ↓"}</button></th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${row.name}>
      <td class="legend"><${Name} name=${row.name} paint=${row.paint} alone=${alone} onPick=${onPick} /></td>${COLUMNS.map((name) => html`<td class="number" key=${name}>${withUnit(row[name], unit)}</td>`)}
    </tr>`)}</tbody>
  </table></div>`;
}

/** @param {(number | null)[]} values @returns {Record<(typeof COLUMNS)[number], number | null>} */
function numbersOf(values) {
  let [min, max, sum, count] = [Infinity, -Infinity, 0, 0];
  for (const value of values) {
    if (value === null) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    count++;
  }
  return count === 0 ? { last: null, min: null, mean: null, max: null } : { last: last(values), min, mean: sum / count, max };
}
