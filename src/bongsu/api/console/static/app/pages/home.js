// Home: what is wrong now, how the service does, and what a newcomer does next.
import { html } from "../ui.js";
import { prometheus } from "../api.js";
import { number, withUnit } from "../format.js";
import { t } from "../i18n.js";
import { useLoad } from "../load.js";
import { QueryPanel } from "../query.js";
import { href } from "../router.js";
import { isDone } from "../settings.js";
import { sample } from "../series.js";
import { apdexBand, hasApplications, loadAgents, loadSpot, NUMBERS, TICK_MS } from "../spot.js";
import { loadLimits } from "../limits.js";
import { awaitsExporter, loadAll, loadServers, reasonOf, stateOf } from "../targets.js";
import { Badge, CopyButton, Empty, Icon, Loading, Panel, Stat } from "../widgets.js";

const TARGETS_MS = 15_000; // targets are scraped at this pace by default
const MOST_ROWS = 50; // a few screens; whoever has more wrong looks at the workspaces
const SPARK = { span: 900, step: 15 }; // a quarter of an hour, sixty points

export function Page() {
  const targets = useLoad(loadAll, [], { every: TARGETS_MS });
  const spot = useLoad(loadSpot, [], { every: TICK_MS });
  const servers = useLoad(loadServers, [], { every: TARGETS_MS });
  const names = useLoad(loadAnyMetric, [], { every: TARGETS_MS });
  const limits = useLoad(loadLimits, [], { every: TARGETS_MS });
  return html`
    <${Wrong} targets=${targets} spot=${spot} limits=${limits} />
    <${Golden} spot=${spot} />
    <div class="split">
      <${Collecting} targets=${targets} />
      <${Checklist} spot=${spot.data} targets=${targets.data} servers=${servers.data} names=${names.data} />
    </div>
    <${Itself} />
  `;
}

/** At most one name, and not one that the server wrote about itself: it only tells whether data has come. @param {AbortSignal} abort @returns {Promise<string[]>} */
const loadAnyMetric = (abort) => prometheus("label/__name__/values", { limit: 1, "match[]": `{__name__=~".+",job!=${JSON.stringify(OWN_JOB)}}` }, abort);

/** @param {{targets: any, spot: any, limits: any}} props */
function Wrong({ targets, spot, limits }) {
  const refused = (limits.data ?? []).filter((/** @type {any} */ limit) => limit.refused > 0);
  const agents = useLoad(loadAgents, [spot.data?.inact_agent], { every: 0 });
  const order = { bad: 0, warn: 1, wait: 2, ok: 3 };
  const failing = (targets.data ?? []).flatMap((/** @type {any} */ group) =>
    group.targets
      .filter((/** @type {any} */ target) => ["warn", "bad"].includes(stateOf(target)))
      .map((/** @type {any} */ target) => ({ target, workspace: group.workspace })),
  );
  failing.sort((/** @type {any} */ a, /** @type {any} */ b) => order[stateOf(a.target)] - order[stateOf(b.target)]);
  const silent = (agents.data ?? []).filter((agent) => !agent.active);
  return html`<${Panel} title=${t("home.wrong")}>
    <${Loading} of=${targets}>
      ${() =>
        failing.length + silent.length + refused.length === 0
          ? html`<${AllGood} targets=${targets.data} spot=${spot.data} />`
          : html`<div class="scroll"><table>
              <thead><tr><th scope="col">${t("home.what")}</th><th scope="col">${t("home.where")}</th><th scope="col">${t("home.why")}</th><td></td></tr></thead>
              <tbody>
                ${refused.map((/** @type {any} */ limit) => html`<tr key=${limit.name}>
                  <td><${Badge} state="bad">${t("home.refused")}<//></td><td><code>${limit.name}</code></td><td>${t("home.refusedWhy", { refused: number(limit.refused), limit: number(limit.limit), setting: limit.setting })}</td>
                  <td><a class="button quiet" href=${href("status")}>${t("home.mend")}</a></td>
                </tr>`)}
                ${failing.slice(0, MOST_ROWS).map(FailingRow)}
                ${silent.slice(0, MOST_ROWS).map((agent) => html`<tr key=${agent.oname}>
                  <td><${Badge} state="warn">${t("home.silentAgent")}<//></td><td>${agent.oname}</td><td>${t("home.silentWhy")}</td>
                  <td><a class="button quiet" href=${href("realtime")}>${t("nav.realtime")}</a></td>
                </tr>`)}
              </tbody>
            </table></div>
            ${failing.length > MOST_ROWS && html`<p class="hint">${t("home.more", { count: failing.length - MOST_ROWS })}</p>`}`}
    <//>
  <//>`;
}

