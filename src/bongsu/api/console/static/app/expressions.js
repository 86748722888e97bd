// The expressions of Explore in its address, in the form that Prometheus' own pages and many tools write:
// g0.expr=up&g0.tab=table&g1.expr=...
import { parseDuration } from "./time.js";

/** @typedef {{expr: string, tab: "graph" | "table" | "explain"}} Expression */

/** @param {URLSearchParams} query @returns {Expression[]} at least one */
export function readExpressions(query) {
  const found = [];
  for (let index = 0; query.has(`g${index}.expr`); index++) {
    found.push({ expr: query.get(`g${index}.expr`) ?? "", tab: readTab(query.get(`g${index}.tab`)) });
  }
  return found.length ? found : [{ expr: "", tab: "graph" }];
}

/** Older links write 0 for the graph and 1 for the table. @param {string | null} text @returns {Expression["tab"]} */
function readTab(text) {
  if (text === "explain" || text === "tree") return "explain";
  return text === "1" || text === "table" ? "table" : "graph";
}

/** @param {Expression[]} list @param {URLSearchParams} query @returns {Record<string, string | null>} changes of the query */
export function writeExpressions(list, query) {
  /** @type {Record<string, string | null>} */
  const changes = {};
  for (const name of query.keys()) if (/^g\d+\./.test(name)) changes[name] = null;
  list.forEach(({ expr, tab }, index) => {
    changes[`g${index}.expr`] = expr;
    changes[`g${index}.tab`] = tab;
  });
  return changes;
}

/**
 * A link from elsewhere brings its own range: g0.range_input=1h and g0.end_input=2026-11-22 10:00:00 (UTC).
 * @param {URLSearchParams} query
 * @returns {Record<string, string> | null} from and to, when the link has a range and the address has none yet
 */
export function foreignRange(query) {
  const span = parseDuration(query.get("g0.range_input") ?? "");
  if (span === null || query.has("from")) return null;
  const end = Date.parse(`${(query.get("g0.end_input") ?? "").trim().replace(" ", "T")}Z`);
  if (Number.isNaN(end)) return { from: `now-${query.get("g0.range_input")}` };
  return { from: String(end - span), to: String(end) };
}
