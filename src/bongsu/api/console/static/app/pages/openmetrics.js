// OpenMetrics: workspaces on the left; the targets of the chosen one, with their state and its reason, on the right.
import { html, useState } from "../ui.js";
import { mayOwn, session } from "../api.js";
import { number } from "../format.js";
import { t } from "../i18n.js";
import { useLoad } from "../load.js";
import { lazy } from "../lazy.js";
import { Layouts } from "../layout/view.js";
import { exploreHref } from "../query.js";
import { go, href, place } from "../router.js";
import { loadAll, loadTargets, marked, reasonOf, stateOf } from "../targets.js";
import { Badge, Button, Empty, Loading, Panel } from "../widgets.js";
import { TrialButton } from "../target-trial.js";

const part = (/** @type {string} */ name) => lazy(() => import("../workspace-dialogs.js"), name, { quiet: true });
const ScrapeOptions = lazy(() => import("../scrape-options.js"), "ScrapeOptions", { quiet: true });
const [DeleteWorkspace, EditWorkspace, NewTargets, RemoveTargets] = ["DeleteWorkspace", "EditWorkspace", "NewTargets", "RemoveTargets"].map(part);

const ALL_MS = 15_000; // the pace of scraping; a request for each workspace
const CHOSEN_MS = 5000; // whoever has just added a target waits for its first result

export function Page() {
  const loaded = useLoad(loadAll, [], { every: ALL_MS });
  return html`<${Loading} of=${loaded}>
    ${(/** @type {any[]} */ groups) => {
      const { id } = place.value;
      const chosen = id ? groups.find((group) => group.workspace.jobId === id) : groups[0];
      return html`<div class="columns">
        <${List} groups=${groups} chosen=${chosen} reload=${loaded.reload} />
        ${chosen ? html`<${Detail} key=${chosen.workspace.jobId} group=${chosen} reload=${loaded.reload} />` : html`<${Missing} id=${id} />`}
      </div>`;
    }}
  <//>`;
}

/** @param {{groups: any[], chosen: any, reload: () => void}} props */
function List({ groups, chosen, reload }) {
  const [text, setText] = useState("");
  const [adding, setAdding] = useState(false);
  const shown = groups.filter(({ workspace }) => workspace.jobName.toLowerCase().includes(text.toLowerCase()));
  const open = (/** @type {any} */ workspace) => {
    reload();
    go(href(`openmetrics/${workspace.jobId}`));
  };
  return html`<${Panel} title=${t("workspaces.title")} actions=${html`<${Button} icon="plus" kind="quiet" onClick=${() => setAdding(true)}>${t("action.add")}<//>`}>
    <input class="search" type="search" data-search placeholder=${t("workspaces.search")} aria-label=${t("workspaces.search")} value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} />
    ${shown.length === 0 && html`<${Empty} why=${t("workspaces.noMatch")} />`}
    <ul class="list">
      ${shown.map(({ workspace, targets }) => html`<li key=${workspace.jobId}>
        <a href=${href(`openmetrics/${workspace.jobId}`)} aria-current=${workspace === chosen?.workspace ? "true" : undefined}>
          <span>${workspace.jobName}</span><${Health} targets=${targets} /><small>${workspace.metricsPath}</small>
        </a>
      </li>`)}
    </ul>
    ${adding && html`<${EditWorkspace} onClose=${() => setAdding(false)} onSaved=${open} />`}
  <//>`;
}

/** The worst state of a workspace's targets, with how many are in it. @param {{targets: any[]}} props */
function Health({ targets }) {
  const worst = /** @type {const} */ (["bad", "warn", "wait", "ok"]).find((state) => targets.some((target) => stateOf(target) === state));
  if (worst === undefined) return html`<span class="count">0</span>`;
  const count = targets.filter((target) => stateOf(target) === worst).length;
  return html`<${Badge} state=${worst} title=${t(`target.state.${worst}`)}>${number(count)}<//>`;
}

