// Real time: the newest 5-second tick of all applications or of the chosen agents, as it is sealed, and the minutes before it.
import { html, signal } from "../ui.js";
import { ActiveTransactions } from "../active.js";
import { AgentStrip, agentSelector, chosenAgents } from "../agents.js";
import { Arc } from "../arc.js";
import { dateTime, withUnit } from "../format.js";
import { HitMap } from "../hitmap.js";
import { t } from "../i18n.js";
import { lazy } from "../lazy.js";
import { lost, ticks, useStream } from "../live.js";
import { LivePanel } from "../live-lines.js";
import { useLoad } from "../load.js";
import { SpeedMeter } from "../meter.js";
import { href } from "../router.js";
import { apdexBand, hasApplications, loadAgentsAt, loadSpotAt, NUMBERS, TICK_MS } from "../spot.js";
import { paused, range, setSpan } from "../time.js";
import { Button, Empty, Failure, Loading, Panel, Stat } from "../widgets.js";

/** Far below what is looked at first. */
const DaysPanel = lazy(() => import("../days.js"), "DaysPanel");

/** Three columns or more: the hit map takes two, and the chart beside it is as high. */
const isWide = matchMedia("(min-width: 1372px)");
const besideHitMap = signal(isWide.matches);
isWide.addEventListener("change", () => (besideHitMap.value = isWide.matches));
const HIT_MAP_PX = 252;

/** @typedef {import("../live.js").Tick} Tick */

/** The mean of a number over each step, from what the store keeps of every sealed tick. @param {string} name @param {string} selector @param {string} fold of the chosen agents */
function mean(name, selector, fold = "sum") {
  const expr = selector ? `${fold}(avg_over_time(bongsu_apm_agent_${name}{${selector}}[$__tick]))` : `avg_over_time(bongsu_apm_${name}[$__tick])`;
  return { expr, legend: name };
}

/** Weighted by transactions: a mean of the ticks' means would give a slow one in a quiet tick too much weight. @param {string} selector */
function responseTime(selector) {
  const metric = selector ? "bongsu_apm_agent_transaction_duration_seconds" : "bongsu_apm_transaction_duration_seconds";
  const sum = (/** @type {string} */ part) => `sum(rate(${metric}_${part}${selector && `{${selector}}`}[$__ticks]))`;
  return { expr: `1000 * ${sum("sum")} / ${sum("count")}`, legend: "rtime" };
}

/** @param {Tick} tick @param {string[]} names */
const values = (tick, ...names) => names.map((name) => tick.numbers[name]);

/** @param {string} selector of the chosen agents; empty for all */
const charts = (selector) => [
  { title: "spot.tps", queries: [mean("tps", selector)], pick: (/** @type {Tick} */ tick) => values(tick, "tps"), fill: true, min: 0, height: besideHitMap.value ? HIT_MAP_PX : undefined },
  { title: "spot.rtime", queries: [responseTime(selector)], pick: (/** @type {Tick} */ tick) => [tick.numbers.txcount > 0 ? tick.numbers.rtime : null], unit: "ms", min: 0 },
  { title: "spot.actx", queries: [mean("actx", selector)], pick: (/** @type {Tick} */ tick) => values(tick, "actx"), fill: true, min: 0 },
  { title: "spot.user", queries: [mean("user", selector)], pick: (/** @type {Tick} */ tick) => values(tick, "user"), fill: true, min: 0 },
  { title: "spot.cpu", queries: [mean("cpu", selector, "avg")], pick: (/** @type {Tick} */ tick) => values(tick, "cpu"), unit: "percent", min: 0, max: 100 },
  { title: "spot.apdex", queries: [mean("apdex", selector, "avg")], pick: (/** @type {Tick} */ tick) => [tick.numbers.txcount > 0 ? tick.numbers.apdex : null], min: 0, max: 1 },
  { title: "realtime.errors", queries: [mean("errors", selector), mean("txcount", selector)], pick: (/** @type {Tick} */ tick) => [tick.errors, tick.numbers.txcount], min: 0 },
  {
    title: "realtime.pool",
    queries: ["dbc_active", "dbc_idle", "threadpool_active", "threadpool_queue"].map((name) => mean(name, selector)),
    pick: (/** @type {Tick} */ tick) => values(tick, "dbconn_act", "dbconn_idle", "threadpool_active", "threadpool_queue"),
    min: 0,
  },
];

export function Page() {
  const { live } = range.value;
  const agents = chosenAgents();
  useStream(agents, live);
  return live ? html`<${Live} agents=${agents} />` : html`<${Past} agents=${agents} />`;
}

