// Home: what is wrong now, how the service does, and what a newcomer does next.
import { html } from "../ui.js";
import { nowMs, prometheus, session } from "../api.js";
import { withUnit } from "../format.js";
import { t } from "../i18n.js";
import { lazy } from "../lazy.js";
import { useLoad } from "../load.js";
import { href } from "../router.js";
import { isDone } from "../settings.js";
import { sample } from "../series.js";
import { Sparkline } from "../spark.js";
import { apdexBand, hasApplications, loadSpot, NUMBERS, TICK_MS } from "../spot.js";
import { loadAll, loadServers, stateOf } from "../targets.js";
import { Badge, Empty, Icon, Loading, Panel, Stat } from "../widgets.js";
import { Wrong } from "../wrong.js";

/** Charts and their library come after what is wrong is known. */
const Itself = lazy(() => import("../itself.js"), "Itself");
const Machines = lazy(() => import("../machines.js"), "Machines");

const TARGETS_MS = 15_000; // targets are scraped at this pace by default
const SPARK = { span: 900, step: 15 }; // a quarter of an hour, sixty points

export function Page() {
  const targets = useLoad(loadAll, [], { every: TARGETS_MS });
  const spot = useLoad(loadSpot, [], { every: TICK_MS });
  const servers = useLoad(loadServers, [], { every: TARGETS_MS });
  const names = useLoad(loadAnyMetric, [], { every: TARGETS_MS });
  return html`
    <${Wrong} targets=${targets} spot=${spot} every=${TARGETS_MS} />
    <${Golden} spot=${spot} />
    <div class="split home">
      <${Machines} targets=${targets} every=${TARGETS_MS} />
      <${Collecting} targets=${targets} />
      <${Checklist} spot=${spot} targets=${targets} servers=${servers} names=${names} />
    </div>
    <${Itself} job=${OWN_JOB} />
  `;
}

/** At most one name, and not one that the server wrote about itself: it only tells whether data has come. @param {AbortSignal} abort @returns {Promise<string[]>} */
const loadAnyMetric = (abort) => prometheus("label/__name__/values", { limit: 1, "match[]": `{__name__=~".+",job!=${JSON.stringify(OWN_JOB)}}` }, abort);

/** The numbers that tell most, with the last quarter of an hour where the store has it. */
const SHOWN = ["tps", "rtime", "actx", "user", "cpu", "apdex"];

/** @param {{spot: any}} props */
function Golden({ spot }) {
  const trends = useLoad(loadTrends, [], { every: TARGETS_MS });
  if (spot.data && !hasApplications(spot.data)) return null;
  const failed = trends.data?.failed ?? [];
  const newest = failed[failed.length - 1];
  return html`<${Loading} of=${spot}>
    ${(/** @type {any} */ numbers) => html`<div class="stats golden">
      ${NUMBERS.filter((one) => SHOWN.includes(one.name)).map(
        (one) => html`<${Stat} key=${one.name} label=${t(`spot.${one.name}`)} value=${withUnit(numbers[one.spot], one.unit)} href=${href("realtime")}
          state=${one.name === "apdex" && numbers.txcount > 0 ? apdexBand(numbers.apdex) : ""}>
          <${Sparkline} values=${trends.data?.[one.name]} />
        <//>`,
      )}
      <${Stat} label=${t("home.failed")} value=${withUnit(newest, "percent")} href=${href("realtime")} state=${newest > MANY_FAILED ? "bad" : newest > SOME_FAILED ? "warn" : ""}><${Sparkline} values=${failed} /><//>
      <${Stat} label=${t("spot.act_agent")} value=${`${numbers.act_agent} / ${numbers.act_agent + numbers.inact_agent}`} href=${href("realtime")} state=${numbers.inact_agent > 0 ? "warn" : ""}><${Sparkline} values=${trends.data?.act_agent} /><//>
    </div>`}
  <//>`;
}

/** Percent of the transactions: one in a hundred is worth a look, one in twenty is felt by users. */
const [SOME_FAILED, MANY_FAILED] = [1, 5];

/** Percent of the transactions of a minute; the label keeps it apart from the others, which have none. */
const FAILED = 'label_replace(100 * sum_over_time(bongsu_apm_errors[1m]) / sum_over_time(bongsu_apm_txcount[1m]), "kind", "failed", "", "")';

/** @param {AbortSignal} abort @returns {Promise<Record<string, number[]>>} */
async function loadTrends(abort) {
  const end = Math.floor(nowMs() / 1000 / SPARK.step) * SPARK.step;
  const query = `{__name__=~"bongsu_apm_(${[...SHOWN, "act_agent"].join("|")})"} or ${FAILED}`;
  const data = await prometheus("query_range", { query, start: end - SPARK.span, end, step: SPARK.step }, abort);
  const named = data.result.map((/** @type {any} */ { metric, values }) => [
    metric.kind ?? metric.__name__.replace("bongsu_apm_", ""),
    values.map((/** @type {any} */ pair) => sample(pair[1])).filter(Number.isFinite),
  ]);
  return Object.fromEntries(named);
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

/**
 * What is left to do, once it is known: steps that were done long ago are not shown as open for a moment.
 * @param {Record<"spot" | "targets" | "servers" | "names", import("../load.js").Loaded<any>>} loaded
 */
function Checklist(loaded) {
  if (Object.values(loaded).some((one) => one.data === undefined && !one.error)) return null;
  const { user, mayMakeFirst } = session.value;
  const [spot, targets, servers, names] = [loaded.spot.data, loaded.targets.data, loaded.servers.data, loaded.names.data];
  const steps = [
    { text: "check.key", done: true },
    // Only who came by the server's own link, or has an account, knows and may do something about it.
    ...(mayMakeFirst || user ? [{ text: "check.account", done: !mayMakeFirst, view: "settings" }] : []),
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

/** Where the server writes what it tells of itself. */
const OWN_JOB = "@Bongsu";
