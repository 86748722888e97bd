// Where panels lie on a grid of twelve columns: moved, resized, and pushed out of each other's way.

/**
 * @typedef {{expr: string, legend?: string, instant?: boolean, least?: number}} Query `least`: seconds that `$__interval` is at least
 * @typedef {{at: number | null, state: "ok" | "warn" | "bad"}} Step from this value on; null is from the bottom
 * @typedef {"lines" | "stat" | "gauge" | "table" | "heatmap" | "text"} Kind
 * @typedef {{id: string, title: string, kind: Kind, x: number, y: number, w: number, h: number, unit?: string, queries?: Query[],
 *   min?: number | null, max?: number | null, fill?: boolean, stack?: boolean, share?: boolean, steps?: Step[], text?: string, describes?: string,
 *   row?: boolean, folded?: boolean, repeat?: string, across?: number, calc?: Calc, shows?: "value" | "name", graph?: boolean, overrides?: Override[], mappings?: Mapping[]}} Panel
 * a `row` heads the panels below it until the next one; `repeat` names the variable for each of whose values it is shown; `share` stacks to 100%; `graph` draws the course behind one value
 * @typedef {"last" | "mean" | "max" | "min" | "sum"} Calc over the range, for panels that show one value
 * @typedef {{match: string, regex?: boolean, negative?: boolean, colour?: string, name?: string}} Override of the series whose name matches
 * @typedef {{from?: number | null, to?: number | null, text: string, state?: "ok" | "warn" | "bad" | ""}} Mapping of the values from .. to, both included; without both, of no value
 */

export const COLUMNS = 12;
export const ROW_PX = 40; // four rows are a small chart with its title

/** @param {Panel} a @param {Panel} b */
const overlap = (a, b) => a !== b && a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/**
 * Let every panel rise until it touches the one above it; one that was just moved keeps its place before the others.
 * @param {Panel[]} panels @param {string} [first] id of the one that was moved @returns {Panel[]} in the order that they had
 */
export function settle(panels, first) {
  const order = [...panels].sort((a, b) => a.y - b.y || Number(b.id === first) - Number(a.id === first) || a.x - b.x);
  const moved = panels.find((panel) => panel.id === first);
  /** @type {Panel[]} */
  const placed = moved ? [moved] : [];
  for (const panel of order) {
    if (panel === moved) continue;
    placed.push(fall(panel, placed));
  }
  if (moved) placed[0] = fall(moved, placed.slice(1));
  const byId = new Map(placed.map((panel) => [panel.id, panel]));
  return panels.map((panel) => /** @type {Panel} */ (byId.get(panel.id)));
}

/** Down until it lies on nothing, else up until it touches something: never past another one into a hole above it. @param {Panel} panel @param {Panel[]} others @returns {Panel} */
function fall(panel, others) {
  const isFree = (/** @type {number} */ y) => !others.some((other) => overlap({ ...panel, y }, other));
  let y = panel.y;
  while (!isFree(y)) y++;
  while (y > 0 && isFree(y - 1)) y--;
  return { ...panel, y };
}

/** @param {Panel[]} panels @param {string} id @param {number} x @param {number} y */
export function movePanel(panels, id, x, y) {
  return settle(
    panels.map((panel) => (panel.id === id ? { ...panel, x: clamp(x, 0, COLUMNS - panel.w), y: Math.max(0, y) } : panel)),
    id,
  );
}

/** @param {Panel[]} panels @param {string} id @param {number} w @param {number} h */
export function resizePanel(panels, id, w, h) {
  return settle(
    panels.map((panel) => (panel.id === id ? { ...panel, w: clamp(w, 1, COLUMNS - panel.x), h: clamp(h, 1, 40) } : panel)),
    id,
  );
}

/** A copy of a panel right below it. @param {Panel[]} panels @param {string} id */
export function copyPanel(panels, id) {
  const source = panels.find((panel) => panel.id === id);
  return source ? settle([...panels, { ...structuredClone(source), id: newId(panels), y: source.y + source.h }]) : panels;
}

/** @param {Panel[]} panels */
export function newId(panels) {
  const taken = new Set(panels.map((panel) => panel.id));
  let number = panels.length + 1;
  while (taken.has(`p${number}`)) number++;
  return `p${number}`;
}

/** The first row below all panels. @param {Panel[]} panels */
export const bottom = (panels) => panels.reduce((most, panel) => Math.max(most, panel.y + panel.h), 0);

/** @param {number} value @param {number} least @param {number} most */
const clamp = (value, least, most) => Math.max(least, Math.min(most, Math.round(value)));