/** @param {{agents: string[]}} props */
function Live({ agents }) {
  const known = ticks.value;
  const newest = known[known.length - 1];
  if (!newest) {
    return lost.value ? html`<${Failure} error=${{ id: "unreachable" }} onRetry=${() => location.reload()} />` : html`<div class="busy" aria-busy="true">${t("state.loading")}</div>`;
  }
  if (!hasApplications(newest.numbers) && agents.length === 0) return html`<${NoApplications} />`;
  return html`${lost.value && html`<${Failure} error=${{ id: "unreachable" }} onRetry=${() => location.reload()} />`}
    ${paused.value && html`<p class="hint">${t("realtime.past", { time: dateTime(newest.endMs) })}</p>`}
    <${Body} tick=${newest} before=${known[known.length - 2]} agents=${agents} />`;
}

/** @param {{agents: string[]}} props */
function Past({ agents }) {
  const { end } = { end: 0, ...range.value };
  const loaded = useLoad((abort) => loadTickAt(end, agents, abort), [end, agents.join()]);
  return html`<${Loading} of=${loaded}>
    ${(/** @type {Tick} */ tick) =>
      tick.agents.length === 0
        ? html`<${NothingThen} />`
        : html`<p class="hint">${t("realtime.past", { time: dateTime(end) })}</p><${Body} tick=${tick} agents=${agents} />`}
  <//>`;
}

/** A tick as it was: each is in the store. @param {number} end @param {string[]} agents @param {AbortSignal} abort @returns {Promise<Tick>} */
async function loadTickAt(end, agents, abort) {
  const [numbers, listed] = await Promise.all([loadSpotAt(end, agents.length ? agentSelector(agents) : "", abort), loadAgentsAt(end, abort)]);
  return { endMs: end, tickMs: TICK_MS, numbers, errors: 0, buckets: [], boundsS: [], hits: [], agents: listed };
}

/** @param {{tick: Tick, before?: Tick, agents: string[]}} props */
function Body({ tick, before, agents }) {
  const selector = agents.length > 0 ? agentSelector(agents) : "";
  const { numbers } = tick;
  return html`<${AgentStrip} agents=${tick.agents} />
    <div class="stats tight" aria-live="off">
      ${NUMBERS.map(({ name, spot, unit }) => html`<${Stat} key=${name} label=${t(`spot.${name}`)} hint=${name} value=${withUnit(numbers[spot], unit)} state=${stateOf(name, numbers)} />`)}
    </div>
    <div class="grid trio">
      <${Arc} numbers=${numbers} agents=${tick.agents.filter((agent) => agents.length === 0 || agents.includes(agent.oname))} />
      <${ActiveTransactions} numbers=${numbers} />
      <${SpeedMeter} numbers=${numbers} before=${before?.numbers} tickMs=${tick.tickMs} />
    </div>
    <div class="grid">
      <${HitMap} selector=${selector} />
      ${charts(selector).map((chart) => html`<${LivePanel} key=${chart.title} ...${chart} title=${t(chart.title)} />`)}
      <${DaysPanel} title=${t("days.tps")} expr=${selector ? `sum(avg_over_time(bongsu_apm_agent_tps{${selector}}[5m] @offset))` : "avg_over_time(bongsu_apm_tps[5m] @offset)"} />
      <${DaysPanel} title=${t("days.users")} expr=${selector ? `sum(avg_over_time(bongsu_apm_agent_user{${selector}}[5m] @offset))` : "avg_over_time(bongsu_apm_user[5m] @offset)"} />
    </div>`;
}

/** @param {string} name @param {import("../spot.js").Spot} numbers */
function stateOf(name, numbers) {
  if (name === "inact_agent") return numbers.inact_agent > 0 ? "warn" : "";
  return name === "apdex" && numbers.txcount > 0 ? apdexBand(numbers.apdex) : "";
}

function NothingThen() {
  return html`<${Panel}><${Empty} why=${t("realtime.noHistory")} hint=${t("realtime.noHistoryHint")}>
    <${Button} kind="primary" onClick=${() => setSpan("15m")}>${t("time.backToNow")}<//>
  <//><//>`;
}

function NoApplications() {
  return html`<${Panel}><${Empty} why=${t("realtime.none")} hint=${t("realtime.noneHint")}>
    <a class="button primary" href=${href("settings", { snippet: "OTLP" })}>${t("realtime.howTo")}</a>
  <//><//>`;
}
