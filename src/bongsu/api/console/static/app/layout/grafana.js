// A Grafana dashboard's JSON as a layout, with a list of what could not be carried over.
import { COLUMNS, settle } from "./place.js";

/** @typedef {import("./place.js").Panel} Panel */
/** @typedef {{name: string, layout: {panels: Panel[], variables: import("./variables.js").Variable[], notes: string[]}}} Imported */

const THEIR_COLUMNS = 24;
const THEIR_ROW_PX = 38; // theirs are 30 pixels high and 8 apart; ours 40 and 10
const OUR_ROW_PX = 50;

/** @type {Record<string, import("./place.js").Kind>} */
const KINDS = {
  timeseries: "lines", graph: "lines", stat: "stat", singlestat: "stat", gauge: "gauge", bargauge: "gauge",
  table: "table", "table-old": "table", heatmap: "heatmap", text: "text", barchart: "lines", trend: "lines",
};

/** Their names of units, for those that we have. @type {Record<string, string>} */
const UNITS = {
  percent: "percent", percentunit: "ratio", s: "s", dtdurations: "s", ms: "ms", dtdurationms: "ms", bytes: "bytes", decbytes: "bytes",
  kbytes: "", Bps: "bytesPerSecond", binBps: "bytesPerSecond", decBps: "bytesPerSecond", reqps: "perSecond", ops: "perSecond", rps: "perSecond", wps: "perSecond",
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
  if (!Array.isArray(rows)) throw new Error("no panels");
  /** @type {string[]} */
  const notes = [];
  const panels = flatten(rows).flatMap((panel, index) => toPanel(panel, index, notes));
  const variables = (source.templating?.list ?? []).flatMap((/** @type {any} */ one) => toVariable(one, notes));
  if ((source.annotations?.list ?? []).some((/** @type {any} */ one) => !one.builtIn)) notes.push("annotations");
  if (source.links?.length) notes.push("links of the dashboard");
  const name = String(source.title || "Grafana").slice(0, 255);
  return { name, layout: { panels: settle(panels), variables, notes: notes.slice(0, 500) } };
}

/** Panels of folded rows lie inside of them. @param {any[]} panels @returns {any[]} */
const flatten = (panels) => panels.flatMap((panel) => (panel.type === "row" ? [panel, ...(panel.panels ?? [])] : [panel]));

/** @param {any} panel @param {number} index @param {string[]} notes @returns {Panel[]} */
function toPanel(panel, index, notes) {
  const title = String(panel.title ?? "").slice(0, 500);
  const about = title || `#${panel.id ?? index + 1}`;
  if (panel.type === "row") return title ? [{ ...place(panel, index), id: `g${index}`, title, kind: "text", h: 1, text: "" }] : [];
  const kind = KINDS[panel.type];
  if (kind === undefined) {
    notes.push(`${about}: panel type ${panel.type}`);
    return [];
  }
  remark(panel, about, notes);
  const queries = kind === "text" ? [] : toQueries(panel, about, notes);
  if (kind !== "text" && queries.length === 0) {
    notes.push(`${about}: no PromQL query`);
    return [];
  }
  const defaults = panel.fieldConfig?.defaults ?? {};
  return [{
    ...place(panel, index), id: `g${index}`, title, kind, queries,
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
  const x = Math.min(COLUMNS - 1, Math.max(0, Math.floor((at.x * COLUMNS) / THEIR_COLUMNS)));
  const w = Math.min(COLUMNS - x, Math.max(1, Math.round((at.w * COLUMNS) / THEIR_COLUMNS)));
  const rows = (/** @type {number} */ value) => Math.round((value * THEIR_ROW_PX) / OUR_ROW_PX);
  return { x, y: Math.min(1000, Math.max(0, rows(at.y))), w, h: Math.max(2, rows(at.h)) };
}

/** @param {any} panel @param {string} about @param {string[]} notes */
function remark(panel, about, notes) {
  if (panel.transformations?.length) notes.push(`${about}: transformations (${panel.transformations.map((/** @type {any} */ one) => one.id).join(", ")})`);
  if (panel.fieldConfig?.overrides?.length) notes.push(`${about}: field overrides`);
  if (panel.repeat) notes.push(`${about}: repetition for each $${panel.repeat}`);
  if (panel.alert) notes.push(`${about}: alert`);
  if (panel.timeFrom || panel.timeShift) notes.push(`${about}: time of its own`);
  if (panel.libraryPanel && !panel.targets) notes.push(`${about}: library panel`);
}

/** @param {any} panel @param {string} about @param {string[]} notes @returns {import("./place.js").Query[]} */
function toQueries(panel, about, notes) {
  return (panel.targets ?? []).flatMap((/** @type {any} */ target) => {
    if (target.hide) return [];
    if (typeof target.expr !== "string" || target.expr.trim() === "") {
      notes.push(`${about}: query ${target.refId ?? ""} is not PromQL`);
      return [];
    }
    const legend = target.legendFormat && target.legendFormat !== "__auto" ? { legend: String(target.legendFormat).slice(0, 500) } : {};
    return [{ expr: target.expr, ...legend, instant: target.instant === true && target.range !== true }];
  });
}

/** @param {string} unit @param {string} about @param {string[]} notes */
function toUnit(unit, about, notes) {
  if (unit in UNITS && UNITS[unit] !== "") return UNITS[unit];
  notes.push(`${about}: unit ${unit}`);
  return "none";
}

/** @param {any} thresholds @param {string} about @param {string[]} notes @returns {import("./place.js").Step[]} */
function toSteps(thresholds, about, notes) {
  const steps = thresholds?.steps ?? [];
  if (steps.length < 2) return [];
  if (thresholds.mode === "percentage") {
    notes.push(`${about}: thresholds in percent`);
    return [];
  }
  return steps.slice(0, 20).map((/** @type {any} */ step) => ({
    at: numberOr(step.value),
    state: COLOURS[/** @type {keyof typeof COLOURS} */ (String(step.color).replace(/^(dark|semi-dark|light|super-light)-/, ""))] ?? "warn",
  }));
}

/** @param {any} variable @param {string[]} notes @returns {import("./variables.js").Variable[]} */
function toVariable(variable, notes) {
  const name = String(variable.name ?? "");
  if (variable.type === "datasource") return []; // there is one here
  const common = { name, label: String(variable.label ?? "").slice(0, 500), multi: variable.multi === true, all: variable.includeAll === true };
  const value = [variable.current?.value ?? ""].flat().filter((one) => one !== "$__all").join(",");
  if (variable.regex) notes.push(`$${name}: filter ${variable.regex}`);
  if (variable.type === "query") {
    const query = typeof variable.query === "string" ? variable.query : (variable.query?.query ?? variable.definition ?? "");
    if (!/^(label_values|metrics)\(/.test(query.trim())) {
      notes.push(`$${name}: query ${query}`);
      return [{ ...common, value }];
    }
    return [{ ...common, query, value }];
  }
  if (["custom", "interval"].includes(variable.type)) {
    const values = String(variable.query ?? "").split(",").map((one) => one.trim()).filter((one) => one && one !== "auto");
    return [{ ...common, values: values.slice(0, 500), value: value || (values[0] ?? "") }];
  }
  if (["constant", "textbox"].includes(variable.type)) return [{ ...common, value: String(variable.query ?? value) }];
  notes.push(`$${name}: variable type ${variable.type}`);
  return [];
}

/** @param {any} value */
const numberOr = (value) => (typeof value === "number" && Number.isFinite(value) ? value : null);