/** @param {any} row */
function FailingRow({ target, workspace }) {
  const state = stateOf(target);
  return html`<tr key=${target.targetId}>
    <td><${Badge} state=${state}>${t(`target.state.${state}`)}<//></td>
    <td>${target.hostNm} <span class="hint">${target.svrIp}:${target.port} · ${workspace.jobName}</span></td>
    <td>${reasonOf(target)}</td>
    <td><a class="button quiet" href=${href(`openmetrics/${workspace.jobId}`)}>${t("home.mend")}</a></td>
  </tr>`;
}

/** What brings a node exporter to Debian and its kin. */
const INSTALL = "sudo apt-get install prometheus-node-exporter";

/** @param {{targets: any[], spot: any}} props */
function AllGood({ targets, spot }) {
  const all = targets.flatMap((group) => group.targets);
  const collecting = all.filter((target) => stateOf(target) === "ok").length;
  const agents = spot?.act_agent ?? 0;
  const awaited = all.filter(awaitsExporter);
  if (awaited.length > 0 && collecting + agents === 0) {
    return html`<${Empty} why=${t("home.awaits", { count: awaited.length })} hint=${t("home.awaitsHint", { names: awaited.slice(0, 3).map((target) => target.hostNm).join(", ") })}>
      <${CopyButton} text=${INSTALL} label=${INSTALL} /><a class="button" href=${href("openmetrics")}>${t("home.otherPort")}</a>
    <//>`;
  }
  if (all.length + agents === 0) return html`<${Empty} why=${t("home.nothingYet")} hint=${t("home.nothingYetHint")} />`;
  return html`<div class="good"><${Icon} name="ok" /><div><strong>${t("home.allGood")}</strong><span class="hint">${t("home.allGoodHint", { collecting, agents })}</span></div></div>`;
}

/** The numbers that tell most, with the last quarter of an hour where the store has it. */
const SHOWN = ["tps", "rtime", "actx", "user", "cpu", "apdex"];

/** @param {{spot: any}} props */
function Golden({ spot }) {
  const trends = useLoad(loadTrends, [], { every: TARGETS_MS });
  if (spot.data && !hasApplications(spot.data)) return null;
  return html`<${Loading} of=${spot}>
    ${(/** @type {any} */ numbers) => html`<div class="stats fit">
      ${NUMBERS.filter((one) => SHOWN.includes(one.name)).map(
        (one) => html`<${Stat} key=${one.name} label=${t(`spot.${one.name}`)} value=${withUnit(numbers[one.spot], one.unit)} href=${href("realtime")}
          state=${one.name === "apdex" && numbers.txcount > 0 ? apdexBand(numbers.apdex) : ""}>
          <${Sparkline} values=${trends.data?.[one.name]} />
        <//>`,
      )}
    </div>`}
  <//>`;
}

/** @param {AbortSignal} abort @returns {Promise<Record<string, number[]>>} */
async function loadTrends(abort) {
  const end = Math.floor(Date.now() / 1000 / SPARK.step) * SPARK.step;
  const query = `{__name__=~"bongsu_apm_(${SHOWN.join("|")})"}`;
  const data = await prometheus("query_range", { query, start: end - SPARK.span, end, step: SPARK.step }, abort);
  const named = data.result.map((/** @type {any} */ one) => [
    one.metric.__name__.replace("bongsu_apm_", ""),
    one.values.map((/** @type {any} */ pair) => sample(pair[1])).filter(Number.isFinite),
  ]);
  return Object.fromEntries(named);
}

/** A line without axes: only whether it rises or falls. @param {{values?: number[]}} props */
function Sparkline({ values = [] }) {
  const [low, high] = [Math.min(0, ...values), Math.max(1e-9, ...values)];
  const step = 100 / Math.max(1, values.length - 1);
  const path = values.map((value, index) => `${index ? "L" : "M"}${(index * step).toFixed(1)} ${(24 - ((value - low) / (high - low)) * 22).toFixed(1)}`);
  return html`<svg class="spark" viewBox="0 0 100 26" preserveAspectRatio="none" aria-hidden="true"><path d=${path.join("")} /></svg>`;
}