/** @param {{group: any, reload: () => void}} props */
function Detail({ group: { workspace, targets: known }, reload: reloadAll }) {
  const newest = useLoad(async (abort) => marked(workspace, await loadTargets(workspace.jobId, abort)), [workspace.jobId], { every: CHOSEN_MS });
  const targets = newest.data ?? known;
  const reload = () => {
    newest.reload();
    reloadAll();
  };
  const [dialog, setDialog] = useState("");
  const [picked, setPicked] = useState(/** @type {Set<string>} */ (new Set()));
  const close = () => setDialog("");
  const reserved = workspace.reservedJobCd !== null;
  const toggle = (/** @type {string} */ id) => {
    const next = new Set(picked);
    if (!next.delete(id)) next.add(id);
    setPicked(next);
  };
  const chosen = targets.filter((/** @type {any} */ target) => picked.has(target.targetId));
  const actions = html`
    ${chosen.length > 0 && html`<${Button} icon="trash" onClick=${() => setDialog("remove")}>${t("targets.removeCount", { count: chosen.length })}<//>`}
    ${!reserved && html`<${Button} icon="plus" kind="primary" onClick=${() => setDialog("targets")}>${t("targets.add")}<//>`}
    ${!reserved && html`<${Button} icon="edit" kind="quiet" label=${t("workspaces.edit")} onClick=${() => setDialog("edit")} />`}
    ${session.value.user && mayOwn() && html`<${Button} icon="gear" kind="quiet" label=${t("scrape.title")} onClick=${() => setDialog("scrape")} />`}
    ${!reserved && html`<${Button} icon="trash" kind="quiet" label=${t("workspaces.delete")} onClick=${() => setDialog("delete")} />`}
    <a class="button quiet" href=${exploreHref(`up{job=${JSON.stringify(workspace.jobName)}}`)}>${t("action.explore")}</a>
  `;
  return html`<div class="stack">
    <${Panel} title=${workspace.jobName} actions=${actions}>
      <p class="hint">${workspace.metricsPath}${workspace.description && ` · ${workspace.description}`}${reserved && ` · ${t("workspaces.reserved")}`}</p>
      ${targets.length === 0
        ? html`<${NoTargets} reserved=${reserved} onAdd=${() => setDialog("targets")} />`
        : html`<${Targets} targets=${targets} picked=${picked} onToggle=${reserved ? undefined : toggle} onPick=${setPicked} />`}
    <//>
    ${targets.length > 0 &&
    html`<${Layouts} key=${workspace.jobId} where=${workspace.jobId} given=${{ job: workspace.jobName }} loadDefault=${async (/** @type {AbortSignal} */ abort) => (await import("../layout/defaults.js")).loadDefault(workspace.jobName, abort)}
      empty=${{ why: t("layout.noMetrics"), hint: t("layout.noMetricsHint") }} />`}
    ${dialog === "targets" && html`<${NewTargets} workspace=${workspace} targets=${targets} onClose=${close} onSaved=${reload} />`}
    ${dialog === "remove" && html`<${RemoveTargets} workspace=${workspace} targets=${chosen} onClose=${close} onSaved=${() => (setPicked(new Set()), reload())} />`}
    ${dialog === "scrape" && html`<${ScrapeOptions} workspace=${workspace} onClose=${close} />`}
    ${dialog === "edit" && html`<${EditWorkspace} workspace=${workspace} onClose=${close} onSaved=${reload} />`}
    ${dialog === "delete" && html`<${DeleteWorkspace} workspace=${workspace} targets=${targets} onClose=${close} onSaved=${() => (reload(), go(href("openmetrics")))} />`}
  </div>`;
}

/** @param {{reserved: boolean, onAdd: () => void}} props */
function NoTargets({ reserved, onAdd }) {
  if (reserved) {
    return html`<${Empty} why=${t("targets.reservedNone")} hint=${t("targets.reservedNoneHint")}><a class="button primary" href=${href("servers")}>${t("nav.servers")}</a><//>`;
  }
  return html`<${Empty} why=${t("targets.noneHere")} hint=${t("targets.noneHint")}><${Button} kind="primary" icon="plus" onClick=${onAdd}>${t("targets.add")}<//><//>`;
}

/** @param {{targets: import("../targets.js").Target[], picked: Set<string>, onToggle?: (id: string) => void, onPick: (picked: Set<string>) => void}} props */
function Targets({ targets, picked, onToggle, onPick }) {
  const all = targets.every((target) => picked.has(target.targetId));
  const order = { bad: 0, warn: 1, wait: 2, ok: 3 };
  const sorted = [...targets].sort((a, b) => order[stateOf(a)] - order[stateOf(b)] || a.hostNm.localeCompare(b.hostNm) || a.port - b.port);
  return html`<div class="scroll targets"><table>
    <thead><tr>${onToggle && html`<th><input type="checkbox" aria-label=${t("targets.pickAll")} checked=${all} onChange=${() => onPick(all ? new Set() : new Set(targets.map((target) => target.targetId)))} /></th>`}<th scope="col">${t("targets.state")}</th><th scope="col">${t("targets.server")}</th><th scope="col">${t("targets.address")}</th><th scope="col">${t("targets.reason")}</th><th><span class="visually-hidden">${t("targets.test")}</span></th></tr></thead>
    <tbody>
      ${sorted.map((target) => {
        const state = stateOf(target);
        return html`<tr key=${target.targetId}>
          ${onToggle && html`<td><input type="checkbox" aria-label=${`${target.hostNm}:${target.port}`} checked=${picked.has(target.targetId)} onChange=${() => onToggle(target.targetId)} /></td>`}
          <td><${Badge} state=${state}>${t(`target.state.${state}`)}<//></td>
          <td class="long">${target.hostNm}</td>
          <td><code>${target.svrIp}:${target.port}</code></td>
          <td class="reason">${reasonOf(target)}</td>
          <td>${mayTest() && html`<${TrialButton} jobId=${target.jobId} hostId=${target.hostId} port=${target.port} label=${t("targets.testName", { name: `${target.hostNm}:${target.port}` })} />`}</td>
        </tr>`;
      })}
    </tbody>
  </table></div>`;
}

/** Only whoever may change targets may have one scraped. */
const mayTest = () => session.value.scopes.includes("manage");

/** @param {{id: string}} props */
function Missing({ id }) {
  return html`<${Panel}><${Empty} why=${id ? t("workspaces.gone") : t("workspaces.none")} hint=${t("workspaces.noneHint")} /><//>`;
}
