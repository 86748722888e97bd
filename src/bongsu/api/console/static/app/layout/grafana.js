// A Grafana dashboard's JSON as a layout, with a list of what could not be carried over.
import { t } from "../i18n.js";
import { parseDuration } from "../time.js";
import { COLUMNS, settle } from "./place.js";
import { modern } from "./grafana-old.js";
import { numberOr, toCalc, toMappings, toOverrides, toSteps, toUnit } from "./grafana-fields.js";
import { classic } from "./grafana-v2.js";
import { toVariables } from "./grafana-variables.js";

/** @typedef {import("./place.js").Panel} Panel */
/** @typedef {{name: string, layout: {panels: Panel[], variables: import("./variables.js").Variable[], notes: string[]}}} Imported */

const THEIR_COLUMNS = 24;
const THEIR_ROW_PX = 38; // theirs are 30 pixels high and 8 apart; ours 40 and 10
const OUR_ROW_PX = 50;
/** Of their columns: narrower than the one needs more room here, narrower than the other may go with it. */
const [TINY, SMALL] = [4, 6];
const TILE = { w: 2, h: 3 };
/** As many as the server takes of a layout. */
const [MOST_PANELS, MOST_QUERIES, MOST_VARIABLES, MOST_NOTES, MOST_CHARACTERS] = [200, 20, 30, 500, 20_000];

/** @type {Record<string, import("./place.js").Kind>} */
const KINDS = {
  timeseries: "lines", graph: "lines", stat: "stat", singlestat: "stat", gauge: "gauge", bargauge: "gauge",
  table: "table", "table-old": "table", heatmap: "heatmap", text: "text", barchart: "lines", trend: "lines",
};

/** Shown by another kind of panel, and noted. */
const INSTEAD = /** @type {Record<string, import("./place.js").Kind>} */ ({ piechart: "table", "grafana-piechart-panel": "table", "state-timeline": "lines", "status-history": "lines", xychart: "lines", "grafana-polystat-panel": "stat" });

/**
 * @param {any} dashboard as exported, or as the API answers it
 * @returns {Imported}
 */
export function importGrafana(dashboard) {
  const source = classic(dashboard?.dashboard ?? dashboard);
  const rows = source?.panels ?? (Array.isArray(source?.rows) ? ofRows(source.rows) : undefined);
  if (!Array.isArray(rows)) throw new Error(t("grafana.noPanels"));
  /** @type {string[]} */
  const notes = [];
  const panels = stacked(sectionsOf(flatten(rows).map((panel) => modern(ofLibrary(panel, source.__elements)))).map((section) => arranged(section).flatMap(({ panel, at }) => toPanel(panel, at, notes))));
  const variables = toVariables(source.templating?.list ?? [], notes);
  if ((source.annotations?.list ?? []).some((/** @type {any} */ one) => !one.builtIn)) notes.push(t("grafana.annotations"));
  if (source.links?.length) notes.push(t("grafana.links"));
  if (panels.length > MOST_PANELS) notes.unshift(t("grafana.tooMany", { count: panels.length - MOST_PANELS, most: MOST_PANELS }));
  const name = String(source.title || "Grafana").slice(0, 255);
  const layout = { panels: panels.slice(0, MOST_PANELS), variables: variables.slice(0, MOST_VARIABLES), notes: notes.slice(0, MOST_NOTES).map((note) => note.slice(0, 1000)) };
  return { name, layout };
}

/** Panels of dashboards before version 5 flow in rows of twelve parts. @param {any[]} rows @returns {any[]} */
function ofRows(rows) {
  let y = 0;
  return rows.flatMap(({ title = "", showTitle, collapse, repeat, panels = [] }) => {
    const head = { type: "row", title: showTitle === false && !repeat ? "" : title, collapsed: collapse === true, repeat, gridPos: { x: 0, y: y++, w: THEIR_COLUMNS, h: 1 }, panels: [] };
    let x = 0;
    const placed = panels.map((/** @type {any} */ panel) => {
      const w = Math.min(THEIR_COLUMNS, (panel.span ?? 6) * 2);
      if (x + w > THEIR_COLUMNS) [x, y] = [0, y + OLD_ROWS];
      x += w;
      return { ...panel, gridPos: { x: x - w, y, w, h: OLD_ROWS } };
    });
    y += placed.length > 0 ? OLD_ROWS : 0;
    return [head, ...placed];
  });
}
const OLD_ROWS = 7; // theirs were 250 pixels high

/** Sections one below the other: what a folded row holds was placed as if the rows after it were not there. @param {Panel[][]} sections @returns {Panel[]} */
function stacked(sections) {
  let top = 0;
  return sections.flatMap((section) => {
    const head = section.find((panel) => panel.row);
    const [first, start] = [Math.min(...section.filter((panel) => panel !== head).map((panel) => panel.y)), head ? 1 : 0];
    const placed = settle(section.map((panel) => ({ ...panel, y: panel === head ? 0 : panel.y - first + start }))).map((panel) => ({ ...panel, y: Math.min(LAST_ROW, panel.y + top) }));
    top = placed.reduce((most, panel) => Math.max(most, panel.y + panel.h), top);
    return placed;
  });
}
const LAST_ROW = 1000; // as the server takes it