/** @param {{targets: any}} props */
function Collecting({ targets }) {
  return html`<${Panel} title=${t("home.collecting")}>
    <${Loading} of=${targets}>
      ${(/** @type {any[]} */ groups) =>
        groups.every((group) => group.targets.length === 0)
          ? html`<${Empty} why=${t("targets.none")} hint=${t("targets.noneHint")}><a class="button primary" href=${href("openmetrics")}>${t("targets.add")}</a><//>`
          : html`<table><tbody>${groups.map((group) => html`<${Workspace} key=${group.workspace.jobId} group=${group} />`)}</tbody></table>`}
    <//>
  <//>`;
}

/** @param {{group: any}} props */
function Workspace({ group: { workspace, targets } }) {
  const states = /** @type {const} */ (["bad", "warn", "wait", "ok"]).map((state) => ({
    state,
    count: targets.filter((/** @type {any} */ target) => stateOf(target) === state).length,
  }));
  return html`<tr>
    <th scope="row"><a href=${href(`openmetrics/${workspace.jobId}`)}>${workspace.jobName}</a></th>
    <td><div class="actions">
      ${targets.length === 0 && html`<span class="hint">${t("targets.noneShort")}</span>`}
      ${states.filter(({ count }) => count > 0).map(({ state, count }) => html`<${Badge} key=${state} state=${state}>${count} ${t(`target.state.${state}`)}<//>`)}
    </div></td>
  </tr>`;
}

/** @param {{spot: any, targets: any, servers: any, names: any}} props */
function Checklist({ spot, targets, servers, names }) {
  const steps = [
    { text: "check.key", done: true },
    { text: "check.server", done: servers?.length > 0 || (spot && hasApplications(spot)), view: "servers" },
    { text: "check.source", done: (spot && hasApplications(spot)) || targets?.some((/** @type {any} */ group) => group.targets.some((/** @type {any} */ target) => stateOf(target) === "ok")), view: servers?.length ? "openmetrics" : "servers" },
    { text: "check.data", done: names?.length > 0, view: "status" },
    { text: "check.query", done: isDone("query"), view: "explore" },
  ];
  if (steps.every((step) => step.done)) return null;
  return html`<${Panel} title=${t("check.title")}>
    <ul class="checklist">
      ${steps.map(
        (step) => html`<li key=${step.text} class=${step.done ? "done" : "open"}>
          <${Icon} name=${step.done ? "ok" : "wait"} /><span>${t(step.text)}<span class="visually-hidden"> – ${t(step.done ? "check.done" : "check.open")}</span></span>
          ${!step.done && step.view !== undefined && html`<a class="button" href=${href(step.view)}>${t("check.go")}</a>`}
        </li>`,
      )}
    </ul>
  <//>`;
}

const OWN_JOB = "@Bongsu";

/** What the server tells of itself, where it is stored in this project: the first thing that a new server has to show. */
function Itself() {
  const known = useLoad((abort) => prometheus("label/__name__/values", { limit: 1, "match[]": `{job=${JSON.stringify(OWN_JOB)}}` }, abort), [], { every: TARGETS_MS });
  if (!known.data?.length) return null;
  const own = `job=${JSON.stringify(OWN_JOB)}`;
  /** @type {any[]} */
  const charts = [
    { title: t("self.ingest"), unit: "perSecond", queries: [{ expr: `sum(rate(bongsu_tsdb_samples_total{${own}}[$__rate]))`, legend: t("self.samples") }] },
    { title: t("self.queries"), unit: "perSecond", queries: [{ expr: `sum by (outcome) (rate(bongsu_query_ended_total{${own}}[$__rate])) > 0`, legend: "{{outcome}}" }] },
    { title: t("self.memory"), unit: "bytes", queries: [{ expr: `process_resident_memory_bytes{${own}}`, legend: "RSS" }] },
    { title: t("self.cpu"), unit: "percent", queries: [{ expr: `100 * rate(process_cpu_seconds_total{${own}}[$__rate])`, legend: "CPU" }] },
  ];
  return html`<${Panel} title=${t("self.title")} class="own"><div class="grid four">
    ${charts.map((chart) => html`<${QueryPanel} key=${chart.title} ...${chart} min=${0} height=${90} every=${TARGETS_MS} empty=${{ why: t("self.none"), hint: t("self.noneHint") }} />`)}
  </div><//>`;
}
