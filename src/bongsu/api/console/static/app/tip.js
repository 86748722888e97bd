// The box beside the pointer that tells the values of a chart at that time. It lies above everything, so that no panel cuts it off.
import { dateTime, withUnit } from "./format.js";

const MOST = 12; // the highest ones under the cursor; a longer list would leave the screen
const [BESIDE_PX, EDGE_PX] = [14, 8];

/**
 * A plug-in of uPlot. Charts share their cursor; only the one that is pointed at, or has the focus, tells its values.
 * @param {import("./format.js").Unit} unit @param {{current: {lines: import("./chart.js").Lines}}} newest values before they are stacked
 */
export function tooltip(unit, newest) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.popover = "manual";
  const show = (/** @type {any} */ self) => {
    const { idx, left, top } = self.cursor;
    if (idx === null || idx === undefined || left < 0 || !self.root.parentElement?.matches(":hover, :focus-visible")) return tip.remove();
    tip.replaceChildren(...contents(self, idx, unit, newest.current.lines.series));
    if (!tip.isConnected) {
      self.root.append(tip);
      tip.showPopover();
    }
    moveTo(tip, self.over.getBoundingClientRect(), left, Math.max(0, top));
    return undefined;
  };
  return { hooks: { setCursor: show, destroy: () => tip.remove() } };
}

/** @param {any} self @param {number} index @param {import("./format.js").Unit} unit @param {import("./chart.js").Series[]} series */
function contents(self, index, unit, series) {
  const rows = self.series
    .slice(1)
    .map((/** @type {any} */ one, /** @type {number} */ at) => ({ name: one.label, paint: typeof one.stroke === "function" ? one.stroke() : one.stroke, value: series[at]?.values[index] }))
    .filter((/** @type {any} */ row) => row.value !== null && row.value !== undefined)
    .sort((/** @type {any} */ a, /** @type {any} */ b) => b.value - a.value);
  const shown = rows.slice(0, MOST).map((/** @type {any} */ row) => line("row", row.name, withUnit(row.value, unit), row.paint));
  return [line("time", dateTime(self.data[0][index] * 1000)), ...shown, ...(rows.length > MOST ? [line("more", `+ ${rows.length - MOST}`)] : [])];
}

/** Beside the cursor, on the side where there is room. @param {HTMLElement} tip @param {DOMRect} chart @param {number} left @param {number} top */
function moveTo(tip, chart, left, top) {
  const { width, height } = tip.getBoundingClientRect();
  const x = chart.left + left;
  const beside = x + BESIDE_PX + width > innerWidth - EDGE_PX ? x - BESIDE_PX - width : x + BESIDE_PX;
  tip.style.left = `${Math.max(EDGE_PX, beside)}px`;
  tip.style.top = `${Math.max(EDGE_PX, Math.min(chart.top + top - height / 2, innerHeight - EDGE_PX - height))}px`;
}

/** @param {string} kind @param {string} name @param {string} [value] @param {string} [paint] */
function line(kind, name, value, paint) {
  const row = document.createElement("div");
  row.className = kind;
  if (paint) row.appendChild(document.createElement("i")).style.background = paint;
  row.appendChild(document.createElement("span")).textContent = name;
  if (value !== undefined) row.appendChild(document.createElement("b")).textContent = value;
  return row;
}