/** Panels of folded rows lie inside of them. @param {any[]} panels @returns {any[]} */
const flatten = (panels) => panels.flatMap((panel) => (panel.type === "row" ? [panel, ...(panel.panels ?? [])] : [panel]));

/** An export for others brings its library panels along. @param {any} panel @param {Record<string, any>} [elements] */
const ofLibrary = (panel, elements = {}) => ({ ...elements[panel.libraryPanel?.uid]?.model, ...panel });

/** @typedef {{x: number, y: number, w: number, h: number}} Place in our columns and rows */

/** A row's head and the panels below it. @param {any[]} panels @returns {{panel: any, index: number}[][]} */
function sectionsOf(panels) {
  /** @type {{panel: any, index: number}[][]} */
  const sections = [[]];
  panels.forEach((panel, index) => {
    if (panel.type === "row") sections.push([]);
    sections[sections.length - 1].push({ panel, index });
  });
  return sections;
}

/**
 * Where a section's panels go. Our columns are twice as wide as theirs: where small ones would be cut to nothing, all small ones of
 * the section flow from left to right, and the others follow below.
 * @param {{panel: any, index: number}[]} section @returns {{panel: any, at: Place & {index: number}}[]}
 */
function arranged(section) {
  const widthOf = (/** @type {any} */ panel) => panel.gridPos?.w ?? 12;
  const isSmall = (/** @type {any} */ panel) => panel.type !== "row" && widthOf(panel) < SMALL;
  const flows = section.some(({ panel }) => isSmall(panel) && widthOf(panel) < TINY && KINDS[panel.type]);
  const tiles = flows ? section.filter(({ panel }) => isSmall(panel) && KINDS[panel.type]) : [];
  const top = Math.min(...section.map(({ panel, index }) => place(panel, index).y + (panel.type === "row" ? 1 : 0)));
  const below = Math.ceil((tiles.length * TILE.w) / COLUMNS) * TILE.h;
  return section.map(({ panel, index }) => {
    const tile = tiles.findIndex((one) => one.index === index);
    const at = place(panel, index);
    if (tile >= 0) return { panel, at: { index, x: (tile * TILE.w) % COLUMNS, y: top + Math.floor((tile * TILE.w) / COLUMNS) * TILE.h, ...TILE } };
    return { panel, at: { ...at, index, y: panel.type === "row" ? at.y : at.y + below } };
  });
}

/** @param {any} panel @param {Place & {index: number}} found @param {string[]} notes @returns {Panel[]} */
function toPanel(panel, { index, ...at }, notes) {
  const title = String(panel.title ?? "").slice(0, 500);
  const about = title || `#${panel.id ?? index + 1}`;
  const repeat = panel.repeat ? { repeat: String(panel.repeat).slice(0, 64), ...acrossOf(panel) } : {};
  if (panel.type === "row") return title || panel.repeat ? [{ ...at, ...repeat, x: 0, w: COLUMNS, h: 1, id: `g${index}`, title, kind: "text", text: "", row: true, folded: panel.collapsed === true }] : [];
  if (panel.libraryPanel && !panel.targets) {
    notes.push(t("grafana.library", { about: title || String(panel.libraryPanel.name ?? about) }));
    return [];
  }
  const kind = KINDS[panel.type] ?? INSTEAD[panel.type];
  if (!KINDS[panel.type]) notes.push(t(kind ? "grafana.instead" : "grafana.panelType", { about, type: String(panel.type), kind: kind ? t(`panel.kind.${kind}`) : "" }));
  if (kind === undefined) return [];
  remark(panel, about, notes);
  const queries = kind === "text" ? [] : toQueries(panel, about, notes);
  if (kind !== "text" && queries.length === 0) {
    notes.push(t("grafana.noQuery", { about }));
    return [];
  }
  const drawn = kind === "text" ? { text: textOf(panel).slice(0, 20_000) } : lookOf(panel, kind, about, notes);
  return [{ ...at, ...repeat, id: `g${index}`, title, kind, queries, ...drawn, describes: String(panel.description ?? "").slice(0, 20_000) }];
}

/** @param {any} panel */
function textOf({ options = {}, mode = options.mode, content = options.content ?? "" }) {
  return mode === "html" ? (new DOMParser().parseFromString(String(content), "text/html").body.textContent ?? "").trim() : String(content);
}

/** How many copies lie side by side; nothing where they go down, or where they say nothing. @param {any} panel */
function acrossOf(panel) {
  if (panel.repeatDirection === "v") return { across: 1 };
  const most = numberOr(panel.maxPerRow);
  return most === null ? {} : { across: Math.max(1, Math.min(COLUMNS, Math.round(most))) };
}

