// Variables of a layout: chosen at its top, kept in the address as var-<name>, put into expressions as $name.
import { nowMs, prometheus } from "../api.js";
import { t } from "../i18n.js";
import { withWindows } from "../query.js";
import { place } from "../router.js";
import { seriesName } from "../series.js";
import { grid, range } from "../time.js";

/** @typedef {{name: string, label?: string, query?: string, regex?: string, value?: string, values?: string[], multi?: boolean, all?: boolean, allValue?: string}} Variable */

export const ALL = "$__all";
const MOST_VALUES = 1000; // a longer list is not chosen from; a filter in the expression is

/** What is chosen: from the address, else from the layout. @param {Variable} variable @returns {string[]} */
export function chosen(variable) {
  const asked = place.value.query.get(`var-${variable.name}`) ?? variable.value ?? "";
  if (asked === "" && variable.all) return [ALL];
  return variable.multi ? asked.split(",").filter(Boolean) : [asked].filter(Boolean);
}

/** Regular expressions take values literally only when their own signs are escaped. @param {string} text */
export const escapeRegex = (text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/** As it stands between quotes: only between backquotes a backslash is itself. @param {string} text @param {string} quote */
const inside = (text, quote) => (quote === '"' || quote === "'" ? text.replace(/\\/g, "\\\\").replaceAll(quote, `\\${quote}`) : text);

/** @param {string[]} values @param {string} format @param {string} quote that is open where they stand @param {string} all what stands for every value */
function written(values, format, quote, all) {
  if (values.length === 1 && values[0] === ALL) return all;
  if (format === "csv") return values.join(",");
  if (format === "pipe") return values.join("|");
  if (format === "doublequote") return values.map((value) => JSON.stringify(value)).join(",");
  if (format === "raw" || (format === "" && values.length === 1)) return values[0] ?? "";
  const escaped = values.map((value) => inside(escapeRegex(value), quote));
  return escaped.length === 1 ? escaped[0] : `(${escaped.join("|")})`;
}

const VARIABLE = /\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)\]\]|\$(\w+)/g;

/**
 * An expression with its variables' values; `$name`, `${name}`, `${name:regex}` and `[[name]]` are known, as in Grafana.
 * @param {string} text @param {Map<string, string[]>} values @param {Record<string, string>} [alls] what stands for all values of a variable, where it is not `.*`
 */
export function interpolate(text, values, alls = {}) {
  return text.replace(VARIABLE, (whole, braced, format, bracketed, plain, at) => {
    const name = braced ?? bracketed ?? plain;
    const found = values.get(name);
    return found === undefined ? whole : written(found, format ?? "", openQuote(text, at), alls[name] ?? ".*");
  });
}

/** The quote that is open at a place of an expression, or nothing. @param {string} text @param {number} at */
function openQuote(text, at) {
  let open = "";
  for (let index = 0; index < at; index++) {
    const sign = text[index];
    if (open === "") open = "\"'`".includes(sign) ? sign : "";
    else if (sign === "\\" && open !== "`") index++;
    else if (sign === open) open = "";
  }
  return open;
}

/** A title with its variables' values, as people read them. @param {string} text @param {Map<string, string[]>} values */
export function interpolateTitle(text, values) {
  return text.replace(VARIABLE, (whole, braced, _, bracketed, plain) => {
    const found = values.get(braced ?? bracketed ?? plain);
    return found === undefined ? whole : found[0] === ALL ? t("layout.all") : found.join(" + ");
  });
}

/** What stands for all values of the variables that say so. @param {Variable[]} variables @returns {Record<string, string>} */
export const allsOf = (variables) => Object.fromEntries(variables.filter((one) => one.allValue).map((one) => [one.name, /** @type {string} */ (one.allValue)]));

/** @param {Variable[]} variables @param {Record<string, string>} [given] values of the page, such as the workspace's name @returns {Map<string, string[]>} */
export function valuesOf(variables, given = {}) {
  const values = new Map(Object.entries(given).map(([name, value]) => [name, [value]]));
  for (const variable of variables) values.set(variable.name, chosen(variable));
  return values;
}

/**
 * What a variable may be: a list of its own, or what the server knows. Variables may stand in each other's queries.
 * @param {Variable} variable @param {Map<string, string[]>} values @param {AbortSignal} abort @returns {Promise<string[]>}
 */
export async function loadValues(variable, values, abort) {
  if (variable.values?.length) return variable.values;
  const query = interpolate(variable.query ?? "", values).trim();
  const result = /^query_result\((.*)\)$/s.exec(query);
  if (result) return filtered(await resultsOf(result[1], abort), variable.regex ?? "");
  const names = /^label_names\((.*)\)$/s.exec(query);
  if (names) return filtered(await prometheus("labels", names[1].trim() ? { "match[]": names[1].trim() } : {}, abort), variable.regex ?? "");
  const asked = readQuery(query);
  if (asked === null) return query.split(",").map((one) => one.trim()).filter(Boolean);
  const match = asked.selector === "" ? {} : { "match[]": asked.selector };
  const found = await prometheus(`label/${encodeURIComponent(asked.label)}/values`, { ...match, limit: MOST_VALUES }, abort);
  return filtered(found, variable.regex ?? "");
}

/** Each series of an answer as a line `name{label="value"} 1.5 1764000000000`, for a filter to take a part of. @param {string} expr @param {AbortSignal} abort @returns {Promise<string[]>} */
async function resultsOf(expr, abort) {
  const { result } = await prometheus("query", { query: withWindows(expr, grid(range.value).step), time: nowMs() / 1000, limit: MOST_VALUES }, abort);
  return result.map((/** @type {any} */ { metric, value }) => `${seriesName(metric)} ${value?.[1] ?? ""} ${Math.round((value?.[0] ?? 0) * 1000)}`);
}

/** A filter as Grafana writes it: `/^node-(.*)$/` or the same without slashes; null for one that is none. @param {string} text @returns {RegExp | null} */
export function compileRegex(text) {
  if (text === "") return null;
  const [, body = text, flags = ""] = /^\/(.*)\/([imsu]*)$/s.exec(text) ?? [];
  try {
    return new RegExp(body, flags);
  } catch {
    return null;
  }
}

/** The values that fit, each as its group `value` or its first one where the filter has such. @param {string[]} values @param {string} regex @returns {string[]} */
export function filtered(values, regex) {
  const filter = compileRegex(regex);
  if (filter === null) return values;
  const matches = values.map((value) => filter.exec(value)).filter((match) => match !== null);
  return [...new Set(matches.map((match) => match.groups?.value ?? match[1] ?? match.input))];
}

/** @param {string} query `label_values(label)`, `label_values(selector, label)`, `metrics(…)` @returns {{selector: string, label: string} | null} */
export function readQuery(query) {
  const metrics = /^metrics\((.*)\)$/.exec(query);
  if (metrics) return { selector: `{__name__=~${JSON.stringify(metrics[1])}}`, label: "__name__" };
  const labels = /^label_values\((?:(.*),)?\s*([\w.]+)\s*\)$/s.exec(query);
  return labels ? { selector: (labels[1] ?? "").trim(), label: labels[2] } : null;
}
