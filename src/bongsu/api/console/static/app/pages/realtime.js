// Real time: the newest 5-second tick of all applications, and the minutes before it.
import { html } from "../ui.js";
import { ActiveTransactions } from "../active.js";
import { Arc } from "../arc.js";
import { withUnit } from "../format.js";
import { HitMap } from "../heatmap.js";
import { t } from "../i18n.js";
import { useLoad } from "../load.js";
import { href } from "../router.js";
import { apdexBand, hasApplications, loadAgents, loadSpot, NUMBERS, TICK_MS } from "../spot.js";
import { QueryPanel } from "../query.js";
import { range } from "../time.js";
import { Badge, Empty, Loading, Panel, Stat } from "../widgets.js";

/** What the store keeps of every sealed tick, by name below `bongsu_apm_`. */
const CHARTS = [
  { title: "spot.tps", queries: [{ expr: "bongsu_apm_tps", legend: "tps" }], fill: true, min: 0 },
  { title: "spot.rtime", queries: [{ expr: "bongsu_apm_rtime", legend: "rtime" }], unit: "ms", min: 0 },
  { title: "spot.actx", queries: [{ expr: "bongsu_apm_actx", legend: "actx" }], fill: true, min: 0 },
  { title: "spot.user", queries: [{ expr: "bongsu_apm_user", legend: "user" }], fill: true, min: 0 },
  { title: "spot.cpu", queries: [{ expr: "bongsu_apm_cpu", legend: "cpu" }], unit: "percent", min: 0, max: 100 },
  {
    title: "realtime.pool",
    queries: [
      { expr: "bongsu_apm_dbc_active", legend: "dbc_active" },
      { expr: "bongsu_apm_dbc_idle", legend: "dbc_idle" },
      { expr: "bongsu_apm_threadpool_active", legend: "threadpool_active" },
      { expr: "bongsu_apm_threadpool_queue", legend: "threadpool_queue" },
    ],
    min: 0,
  },
];

export function Page() {
  const spot = useLoad(loadSpot, [], { every: TICK_MS });
  return html`<${Loading} of=${spot}>
    ${(/** @type {any} */ numbers) => (hasApplications(numbers) ? html`<${Numbers} numbers=${numbers} /><${Details} numbers=${numbers} />` : html`<${NoApplications} />`)}
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
  const agents = useLoad(loadAgents, [changed], { every: TICK_MS * 3 });
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

function NoApplications() {
  return html`<${Panel}><${Empty} why=${t("realtime.none")} hint=${t("realtime.noneHint")}>
    <a class="button primary" href=${href("settings")}>${t("realtime.howTo")}</a>
  <//><//>`;
}
