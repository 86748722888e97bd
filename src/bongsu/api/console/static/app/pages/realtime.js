// Real time: the newest 5-second tick of all applications, and the minutes before it.
import { html } from "../ui.js";
import { ActiveTransactions } from "../active.js";
import { Arc } from "../arc.js";
import { dateTime, withUnit } from "../format.js";
import { HitMap } from "../heatmap.js";
import { t } from "../i18n.js";
import { useLoad } from "../load.js";
import { href } from "../router.js";
import { apdexBand, hasApplications, loadAgents, loadAgentsAt, loadSpot, loadSpotAt, NUMBERS, TICK_MS } from "../spot.js";
import { QueryPanel } from "../query.js";
import { range, setSpan } from "../time.js";
import { Badge, Button, Empty, Loading, Panel, Stat } from "../widgets.js";

/** The mean of a number over each step, from what the store keeps of every sealed tick. @param {string} name */
const mean = (name) => ({ expr: `avg_over_time(bongsu_apm_${name}[$__tick])`, legend: name });

/** Weighted by transactions: a mean of the ticks' means would give a slow one in a quiet tick too much weight. */
const RESPONSE_TIME = {
  expr: "1000 * rate(bongsu_apm_transaction_duration_seconds_sum[$__ticks]) / rate(bongsu_apm_transaction_duration_seconds_count[$__ticks])",
  legend: "rtime",
};

const CHARTS = [
  { title: "spot.tps", queries: [mean("tps")], fill: true, min: 0 },
  { title: "spot.rtime", queries: [RESPONSE_TIME], unit: "ms", min: 0 },
  { title: "spot.actx", queries: [mean("actx")], fill: true, min: 0 },
  { title: "spot.user", queries: [mean("user")], fill: true, min: 0 },
  { title: "spot.cpu", queries: [mean("cpu")], unit: "percent", min: 0, max: 100 },
  { title: "realtime.errors", queries: [mean("errors"), mean("txcount")], min: 0 },
  { title: "realtime.pool", queries: ["dbc_active", "dbc_idle", "threadpool_active", "threadpool_queue"].map(mean), min: 0 },
];

export function Page() {
  const { live, end } = { end: 0, ...range.value };
  const spot = useLoad((abort) => (live ? loadSpot(abort) : loadSpotAt(end, abort)), [live, end], { every: live ? TICK_MS : 0 });
  return html`<${Loading} of=${spot}>
    ${(/** @type {any} */ numbers) => {
      if (!hasApplications(numbers)) return live ? html`<${NoApplications} />` : html`<${NothingThen} />`;
      return html`${!live && html`<p class="hint">${t("realtime.past", { time: dateTime(end) })}</p>`}<${Numbers} numbers=${numbers} /><${Details} numbers=${numbers} />`;
    }}
  <//>`;
}

/** @param {{numbers: import("../spot.js").Spot}} props */
function Numbers({ numbers }) {
  return html`<div class="stats" aria-live="off">
    ${NUMBERS.map(({ name, spot, unit }) => html`<${Stat} key=${name} label=${t(`spot.${name}`)} hint=${name} value=${withUnit(numbers[spot], unit)} state=${stateOf(name, numbers)} />`)}
  </div>`;
}

/** @param {string} name @param {import("../spot.js").Spot} numbers */
function stateOf(name, numbers) {
  if (name === "inact_agent") return numbers.inact_agent > 0 ? "warn" : "";
  return name === "apdex" && numbers.txcount > 0 ? apdexBand(numbers.apdex) : "";
}

/** @param {{numbers: import("../spot.js").Spot}} props */
function Details({ numbers }) {
  const every = range.value.live ? TICK_MS : 0;
  return html`<div class="grid">
    <${Arc} numbers=${numbers} />
    <${ActiveTransactions} numbers=${numbers} />
    <${Agents} key="agents" changed=${`${numbers.act_agent} ${numbers.inact_agent}`} />
    <${HitMap} every=${every} />
    ${CHARTS.map((chart) => html`<${QueryPanel} key=${chart.title} ...${chart} title=${t(chart.title)} every=${every} height=${150} empty=${{ why: t("realtime.noHistory"), hint: t("realtime.noHistoryHint") }} />`)}
  </div>`;
}

/** @param {{changed: string}} props */
function Agents({ changed }) {
  const { live, end } = { end: 0, ...range.value };
  const agents = useLoad((abort) => (live ? loadAgents(abort) : loadAgentsAt(end, abort)), [changed, live, end], { every: live ? TICK_MS * 3 : 0 });
  return html`<${Panel} title=${t("realtime.agents")}>
    <${Loading} of=${agents}>
      ${(/** @type {any[]} */ list) => html`<div class="scroll" style=${{ maxHeight: "220px" }} tabindex="0"><table>
        <thead><tr><th scope="col">${t("realtime.agent")}</th><th scope="col">${t("realtime.host")}</th><th scope="col">${t("realtime.state")}</th></tr></thead>
        <tbody>${[...list].sort((a, b) => Number(a.active) - Number(b.active)).map((agent) => html`<tr key=${agent.oname}>
          <th scope="row">${agent.oname}</th><td>${agent.host_ip}</td>
          <td><${Badge} state=${agent.active ? "ok" : "warn"}>${t(agent.active ? "realtime.active" : "realtime.inactive")}<//></td>
        </tr>`)}</tbody>
      </table></div>`}
    <//>
  <//>`;
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
