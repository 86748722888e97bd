// A Grafana dashboard's JSON as a layout, with a list of what could not be carried over.
import { t } from "../i18n.js";
import { COLUMNS, settle } from "./place.js";
import { compileRegex } from "./variables.js";

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

/** Their names of units, for those that we have. @type {Record<string, string>} */
const UNITS = {
  percent: "percent", percentunit: "ratio", s: "s", dtdurations: "duration", ms: "ms", dtdurationms: "ms", bytes: "bytes", decbytes: "bytes",
  bits: "bits", decbits: "bits", bps: "bitsPerSecond", binbps: "bitsPerSecond", celsius: "celsius", hertz: "hertz", rothz: "hertz", Bps: "bytesPerSecond", binBps: "bytesPerSecond", decBps: "bytesPerSecond", reqps: "perSecond", ops: "perSecond", rps: "perSecond", wps: "perSecond",
  iops: "perSecond", cps: "perSecond", pps: "perSecond", short: "none", none: "none", string: "none", "": "none", locale: "none", sci: "none",
};

const COLOURS = { green: "ok", blue: "ok", transparent: "ok", yellow: "warn", orange: "warn", red: "bad", purple: "bad" };

/**
 * @param {any} dashboard as exported, or as the API answers it
 * @returns {Imported}
 */
export function importGrafana(dashboard) {
  const source = dashboard?.dashboard ?? dashboard;
  const rows = source?.panels ?? source?.rows?.flatMap((/** @type {any} */ row) => row.panels ?? []);
  if (!Array.isArray(rows)) throw new Error(t(source?.elements ? "grafana.newSchema" : "grafana.noPanels"));
  /** @type {string[]} */
  const notes = [];
  const panels = sectionsOf(flatten(rows)).flatMap((section) => arranged(section).flatMap(({ panel, at }) => toPanel(panel, at, notes)));
  const variables = (source.templating?.list ?? []).flatMap((/** @type {any} */ one) => toVariable(one, notes));
  if ((source.annotations?.list ?? []).some((/** @type {any} */ one) => !one.builtIn)) notes.push(t("grafana.annotations"));
  if (source.links?.length) notes.push(t("grafana.links"));
  if (panels.length > MOST_PANELS) notes.unshift(t("grafana.tooMany", { count: panels.length - MOST_PANELS, most: MOST_PANELS }));
  const name = String(source.title || "Grafana").slice(0, 255);
  const layout = { panels: settle(panels.slice(0, MOST_PANELS)), variables: distinct(variables).slice(0, MOST_VARIABLES), notes: notes.slice(0, MOST_NOTES).map((note) => note.slice(0, 1000)) };
  return { name, layout };
}

/** @param {import("./variables.js").Variable[]} variables */
const distinct = (variables) => variables.filter((one, index) => variables.findIndex((other) => other.name === one.name) === index);

/** Panels of folded rows lie inside of them. @param {any[]} panels @returns {any[]} */
const flatten = (panels) => panels.flatMap((panel) => (panel.type === "row" ? [panel, ...(panel.panels ?? [])] : [panel]));

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
  const widthOf = (/** @type {any} */ panel) => panel.gridPos?.w ?? (panel.span ?? 6) * 2;
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
  if (panel.type === "row") return title ? [{ ...at, x: 0, w: COLUMNS, h: 1, id: `g${index}`, title, kind: "text", text: "" }] : [];
  const kind = KINDS[panel.type];
  if (kind === undefined) {
    notes.push(t("grafana.panelType", { about, type: String(panel.type) }));
    return [];
  }
  remark(panel, about, notes);
  const queries = kind === "text" ? [] : toQueries(panel, about, notes);
  if (kind !== "text" && queries.length === 0) {
    notes.push(t("grafana.noQuery", { about }));
    return [];
  }
  const defaults = panel.fieldConfig?.defaults ?? {};
  return [{
    ...at, id: `g${index}`, title, kind, queries,
    unit: toUnit(defaults.unit ?? panel.yaxes?.[0]?.format ?? panel.format ?? "", about, notes),
    min: numberOr(defaults.min), max: numberOr(defaults.max),
    fill: (defaults.custom?.fillOpacity ?? 0) > 0 || (panel.type === "graph" && (panel.fill ?? 1) > 0),
    stack: panel.stack === true || ["normal", "percent"].includes(defaults.custom?.stacking?.mode),
    steps: toSteps(defaults.thresholds, about, notes),
    text: kind === "text" ? String(panel.options?.content ?? panel.content ?? "").slice(0, 20_000) : "",
    describes: String(panel.description ?? "").slice(0, 20_000),
  }];
}

/** @param {any} panel @param {number} index */
function place(panel, index) {
  const at = panel.gridPos ?? { x: (index % 2) * 12, y: Math.floor(index / 2) * 8, w: (panel.span ?? 6) * 2, h: 8 };
  // Edges are rounded and not widths: what touched touches, and nothing overlaps.
  const column = (/** @type {number} */ value) => Math.min(COLUMNS, Math.max(0, Math.round((value * COLUMNS) / THEIR_COLUMNS)));
  const x = Math.min(COLUMNS - 1, column(at.x));
  const w = Math.max(1, column(at.x + at.w) - x);
  const rows = (/** @type {number} */ value) => Math.round((value * THEIR_ROW_PX) / OUR_ROW_PX);
  return { x, y: Math.min(1000, Math.max(0, rows(at.y))), w, h: Math.max(2, rows(at.h)) };
}

