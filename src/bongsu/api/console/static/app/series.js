// From the answers of the query API to what charts and tables show.

/** @typedef {Record<string, string>} Labels */

/** Prometheus writes samples as text: "NaN", "+Inf", "1.5". @param {string} text */
export function sample(text) {
  if (text === "+Inf") return Infinity;
  return text === "-Inf" ? -Infinity : Number(text);
}

/** `name{label="value"}`, as it could be asked for. @param {Labels} labels */
export function seriesName(labels) {
  const { __name__: name = "", ...rest } = labels;
  const inner = Object.entries(rest).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return inner.length || !name ? `${name}{${inner.join(", ")}}` : name;
}

/**
 * How to name series that are seen together: what they all have in common tells none of them apart.
 * @param {Labels[]} all @returns {{name: (labels: Labels) => string, common: string}} `common` is empty when nothing was left out
 */
export function distinctNames(all) {
  const shared = all.length > 1 ? sharedLabels(all) : [];
  if (shared.length === 0) return { name: seriesName, common: "" };
  const left = (/** @type {Labels} */ labels) => Object.fromEntries(Object.entries(labels).filter(([label]) => !shared.some(([name]) => name === label)));
  return { name: (labels) => seriesName(left(labels)), common: seriesName(Object.fromEntries(shared)) };
}

/** @param {Labels[]} all @returns {[string, string][]} */
const sharedLabels = (all) => Object.entries(all[0] ?? {}).filter(([label, value]) => all.every((labels) => labels[label] === value));

/**
 * The same under a title that says what is shown: one alone needs no labels.
 * @param {Labels[]} all @returns {(labels: Labels) => string}
 */
export function shortNames(all) {
  if (all.length > 1) return distinctNames(all).name;
  return (labels) => labels.__name__ ?? seriesName(labels);
}

/** `{{label}}` in a template stands for its value. @param {string} template @param {Labels} labels */
export function legendName(template, labels) {
  return template.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (_, label) => labels[label] ?? "");
}

/**
 * A matrix on its grid: one array of times, a value or null for each series and time.
 * @param {any} data the answer of query_range @param {{start: number, end: number, step: number}} grid in seconds
 * @param {(labels: Labels) => string} [name]
 * @returns {import("./chart.js").Lines} a native histogram is drawn as the number of its observations
 */
export function toLines(data, { start, end, step }, name = seriesName) {
  const count = Math.floor((end - start) / step + 1e-9) + 1;
  const times = Array.from({ length: count }, (_, index) => start + index * step);
  const series = data.result.map((/** @type {any} */ one) => {
    const values = new Array(count).fill(null);
    const counts = (one.histograms ?? []).map((/** @type {any} */ [time, { count }]) => [time, count]);
    for (const [time, text] of [...(one.values ?? []), ...counts]) {
      const value = sample(text);
      // Only finite numbers have a place on an axis; the table shows the others.
      if (Number.isFinite(value)) values[Math.round((time - start) / step)] = value;
    }
    return { name: name(one.metric), values };
  });
  return { times, series: unique(series) };
}

/** Names are keys in charts: equal ones get a number. @param {import("./chart.js").Series[]} series */
function unique(series) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  return series.map((one) => {
    const count = (seen.get(one.name) ?? 0) + 1;
    seen.set(one.name, count);
    return count === 1 ? one : { ...one, name: `${one.name} (${count})` };
  });
}
