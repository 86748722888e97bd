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

/** One tick; asking more often gives the same numbers. */
export const TICK_MS = 5000;

/** @typedef {Record<string, number>} Spot */

/** The values come as text. @param {AbortSignal} [abort] @returns {Promise<Spot>} */
export async function loadSpot(abort) {
  const answer = await openapm("api/json/spot", abort);
  return Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, Number(value)]));
}

/**
 * The numbers as they were: each tick is in the store.
 * @param {number} timeMs @param {AbortSignal} [abort] @returns {Promise<Spot>}
 */
export async function loadSpotAt(timeMs, abort) {
  const query = `{__name__=~"bongsu_apm_(${[...NUMBERS.map(({ name }) => name), ...STATES.map((state) => `act_${state}`)].join("|")})"}`;
  const { result } = await prometheus("query", { query, time: timeMs / 1000 }, abort);
  const found = new Map(result.map((/** @type {any} */ one) => [one.metric.__name__.slice("bongsu_apm_".length), sample(one.value[1])]));
  const numbers = NUMBERS.map(({ name, spot }) => [spot, found.get(name) ?? 0]);
  return Object.fromEntries([...numbers, ...STATES.map((state) => [`act_${state}`, found.get(`act_${state}`) ?? 0])]);
}

/** @typedef {{oname: string, host_ip: string, active: boolean}} Agent */

/** @param {AbortSignal} [abort] @returns {Promise<Agent[]>} */
export const loadAgents = async (abort) => (await openapm("json/agents", abort)).data;

/** The agents as they were. @param {number} timeMs @param {AbortSignal} [abort] @returns {Promise<Agent[]>} */
export async function loadAgentsAt(timeMs, abort) {
  const { result } = await prometheus("query", { query: "bongsu_apm_agent_up", time: timeMs / 1000 }, abort);
  return result.map((/** @type {any} */ { metric, value }) => ({
    oname: `${metric.job}/${metric.instance}`,
    host_ip: metric.host ?? "",
    active: value[1] === "1",
  }));
}

/** Whether any application has ever reported. @param {Spot} spot */
export const hasApplications = (spot) => spot.act_agent + spot.inact_agent > 0;

/** Bands of the index from 0 to 1. @param {number} value */
export function apdexBand(value) {
  if (value >= 0.85) return "";
  return value >= 0.7 ? "warn" : "bad";
}
