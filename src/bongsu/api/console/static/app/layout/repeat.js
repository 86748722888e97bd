// What of a layout is shown: rows and panels once for each value of the variable that they repeat by, folded rows without what is below.
import { COLUMNS } from "./place.js";
import { ALL } from "./variables.js";

/**
 * @typedef {import("./place.js").Panel} Panel
 * @typedef {Panel & {values?: Record<string, string>}} Shown `values` of the variables that this copy stands for
 */

/** Copies of one row or panel: more are not looked through, and a choice of the variable shows those that are wanted. */
export const MOST_COPIES = 60;

/** The variables that something repeats by. @param {Panel[]} panels @returns {string[]} */
export const repeatedBy = (panels) => [...new Set(panels.flatMap((panel) => (panel.repeat ? [panel.repeat] : [])))];

/**
 * @param {Panel[]} panels as they are kept
 * @param {Map<string, string[]>} values chosen; every value in place of "all"
 * @param {(row: Panel) => boolean} isFolded @returns {Shown[]} places and ids of their own
 */
export function shownPanels(panels, values, isFolded) {
  if (!panels.some((panel) => panel.row || panel.repeat)) return panels;
  /** @type {Shown[]} */
  const shown = [];
  let top = 0;
  for (const section of sectionsOf(panels)) {
    for (const copy of copiesOf(section.head, values)) {
      if (section.head) shown.push({ ...section.head, ...copy, y: top++ });
      if (section.head && isFolded({ ...section.head, ...copy })) continue;
      const below = unfolded(section.panels, section.top, values, copy.values ?? {}, copy.id ? `~${copy.id}` : "");
      shown.push(...below.map((panel) => ({ ...panel, y: panel.y + top })));
      top += below.reduce((most, panel) => Math.max(most, panel.y + panel.h), 0);
    }
  }
  return shown;
}

/** @param {Panel[]} panels @returns {{head: Panel | null, top: number, panels: Panel[]}[]} each row with what is between it and the next one */
function sectionsOf(panels) {
  const ordered = [...panels].sort((a, b) => a.y - b.y || Number(b.row ?? false) - Number(a.row ?? false) || a.x - b.x);
  const sections = [{ head: /** @type {Panel | null} */ (null), top: 0, panels: /** @type {Panel[]} */ ([]) }];
  for (const panel of ordered) {
    if (panel.row) sections.push({ head: panel, top: panel.y + panel.h, panels: [] });
    else sections[sections.length - 1].panels.push(panel);
  }
  return sections;
}

/** @param {Panel | null} panel @param {Map<string, string[]>} values @returns {{id?: string, values?: Record<string, string>}[]} one without a change where it does not repeat */
function copiesOf(panel, values) {
  const name = panel?.repeat;
  const list = (name && values.get(name)?.filter((one) => one !== ALL)) || [];
  if (!panel || !name || list.length === 0) return [{}];
  return list.slice(0, MOST_COPIES).map((value, index) => ({ id: `${panel.id}~${index}`, values: { [name]: value } }));
}

/**
 * The panels of one section from its top; copies lie side by side, and what is below them moves down.
 * @param {Panel[]} panels @param {number} top @param {Map<string, string[]>} values @param {Record<string, string>} own of the row's copy @param {string} suffix of ids
 * @returns {Shown[]}
 */
function unfolded(panels, top, values, own, suffix) {
  let pushed = 0;
  return panels.flatMap((panel) => {
    const y = panel.y - top + pushed;
    const copies = copiesOf(panel.repeat && panel.repeat in own ? null : panel, values);
    if (copies.length === 1) return [{ ...panel, id: panel.id + suffix, y, values: { ...own, ...copies[0].values } }];
    const across = panel.across ?? Math.min(copies.length, Math.floor(COLUMNS / LEAST_WIDTH));
    const w = across > 1 ? Math.floor(COLUMNS / Math.min(across, copies.length)) : panel.w;
    pushed += (Math.ceil(copies.length / across) - 1) * panel.h;
    return copies.map((copy, index) => ({ ...panel, id: copy.id + suffix, w, x: across > 1 ? (index % across) * w : panel.x, y: y + Math.floor(index / across) * panel.h, values: { ...own, ...copy.values } }));
  });
}

/** Columns that a copy has at least where the panel does not say how many lie side by side. */
const LEAST_WIDTH = 3;
