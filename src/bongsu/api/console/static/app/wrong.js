// What is wrong now, the worst first: alerts that fire, targets that are not collected, agents that fell silent, refused writes.
import { html, useRef } from "./ui.js";
import { prometheus } from "./api.js";
import { number } from "./format.js";
import { t } from "./i18n.js";
import { loadLimits } from "./limits.js";
import { useLoad } from "./load.js";
import { href } from "./router.js";
import { loadAgents } from "./spot.js";
import { awaitsExporter, reasonOf, stateOf } from "./targets.js";
import { Badge, CopyButton, Empty, Failure, Icon, Loading, Panel } from "./widgets.js";

const MOST_ROWS = 50; // a few screens; whoever has more wrong looks at the views behind
const ORDER = { bad: 0, warn: 1 };

/**
 * @typedef {{key: string, state: "bad" | "warn", what: string, where: any, why: any, link: string, mend: string}} Fault
 * @typedef {import("./load.js").Loaded<any>} Loaded
 */

/** @param {{targets: Loaded, spot: Loaded, every: number}} props */
export function Wrong({ targets, spot, every }) {
  const limits = useLoad(loadLimits, [], { every });
  const alerts = useLoad(loadAlerts, [], { every });
  const silent = (spot.data?.inact_agent ?? 0) > 0;
  const agents = useLoad(async (abort) => (silent ? loadAgents(abort) : []), [spot.data?.inact_agent]);
  const growing = useGrowing(limits.data);
  const checks = [targets, spot, limits, alerts, agents];
  const waiting = { ...targets, data: checks.every((one) => one.data !== undefined || one.error) ? (targets.data ?? []) : undefined };
  return html`<${Panel} title=${t("home.wrong")}>
    ${checks.slice(1).filter((one) => one.error).slice(0, 1).map((one) => html`<${Failure} error=${one.error} onRetry=${one.reload} />`)}
    <${Loading} of=${waiting}>
      ${(/** @type {any[]} */ groups) => {
        const faults = [
          ...(alerts.data ?? []).map(alertFault), ...targetFaults(groups), ...(agents.data ?? []).filter((/** @type {any} */ agent) => !agent.active).map(agentFault),
          ...(limits.data ?? []).filter((/** @type {any} */ limit) => limit.refused > 0).map((/** @type {any} */ limit) => limitFault(limit, growing.has(limit.name))),
        ].sort((a, b) => ORDER[a.state] - ORDER[b.state]);
        if (faults.length > 0) return html`<${Faults} list=${faults} />`;
        return checks.some((one) => one.error) ? null : html`<${AllGood} targets=${groups} spot=${spot.data} />`;
      }}
    <//>
  <//>`;
}

/** Series that every evaluator of Prometheus' rules writes: those of a server that sends its samples here are among them. @param {AbortSignal} abort */
const loadAlerts = async (abort) => (await prometheus("query", { query: 'ALERTS{alertstate="firing"}', limit: MOST_ROWS + 1 }, abort)).result;

/** Limits that refused something since the page was opened: what was refused before need not be wrong now. @param {import("./limits.js").Limit[] | undefined} limits @returns {Set<string>} */
function useGrowing(limits) {
  const known = useRef(/** @type {Map<string, number>} */ (new Map()));
  const growing = useRef(/** @type {Set<string>} */ (new Set()));
  for (const { name, refused } of limits ?? []) {
    const before = known.current.get(name);
    if (before !== undefined && (refused ?? 0) > before) growing.current.add(name);
    known.current.set(name, refused ?? 0);
  }
  return growing.current;
}

/** @param {{metric: Record<string, string>, value: [number, string]}} one @returns {Fault} */
function alertFault({ metric: { __name__: _, alertname = "", alertstate, severity, ...labels } }) {
  const about = Object.entries(labels).map(([name, value]) => `${name}=${value}`).join(", ");
  return {
    key: `alert ${alertname} ${about}`, state: severity === "critical" || severity === "error" ? "bad" : "warn", what: t("home.alert"), where: alertname, why: [severity, about].filter(Boolean).join(" · "),
    link: href("explore", { "g0.expr": `ALERTS{alertname=${JSON.stringify(alertname)}}` }), mend: t("action.explore"),
  };
}

/** @param {any[]} groups @returns {Fault[]} */
function targetFaults(groups) {
  return groups.flatMap(({ workspace, targets }) =>
    targets.filter((/** @type {any} */ target) => ["warn", "bad"].includes(stateOf(target))).map((/** @type {any} */ target) => ({
      key: target.targetId, state: stateOf(target), what: t(`target.state.${stateOf(target)}`),
      where: html`${target.hostNm} <span class="hint">${target.svrIp}:${target.port} · ${workspace.jobName}</span>`,
      why: reasonOf(target), link: href(`openmetrics/${workspace.jobId}`), mend: t("home.mend"),
    })),
  );
}

/** @param {any} agent @returns {Fault} */
const agentFault = (agent) => ({ key: `agent ${agent.oname}`, state: "warn", what: t("home.silentAgent"), where: agent.oname, why: t("home.silentWhy"), link: href("realtime"), mend: t("nav.realtime") });

/** @param {any} limit @param {boolean} growing @returns {Fault} */
const limitFault = (limit, growing) => ({
  key: `limit ${limit.name}`, state: growing ? "bad" : "warn", what: t("home.refused"), where: html`<code>${limit.name}</code>`,
  why: t(growing ? "home.refusedNow" : "home.refusedWhy", { refused: number(limit.refused), limit: number(limit.limit), setting: limit.setting }), link: href("status"), mend: t("home.mend"),
});

/** @param {{list: Fault[]}} props */
function Faults({ list }) {
  return html`<div class="scroll"><table class="faults">
      <thead><tr><th scope="col">${t("home.what")}</th><th scope="col">${t("home.where")}</th><th scope="col">${t("home.why")}</th><td></td></tr></thead>
      <tbody>${list.slice(0, MOST_ROWS).map(({ key, state, what, where, why, link, mend }) => html`<tr key=${key}>
        <td><${Badge} state=${state}>${what}<//></td><td class="long">${where}</td><td class="reason">${why}</td><td class="number"><a class="button quiet" href=${link}>${mend}</a></td>
      </tr>`)}</tbody>
    </table></div>
    ${list.length > MOST_ROWS && html`<p class="hint">${t("home.more", { count: list.length - MOST_ROWS })}</p>`}`;
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
  return html`<div class="good"><${Icon} name="ok" /><div><strong>${t("home.allGood")}</strong><span class="hint">${t("home.allGoodHint", { collecting, agents })} · ${t("home.noAlerts")}</span></div></div>`;
}
