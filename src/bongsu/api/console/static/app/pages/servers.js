// Servers: the list with what is collected from each, and a default layout of the chosen one.
import { html, useState } from "../ui.js";
import { session } from "../api.js";
import { t } from "../i18n.js";
import { useLoad } from "../load.js";
import { Layouts } from "../layout/view.js";
import { href, place, ROOT } from "../router.js";
import { HEALTH, loadServerStates, reasonOfServer } from "../server-states.js";
import { loadAll, reasonOf, stateOf } from "../targets.js";
import { Badge, CopyButton, Empty, Loading, Panel } from "../widgets.js";

const EVERY_MS = 15_000;

/** @param {AbortSignal} abort */
async function load(abort) {
  const [servers, groups] = await Promise.all([loadServerStates(abort), loadAll(abort)]);
  return servers.map((server) => ({
    server,
    targets: groups.flatMap(({ workspace, targets }) => targets.filter((target) => target.hostId === server.hostId).map((target) => ({ ...target, workspace }))),
  }));
}

export function Page() {
  const loaded = useLoad(load, [], { every: EVERY_MS });
  return html`<${Loading} of=${loaded}>
    ${(/** @type {any[]} */ rows) => {
      if (rows.length === 0) return html`<${Panel}><${Empty} why=${t("servers.none")} hint=${t("servers.noneHint")}><//><${HowToAdd} /><//>`;
      const { id } = place.value;
      const chosen = id ? rows.find((row) => row.server.hostId === id) : rows[0];
      return html`<div class="columns">
        <${List} rows=${rows} chosen=${chosen} />
        ${chosen ? html`<${Detail} key=${chosen.server.hostId} row=${chosen} />` : html`<${Panel}><${Empty} why=${t("servers.gone")} /><//>`}
      </div>`;
    }}
  <//>`;
}

/** @param {{health: keyof typeof HEALTH, count?: number}} props */
const Health = ({ health, count }) => html`<${Badge} state=${HEALTH[health]}>${count !== undefined && `${count} `}${t(`server.health.${health}`)}<//>`;

/** @param {{rows: any[], chosen: any}} props */
function List({ rows, chosen }) {
  const [text, setText] = useState("");
  const [withRemoved, setWithRemoved] = useState(false);
  const wanted = text.toLowerCase();
  const removed = rows.filter(({ server }) => server.state.health === "deleted");
  const shown = rows.filter((row) => (withRemoved || row === chosen || !removed.includes(row)) && `${row.server.hostNm} ${row.server.svrIp}`.toLowerCase().includes(wanted));
  const counts = /** @type {(keyof typeof HEALTH)[]} */ (Object.keys(HEALTH)).map((health) => ({ health, count: rows.filter(({ server }) => server.state.health === health).length }));
  return html`<${Panel} title=${t("nav.servers")}>
    <input class="search" type="search" data-search placeholder=${t("servers.search")} aria-label=${t("servers.search")} value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} />
    <div class="actions apart">${counts.filter(({ count }) => count > 0).map((one) => html`<${Health} key=${one.health} ...${one} />`)}</div>
    ${removed.length > 0 && html`<label class="check"><input type="checkbox" checked=${withRemoved} onChange=${(/** @type {any} */ event) => setWithRemoved(event.target.checked)} /> ${t("servers.withRemoved")}</label>`}
    ${shown.length === 0 && html`<${Empty} why=${t("servers.noMatch")} />`}
    <ul class="list">
      ${shown.map(({ server, targets }) => html`<li key=${server.hostId}>
        <a href=${href(`servers/${server.hostId}`)} aria-current=${server === chosen?.server ? "true" : undefined}>
          <span title=${server.hostNm}>${server.hostNm}</span><${Health} health=${server.state.health} /><small>${[server.svrIp, reasonOfServer(server.state, targets)].filter(Boolean).join(" · ")}</small>
        </a>
      </li>`)}
    </ul>
    <details class="apart"><summary class="hint">${t("servers.add")}</summary><${HowToAdd} /></details>
  <//>`;
}

/** Only the operator's admin token may name addresses to be scraped, so the console shows the call and does not make it. */
function HowToAdd() {
  const { projectId } = session.value.project;
  const line = `curl -X POST '${location.origin}${ROOT}/admin/v1/projects/${projectId}/servers' \\
  -H "Authorization: Bearer $BONGSU_ADMIN_TOKEN" -H 'Content-Type: application/json' \\
  -d '{"hostNm": "web-1", "svrIp": "10.0.0.5"}'`;
  return html`<div class="stack"><p class="hint">${t("servers.how")}</p><pre class="snippet"><code>${line}</code></pre><div class="actions"><${CopyButton} text=${line} /></div></div>`;
}

async function loadMachine() {
  const { laidOut, nodePanels } = await import("../layout/defaults.js");
  return laidOut(nodePanels('openmetrics_id=~"$targets"'));
}

/** @param {{row: any}} props */
function Detail({ row: { server, targets } }) {
  return html`<div class="stack">
    <${Panel} title=${server.hostNm}>
      <p class="hint">${server.svrIp}${server.instanceId && ` · ${server.instanceId}`}</p>
      <p class="actions apart"><${Health} health=${server.state.health} /> ${reasonOfServer(server.state, targets)}</p>
      ${server.state.health === "deleted"
        ? html`<p class="hint">${t("server.removedHint")}</p>`
        : targets.length === 0
        ? html`<${Empty} why=${t("servers.notCollected")} hint=${t("servers.notCollectedHint")}><a class="button primary" href=${href("openmetrics")}>${t("nav.openmetrics")}</a><//>`
        : html`<div class="scroll" tabindex="0"><table><tbody>${targets.map((/** @type {any} */ target) => html`<tr key=${target.targetId}>
            <th scope="row" class="long"><a href=${href(`openmetrics/${target.jobId}`)}>${target.workspace.jobName}</a></th>
            <td><code>:${target.port}${target.workspace.metricsPath}</code></td>
            <td><${Badge} state=${stateOf(target)}>${t(`target.state.${stateOf(target)}`)}<//></td>
            <td class="reason">${reasonOf(target)}</td>
          </tr>`)}</tbody></table></div>`}
    <//>
    ${targets.length > 0 &&
    html`<${Layouts} where="servers" given=${{ targets: targets.map((/** @type {any} */ target) => target.targetId).join("|"), server: server.hostNm }}
      loadDefault=${loadMachine} empty=${{ why: t("server.noNode"), hint: t("server.noNodeHint") }} />`}
  </div>`;
}
