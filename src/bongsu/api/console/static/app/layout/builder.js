// Expressions made from a metric, label filters, a function and a grouping; and read back from what was made.

/**
 * @typedef {{label: string, op: "=" | "!=" | "=~" | "!~", value: string}} Filter
 * @typedef {{metric: string, filters: Filter[], fn: string, agg: string, by: string[]}} Built
 */

export const FUNCTIONS = ["", "rate", "increase", "avg_over_time", "max_over_time", "histogram_quantile"];
export const AGGREGATIONS = ["", "sum", "avg", "max", "min", "count"];
export const OPERATORS = ["=", "!=", "=~", "!~"];
const QUANTILE = "0.95";
const WINDOW = "$__rate";

/** @param {Filter[]} filters */
const selector = (filters) => (filters.length === 0 ? "" : `{${filters.map(({ label, op, value }) => `${label}${op}${JSON.stringify(value)}`).join(",")}}`);

/** A name that is no plain one is quoted inside the braces. @param {string} metric @param {Filter[]} filters */
function select(metric, filters) {
  if (/^[a-zA-Z_:][\w:]*$/.test(metric)) return metric + selector(filters);
  return `{${[JSON.stringify(metric), ...filters.map(({ label, op, value }) => `${label}${op}${JSON.stringify(value)}`)].join(",")}}`;
}

/** @param {Built} built @returns {string} empty while there is no metric */
export function build({ metric, filters, fn, agg, by }) {
  if (metric === "") return "";
  const chosen = select(metric, filters.filter((one) => one.label !== ""));
  const grouped = by.length > 0 ? ` by (${by.join(", ")})` : "";
  if (fn === "histogram_quantile") return `histogram_quantile(${QUANTILE}, sum by (${["le", ...by].join(", ")}) (rate(${chosen}[${WINDOW}])))`;
  const inner = fn === "" ? chosen : `${fn}(${chosen}[${WINDOW}])`;
  return agg === "" ? inner : `${agg}${grouped} (${inner})`;
}

/** @param {string} text @returns {Built | null} null for what the builder does not make */
export function read(text) {
  const quantile = /^histogram_quantile\(0\.95, sum by \(le(?:, ([\w, ]+))?\) \(rate\((.+)\[\$__rate\]\)\)\)$/.exec(text);
  if (quantile) return withSelector(quantile[2], { fn: "histogram_quantile", agg: "", by: words(quantile[1]) });
  const outer = /^(sum|avg|max|min|count)(?: by \(([\w, ]*)\))? \((.+)\)$/.exec(text);
  const inner = outer ? outer[3] : text;
  const call = /^(rate|increase|avg_over_time|max_over_time)\((.+)\[\$__rate\]\)$/.exec(inner);
  const parts = { fn: call?.[1] ?? "", agg: outer?.[1] ?? "", by: words(outer?.[2]) };
  const built = withSelector(call?.[2] ?? inner, parts);
  return built && build(built) === text ? built : null;
}

/** @param {string} [list] */
const words = (list) => (list ?? "").split(",").map((one) => one.trim()).filter(Boolean);

/** @param {string} text @param {{fn: string, agg: string, by: string[]}} parts @returns {Built | null} */
function withSelector(text, parts) {
  const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?$/.exec(text);
  if (!match) return null;
  const filters = [...(match[2] ?? "").matchAll(/(\w+)(=~|!~|!=|=)("(?:[^"\\]|\\.)*")(?:,|$)/g)];
  if (filters.map((one) => one[0]).join("") !== (match[2] ?? "")) return null;
  try {
    return { metric: match[1], filters: filters.map(([, label, op, value]) => ({ label, op: /** @type {any} */ (op), value: JSON.parse(value) })), ...parts };
  } catch {
    return null; // an escape that PromQL knows and JSON does not
  }
}
