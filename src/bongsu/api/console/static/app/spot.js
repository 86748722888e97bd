// The real-time numbers of a project: all of them in one call, with their units.
import { openapm, prometheus } from "./api.js";
import { sample } from "./series.js";

/**
 * Names as in the single-number API, and as in the one that answers all; the groups are shown in this order.
 * @type {{name: string, spot: string, unit: import("./format.js").Unit}[]}
 */
export const NUMBERS = [
  { name: "tps", spot: "tps", unit: "none" },
  { name: "rtime", spot: "rtime", unit: "ms" },
  { name: "actx", spot: "actx", unit: "none" },
  { name: "user", spot: "user", unit: "none" },
  { name: "cpu", spot: "cpu", unit: "percent" },
  { name: "apdex", spot: "apdex", unit: "none" },
  { name: "txcount", spot: "txcount", unit: "none" },
  { name: "act_agent", spot: "act_agent", unit: "none" },
  { name: "inact_agent", spot: "inact_agent", unit: "none" },
  { name: "host", spot: "host", unit: "none" },
  { name: "cpucore", spot: "cpucore", unit: "none" },
  { name: "threadpool_active", spot: "threadpool_active", unit: "none" },
  { name: "threadpool_queue", spot: "threadpool_queue", unit: "none" },
  { name: "dbc_count", spot: "dbconn_total", unit: "none" },
  { name: "dbc_active", spot: "dbconn_act", unit: "none" },
  { name: "dbc_idle", spot: "dbconn_idle", unit: "none" },
];

/** What an active transaction is doing; they add up to all active ones. */
export const STATES = ["method", "sql", "httpc", "dbc", "socket"];

/** How old active transactions are: in time, slow, very slow. */
export const BANDS = ["0-3s", "3-8s", "8s-"];

/** One tick; asking more often gives the same numbers. */
export const TICK_MS = 5000;

/** @typedef {Record<string, number>} Spot */

/** The values come as text. @param {AbortSignal} [abort] @returns {Promise<Spot>} */
export async function loadSpot(abort) {
  const answer = await openapm("api/json/spot", abort);
  return Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, Number(value)]));
}

/** What agents have a series of; the others of the numbers are known for the project only. */
const OF_AGENTS = ["tps", "rtime", "actx", "user", "cpu", "apdex", "txcount", "cpucore", "threadpool_active", "threadpool_queue", "dbc_active", "dbc_idle"];

/** The numbers of some agents as they were, folded as the server folds them. @param {number} timeMs @param {string} selector @param {AbortSignal} [abort] @returns {Promise<Spot>} */
async function loadAgentSpotAt(timeMs, selector, abort) {
  const { result } = await prometheus("query", { query: `{__name__=~"bongsu_apm_agent_(${OF_AGENTS.join("|")}|up)",${selector}}`, time: timeMs / 1000 }, abort);
  /** @type {Map<string, Record<string, number>>} */
  const agents = new Map();
  for (const { metric, value } of result) {
    const key = `${metric.job}/${metric.instance}`;
    agents.set(key, { ...agents.get(key), [metric.__name__.slice("bongsu_apm_agent_".length)]: sample(value[1]) });
  }
  const list = [...agents.values()];
  const sum = (/** @type {string} */ name) => list.reduce((all, agent) => all + (agent[name] ?? 0), 0);
  const weighted = (/** @type {string} */ name) => list.reduce((all, agent) => all + (agent[name] ?? 0) * (agent.txcount ?? 0), 0) / Math.max(1, sum("txcount"));
  const cpus = list.map((agent) => agent.cpu).filter((value) => value !== undefined);
  const up = list.filter((agent) => agent.up === 1).length;
  const folded = { ...Object.fromEntries(OF_AGENTS.map((name) => [name, sum(name)])), rtime: weighted("rtime"), apdex: weighted("apdex"), cpu: cpus.reduce((a, b) => a + b, 0) / Math.max(1, cpus.length) };
  const named = { ...folded, dbc_count: sum("dbc_active") + sum("dbc_idle"), act_agent: up, inact_agent: list.length - up };
  return Object.fromEntries(NUMBERS.map(({ name, spot }) => [spot, /** @type {Record<string, number>} */ (named)[name] ?? NaN]));
}

/**
 * The numbers as they were: each tick is in the store.
 * @param {number} timeMs @param {string} [selector] of the chosen agents @param {AbortSignal} [abort] @returns {Promise<Spot>}
 */
export async function loadSpotAt(timeMs, selector = "", abort) {
  if (selector) return loadAgentSpotAt(timeMs, selector, abort);
  const query = `{__name__=~"bongsu_apm_(${[...NUMBERS.map(({ name }) => name), ...STATES.map((state) => `act_${state}`)].join("|")})"}`;
  const { result } = await prometheus("query", { query, time: timeMs / 1000 }, abort);
  const found = new Map(result.map((/** @type {any} */ one) => [one.metric.__name__.slice("bongsu_apm_".length), sample(one.value[1])]));
  const numbers = NUMBERS.map(({ name, spot }) => [spot, found.get(name) ?? 0]);
  return Object.fromEntries([...numbers, ...STATES.map((state) => [`act_${state}`, found.get(`act_${state}`) ?? 0])]);
}

/** @typedef {import("./live.js").TickAgent} Agent */

/** @param {AbortSignal} [abort] @returns {Promise<Agent[]>} */
export const loadAgents = async (abort) => (await openapm("json/agents", abort)).data;

/** The agents as they were. @param {number} timeMs @param {AbortSignal} [abort] @returns {Promise<Agent[]>} */
export async function loadAgentsAt(timeMs, abort) {
  const ask = (/** @type {string} */ query) => prometheus("query", { query, time: timeMs / 1000 }, abort);
  const [up, flying] = await Promise.all([ask("bongsu_apm_agent_up"), ask("sum by (job, instance, band) (bongsu_apm_agent_in_flight)")]);
  const bands = new Map();
  for (const { metric, value } of flying.result) {
    const key = `${metric.job}/${metric.instance}`;
    const counts = bands.get(key) ?? [0, 0, 0];
    counts[Math.max(0, BANDS.indexOf(metric.band))] += sample(value[1]);
    bands.set(key, counts);
  }
  return up.result.map((/** @type {any} */ { metric, value }) => {
    const oname = `${metric.job}/${metric.instance}`;
    return { oname, host_ip: metric.host ?? "", active: value[1] === "1", txcount: 0, errors: 0, bands: bands.get(oname) ?? [0, 0, 0], cpu: null };
  });
}

/** Whether any application has ever reported. @param {Spot} spot */
export const hasApplications = (spot) => spot.act_agent + spot.inact_agent > 0;

/** Bands of the index from 0 to 1. @param {number} value */
export function apdexBand(value) {
  if (value >= 0.85) return "";
  return value >= 0.7 ? "warn" : "bad";
}
