// Grafana's panels of before version 8 in the newer shape, so that one reader is enough.
import { numberOr } from "./grafana-fields.js";

/** @param {any} panel @returns {any} what it was where it is of a newer kind */
export function modern(panel) {
  if (panel.type === "singlestat") return single(panel);
  if (panel.type === "graph") return graph(panel);
  if (panel.type === "table" && Array.isArray(panel.styles)) return withDefaults(panel, { unit: panel.styles.find((/** @type {any} */ one) => one.type === "number" && one.unit)?.unit });
  return panel;
}

/** @param {any} panel @param {Record<string, any>} found what its own fields do not say already @param {any[]} [overrides] */
function withDefaults(panel, found, overrides = []) {
  const { defaults = {}, overrides: own = [] } = panel.fieldConfig ?? {};
  const known = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined && value !== null));
  return { ...panel, fieldConfig: { defaults: { ...known, ...defaults }, overrides: [...own, ...overrides] } };
}

/** @param {any} panel */
function single(panel) {
  const { gauge = {}, format, postfix } = panel;
  const plain = !format || format === "none" || format === "short";
  return {
    ...withDefaults(panel, {
      unit: plain && postfix?.trim() ? `suffix:${postfix.trim()}` : format,
      ...(gauge.show && { min: numberOr(gauge.minValue), max: numberOr(gauge.maxValue) }),
      thresholds: { mode: "absolute", steps: stepsOf(panel) },
    }),
    type: gauge.show ? "gauge" : "stat",
  };
}

/** "50,80" beside three colours; they colour the value, its ground, or the gauge, where that is asked for. @param {any} panel */
function stepsOf({ thresholds, colors = [], colorValue, colorBackground, gauge = {} }) {
  if (typeof thresholds !== "string" || !(colorValue || colorBackground || gauge.show)) return [];
  const bounds = thresholds.split(",").map((part) => part.trim()).filter((part) => part !== "" && Number.isFinite(Number(part))).map(Number);
  return [null, ...bounds].slice(0, colors.length).map((value, index) => ({ value, color: colors[index] }));
}

/** @param {any} panel */
function graph(panel) {
  const [axis = {}] = panel.yaxes ?? [];
  const limit = (/** @type {unknown} */ value) => (value === null || value === undefined || value === "" || value === "auto" ? undefined : numberOr(Number(value)));
  const colours = Object.entries(panel.aliasColors ?? {}).map(([alias, color]) => ({ alias, color }));
  return withDefaults(
    panel,
    { unit: axis.format, min: limit(axis.min), max: limit(axis.max), ...(panel.thresholds?.length && { custom: { thresholdsStyle: { mode: "line" } } }) },
    ofSeries([...(panel.seriesOverrides ?? []), ...colours]),
  );
}

/** What was said of single series, as overrides. @param {any[]} list @returns {any[]} */
const ofSeries = (list) =>
  list.map((one) => ({
    matcher: /^\/.*\/$/.test(one.alias ?? "") ? { id: "byRegexp", options: one.alias } : { id: "byName", options: one.alias },
    properties: Object.entries(one).flatMap(([name, value]) => {
      if (name === "alias") return [];
      if (name === "transform") return [{ id: "custom.transform", value }];
      return [name === "color" ? { id: "color", value: { fixedColor: value } } : { id: name, value }];
    }),
  }));