/** @param {any} panel @param {string} about @param {string[]} notes */
function remark(panel, about, notes) {
  if (panel.transformations?.length) notes.push(t("grafana.transformations", { about, names: panel.transformations.map((/** @type {any} */ one) => one.id).join(", ") }));
  if (panel.fieldConfig?.overrides?.length) notes.push(t("grafana.overrides", { about }));
  if (panel.fieldConfig?.defaults?.custom?.stacking?.mode === "percent") notes.push(t("grafana.percentStack", { about }));
  if (panel.repeat) notes.push(t("grafana.repeat", { about, variable: panel.repeat }));
  if (panel.alert) notes.push(t("grafana.alert", { about }));
  if (panel.timeFrom || panel.timeShift) notes.push(t("grafana.ownTime", { about }));
  if (panel.libraryPanel && !panel.targets) notes.push(t("grafana.library", { about }));
}

/** @param {any} panel @param {string} about @param {string[]} notes @returns {import("./place.js").Query[]} */
function toQueries(panel, about, notes) {
  return (panel.targets ?? []).slice(0, MOST_QUERIES).flatMap((/** @type {any} */ target) => {
    if (target.hide) return [];
    const source = target.datasource?.type ?? panel.datasource?.type ?? "prometheus";
    if (typeof target.expr !== "string" || target.expr.trim() === "" || !["prometheus", "datasource"].includes(source) || target.expr.length > MOST_CHARACTERS) {
      notes.push(t("grafana.notPromql", { about, query: target.refId ?? "" }));
      return [];
    }
    const legend = target.legendFormat && target.legendFormat !== "__auto" ? { legend: String(target.legendFormat).slice(0, 500) } : {};
    return [{ expr: target.expr, ...legend, instant: target.instant === true && target.range !== true }];
  });
}

/** @param {string} unit @param {string} about @param {string[]} notes */
function toUnit(unit, about, notes) {
  if (unit in UNITS && UNITS[unit] !== "") return UNITS[unit];
  notes.push(t("grafana.unit", { about, unit }));
  return "none";
}

/** @param {any} thresholds @param {string} about @param {string[]} notes @returns {import("./place.js").Step[]} */
function toSteps(thresholds, about, notes) {
  const steps = thresholds?.steps ?? [];
  if (steps.length < 2) return [];
  if (thresholds.mode === "percentage") {
    notes.push(t("grafana.percentSteps", { about }));
    return [];
  }
  return steps.slice(0, 20).map((/** @type {any} */ step) => ({
    at: numberOr(step.value),
    state: stateOf(String(step.color)),
  }));
}

/** @param {string} text a name, #rrggbb or rgba(…) @returns {"ok" | "warn" | "bad"} */
function stateOf(text) {
  const named = COLOURS[/** @type {keyof typeof COLOURS} */ (text.replace(/^(dark|semi-dark|light|super-light)-/, ""))];
  if (named) return /** @type {any} */ (named);
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})/i.exec(text)?.slice(1).map((part) => Number.parseInt(part, 16));
  const [red = 0, green = 0, blue = 0] = hex ?? (text.match(/[\d.]+/g) ?? []).map(Number);
  if (red <= Math.max(green, blue)) return "ok";
  return green > red / 2 ? "warn" : "bad";
}

/** @param {any} variable @param {string[]} notes @returns {import("./variables.js").Variable[]} */
function toVariable(variable, notes) {
  const name = String(variable.name ?? "");
  if (variable.type === "datasource") return []; // there is one here
  if (!/^[A-Za-z_]\w{0,63}$/.test(name)) {
    notes.push(t("grafana.variableName", { name }));
    return [];
  }
  const common = { name, label: String(variable.label ?? "").slice(0, 500), multi: variable.multi === true, all: variable.includeAll === true };
  const value = [variable.current?.value ?? ""].flat().filter((one) => one !== "$__all").join(",");
  const regex = String(variable.regex ?? "").slice(0, MOST_CHARACTERS);
  if (regex && compileRegex(regex) === null) notes.push(t("grafana.variableRegex", { name, regex }));
  if (variable.type === "query") {
    const query = typeof variable.query === "string" ? variable.query : (variable.query?.query ?? variable.definition ?? "");
    if (!/^(label_values|metrics)\(/.test(query.trim())) {
      notes.push(t("grafana.variableQuery", { name, query }));
      return [{ ...common, value }];
    }
    return [{ ...common, query, value, ...(compileRegex(regex) && { regex }) }];
  }
  if (["custom", "interval"].includes(variable.type)) {
    const values = String(variable.query ?? "").split(",").map((one) => one.trim()).filter((one) => one && one !== "auto");
    return [{ ...common, values: values.slice(0, 500), value: value || (values[0] ?? "") }];
  }
  if (["constant", "textbox"].includes(variable.type)) return [{ ...common, value: String(variable.query ?? value) }];
  notes.push(t("grafana.variableType", { name, type: String(variable.type) }));
  return [];
}

/** @param {any} value */
const numberOr = (value) => (typeof value === "number" && Number.isFinite(value) ? value : null);
