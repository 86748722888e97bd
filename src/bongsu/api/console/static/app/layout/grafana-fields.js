// How a Grafana panel shows its values: units, thresholds, mappings, overrides, and the value that a number or a gauge shows.
import { t } from "../i18n.js";

/**
 * @typedef {import("./place.js").Panel} Panel
 * @typedef {"ok" | "warn" | "bad"} State
 */

const MOST_ENTRIES = 20; // as many as the server takes of each list

/** Their names of units, for those that we have; a number before `*` is its size in ours. @type {Record<string, string>} */
const UNITS = {
  percent: "percent", humidity: "percent", percentunit: "ratio", s: "s", dtdurations: "duration", m: "duration*60", h: "duration*3600", d: "duration*86400",
  ms: "ms", dtdurationms: "ms", clockms: "ms", clocks: "duration", "µs": "ms*0.001", ns: "ms*0.000001",
  bytes: "bytes", decbytes: "bytes", kbytes: "bytes*1024", mbytes: "bytes*1048576", gbytes: "bytes*1073741824", deckbytes: "bytes*1000", decmbytes: "bytes*1000000", decgbytes: "bytes*1000000000",
  bits: "bits", decbits: "bits", bps: "bitsPerSecond", binbps: "bitsPerSecond", Kbits: "bitsPerSecond*1000", Mbits: "bitsPerSecond*1000000", Gbits: "bitsPerSecond*1000000000",
  Bps: "bytesPerSecond", binBps: "bytesPerSecond", decBps: "bytesPerSecond", KBs: "bytesPerSecond*1000", MBs: "bytesPerSecond*1000000", KiBs: "bytesPerSecond*1024", MiBs: "bytesPerSecond*1048576",
  reqps: "perSecond", ops: "perSecond", rps: "perSecond", wps: "perSecond", iops: "perSecond", cps: "perSecond", pps: "perSecond", eps: "perSecond", mps: "perSecond",
  opm: "suffix:/min", rpm: "suffix:/min", cpm: "suffix:/min", wpm: "suffix:/min", rotrpm: "suffix:rpm",
  celsius: "celsius", fahrenheit: "suffix:°F", kelvin: "suffix:K", hertz: "hertz", rothz: "hertz", watt: "suffix:W", kwatt: "suffix:kW", volt: "suffix:V", amp: "suffix:A", kwatth: "suffix:kWh", watth: "suffix:Wh", joule: "suffix:J", dB: "suffix:dB", dBm: "suffix:dBm",
  dateTimeAsIso: "time", dateTimeAsLocal: "time", dateTimeAsSystem: "time", dateTimeAsUS: "time", dateTimeFromNow: "since",
  bool: "bool", bool_yes_no: "bool", bool_on_off: "bool",
  short: "none", none: "none", string: "none", "": "none", locale: "none", sci: "none",
};

/** @param {string} unit @param {string} about @param {string[]} notes */
export function toUnit(unit, about, notes) {
  if (Object.hasOwn(UNITS, unit)) return UNITS[unit];
  const own = /^suffix:\s*(\S.{0,19})$/.exec(unit);
  if (own) return `suffix:${own[1]}`;
  notes.push(t("grafana.unit", { about, unit }));
  return "none";
}

const STATES = { green: "ok", blue: "ok", transparent: "ok", yellow: "warn", orange: "warn", red: "bad", purple: "bad" };
/** Their palette, legible on light and on dark. */
const PALETTE = { green: "#3f9a3a", blue: "#3b7ddd", yellow: "#b89400", orange: "#e08a1e", red: "#d1495b", purple: "#8a5cd1" };

/** @param {string} text a name of their palette, maybe with a shade */
const hue = (text) => text.replace(/^(super-dark|semi-dark|dark|super-light|semi-light|light)-/, "");

/** @param {string} text rgba(…) or #rrggbb @returns {number[]} */
const channels = (text) => /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})/i.exec(text)?.slice(1).map((part) => Number.parseInt(part, 16)) ?? (text.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);

/** @param {string} text a name, #rrggbb or rgba(…) @returns {State} */
function stateOf(text) {
  const named = STATES[/** @type {keyof typeof STATES} */ (hue(text))];
  if (named) return /** @type {State} */ (named);
  const [red = 0, green = 0, blue = 0] = channels(text);
  if (red <= Math.max(green, blue)) return "ok";
  return green > red / 2 ? "warn" : "bad";
}

/** @param {unknown} value of a property `color` @returns {string | undefined} #rrggbb */
function colourOf(value) {
  const text = String(/** @type {any} */ (value)?.fixedColor ?? "");
  const parts = channels(text);
  if (parts.length === 3) return `#${parts.map((part) => Math.round(Math.min(255, part)).toString(16).padStart(2, "0")).join("")}`;
  return PALETTE[/** @type {keyof typeof PALETTE} */ (hue(text))];
}

/**
 * @param {any} defaults of the fields @param {string} about @param {string[]} notes @returns {import("./place.js").Step[]} percentages become
 * values where the range is known
 */