/** @param {any} panel @param {import("./place.js").Kind} kind @param {string} about @param {string[]} notes @returns {Partial<Panel>} */
function lookOf(panel, kind, about, notes) {
  const defaults = panel.fieldConfig?.defaults ?? {};
  const stacking = panel.percentage === true && panel.stack === true ? "percent" : (defaults.custom?.stacking?.mode ?? (panel.stack === true ? "normal" : "none"));
  const single = ["stat", "gauge", "table"].includes(kind);
  return {
    unit: toUnit(defaults.unit ?? "", about, notes),
    min: numberOr(defaults.min), max: numberOr(defaults.max),
    fill: (defaults.custom?.fillOpacity ?? 0) > 0 || (panel.type === "graph" && (panel.fill ?? 1) > 0),
    stack: stacking !== "none", share: stacking === "percent",
    steps: toSteps(defaults, about, notes),
    overrides: toOverrides(panel.fieldConfig?.overrides ?? [], about, notes),
    ...(single && { mappings: toMappings(panel, about, notes), calc: toCalc(panel, about, notes) }),
    ...(kind === "stat" && (panel.options?.graphMode === "area" || panel.sparkline?.show === true) && { graph: true }),
    ...(kind === "stat" && panel.options?.textMode === "name" && { shows: /** @type {const} */ ("name") }),
  };
}

/** @param {any} panel @param {number} index */
function place(panel, index) {
  const at = panel.gridPos ?? { x: (index % 2) * 12, y: Math.floor(index / 2) * 8, w: 12, h: 8 };
  // Edges are rounded and not widths: what touched touches, and nothing overlaps.
  const column = (/** @type {number} */ value) => Math.min(COLUMNS, Math.max(0, Math.round((value * COLUMNS) / THEIR_COLUMNS)));
  const x = Math.min(COLUMNS - 1, column(at.x));
  const w = Math.max(1, column(at.x + at.w) - x);
  const rows = (/** @type {number} */ value) => Math.round((value * THEIR_ROW_PX) / OUR_ROW_PX);
  return { x, y: Math.min(1000, Math.max(0, rows(at.y))), w, h: Math.max(2, rows(at.h)) };
}

/** @param {any} panel @param {string} about @param {string[]} notes */
function remark(panel, about, notes) {
  const left = (panel.transformations ?? []).map((/** @type {any} */ one) => one.id).filter((/** @type {string} */ id) => panel.type !== "table" || !JOINING.includes(id));
  if (left.length > 0) notes.push(t("grafana.transformations", { about, names: left.join(", ") }));
  if (panel.alert) notes.push(t("grafana.alert", { about }));
  if (panel.timeFrom || panel.timeShift) notes.push(t("grafana.ownTime", { about }));
  if ((panel.fieldConfig?.defaults?.custom?.thresholdsStyle?.mode ?? "off") !== "off") notes.push(t("grafana.drawnSteps", { about }));
}

/** @param {any} panel @param {string} about @param {string[]} notes @returns {import("./place.js").Query[]} */
function toQueries(panel, about, notes) {
  const columns = columnsOf(panel);
  return (panel.targets ?? []).slice(0, MOST_QUERIES).flatMap((/** @type {any} */ target) => {
    if (target.hide) return [];
    const source = target.datasource?.type ?? panel.datasource?.type ?? "prometheus";
    if (typeof target.expr !== "string" || target.expr.trim() === "" || !["prometheus", "datasource"].includes(source) || target.expr.length > MOST_CHARACTERS) {
      notes.push(t("grafana.notPromql", { about, query: String(target.refId ?? "") }));
      return [];
    }
    const name = columns.get(String(target.refId)) ?? (target.legendFormat !== "__auto" && target.legendFormat);
    const least = secondsOf(target.interval || panel.interval);
    return [{ expr: target.expr, ...(name && { legend: String(name).slice(0, 500) }), ...(least && { least }), instant: target.instant === true && target.range !== true }];
  });
}

/** What joins queries by their labels, as a table of ours does by itself. */
const JOINING = ["merge", "joinByField", "joinByLabels", "seriesToColumns"];

/** How the columns of a table's queries are called: by a transformation, or by an override of their names. @param {any} panel @returns {Map<string, string>} by the query's letter */
function columnsOf({ type, transformations = [], fieldConfig }) {
  if (type !== "table") return new Map();
  const renamed = transformations.flatMap((/** @type {any} */ one) => Object.entries(one.options?.renameByName ?? {}));
  const named = (fieldConfig?.overrides ?? []).flatMap((/** @type {any} */ { matcher, properties = [] }) =>
    properties.filter((/** @type {any} */ one) => one.id === "displayName").map((/** @type {any} */ one) => [matcher?.options, one.value]),
  );
  return new Map([...renamed, ...named].flatMap(([field, name]) => (/^Value #\w+$/.test(field) && name ? [[field.slice("Value #".length), String(name)]] : [])));
}

/** The least interval of a query, such as `1m` or `>15s`; 0 where it is a variable or none. @param {unknown} text */
const secondsOf = (text) => Math.min(LONGEST_STEP_S, Math.floor((parseDuration(String(text ?? "").replace(/^>=?/, "")) ?? 0) / 1000));
const LONGEST_STEP_S = 86_400; // as the server takes it