export function toSteps(defaults, about, notes) {
  const { steps = [], mode } = defaults.thresholds ?? {};
  if (steps.length < 2) return [];
  const [low, high] = [numberOr(defaults.min) ?? 0, numberOr(defaults.max) ?? { percent: 100, percentunit: 1 }[/** @type {string} */ (defaults.unit)]];
  if (mode === "percentage" && high === undefined) {
    notes.push(t("grafana.percentSteps", { about }));
    return [];
  }
  const valueOf = (/** @type {number | null} */ at) => (at !== null && mode === "percentage" ? low + (at / 100) * (/** @type {number} */ (high) - low) : at);
  return steps.slice(0, MOST_ENTRIES).map((/** @type {any} */ step) => ({ at: valueOf(numberOr(step.value)), state: stateOf(String(step.color)) }));
}

/** @param {any} panel @param {string} about @param {string[]} notes @returns {import("./place.js").Mapping[]} */
export function toMappings(panel, about, notes) {
  const defaults = panel.fieldConfig?.defaults ?? {};
  const old = [...(panel.valueMaps ?? []), ...(panel.rangeMaps ?? [])].filter((one) => one.text && one.text !== "N/A");
  const list = [...(defaults.mappings ?? []).flatMap((/** @type {any} */ one) => ofMapping(one, about, notes)), ...old.map((one) => span(one.value === "null" ? null : (one.from ?? one.value), one.to ?? one.value, { text: one.text }))];
  if (list.length > MOST_ENTRIES) notes.push(t("grafana.mappings", { about }));
  return list.slice(0, MOST_ENTRIES);
}

/** @param {any} one @param {string} about @param {string[]} notes @returns {import("./place.js").Mapping[]} */
function ofMapping({ type, options = {}, ...rest }, about, notes) {
  if (type === "value") return Object.entries(options).map(([value, result]) => span(value, value, result));
  if (type === "range") return [span(options.from, options.to, options.result)];
  if (type === "special" && String(options.match).includes("null")) return [span(null, null, options.result)];
  if (type === 1 || type === 2) return [span(rest.value ?? rest.from, rest.value ?? rest.to, { text: rest.text })]; // as of before version 8
  notes.push(t("grafana.mappings", { about }));
  return [];
}

/** @param {any} from @param {any} to @param {any} result @returns {import("./place.js").Mapping} */
const span = (from, to, result) => ({ from: numeric(from), to: numeric(to), text: String(result?.text ?? "").slice(0, 200), state: result?.color ? stateOf(String(result.color)) : "" });

/** @param {any} value */
const numeric = (value) => (value === null || value === undefined || value === "" || !Number.isFinite(Number(value)) ? null : Number(value));

/** What overrides of single series say that we can show; the names of the other properties are noted. @param {any[]} overrides @param {string} about @param {string[]} notes @returns {import("./place.js").Override[]} */
export function toOverrides(overrides, about, notes) {
  const left = new Set();
  const found = overrides.flatMap(({ matcher = {}, properties = [] }) => {
    const known = { byName: false, byRegexp: true }[/** @type {string} */ (matcher.id)];
    const match = String(matcher.options ?? "").replace(/^\/(.*)\/$/, "$1").slice(0, 500);
    /** @type {import("./place.js").Override} */
    const made = { match, regex: known };
    for (const { id, value } of properties) {
      if (known !== undefined && id === "custom.transform" && value === "negative-Y") made.negative = true;
      else if (known !== undefined && id === "color" && colourOf(value)) made.colour = colourOf(value);
      else if (known !== undefined && id === "displayName") made.name = String(value).slice(0, 500);
      else left.add(id);
    }
    return Object.keys(made).length > 2 ? [made] : [];
  });
  // Their series may have a colour, a sign or a name by an alias instead, in panels of the old kind.
  if (left.size > 0) notes.push(t("grafana.overrides", { about, names: [...left].join(", ") }));
  if (found.length > MOST_ENTRIES) notes.push(t("grafana.overrides", { about, names: t("grafana.tooManyOverrides", { most: MOST_ENTRIES }) }));
  return found.slice(0, MOST_ENTRIES);
}

const CALCS = { lastNotNull: "last", last: "last", mean: "mean", max: "max", min: "min", sum: "sum", avg: "mean", current: "last", total: "sum" };

/** @param {any} panel @param {string} about @param {string[]} notes @returns {import("./place.js").Calc} */
export function toCalc(panel, about, notes) {
  const asked = panel.options?.reduceOptions?.calcs?.[0] ?? panel.valueName ?? "lastNotNull";
  const found = CALCS[/** @type {keyof typeof CALCS} */ (asked)];
  if (!found) notes.push(t("grafana.calc", { about, calc: String(asked) }));
  return /** @type {import("./place.js").Calc} */ (found ?? "last");
}

/** @param {any} value */
export const numberOr = (value) => (typeof value === "number" && Number.isFinite(value) ? value : null);
