// Servers: the list with what is collected from each, and a default layout of the chosen one.
import { html, useState } from "../ui.js";
import { session } from "../api.js";
import { t } from "../i18n.js";
import { useLoad } from "../load.js";
import { QueryPanel } from "../query.js";
import { href, place, ROOT } from "../router.js";
import { loadAll, loadServers, stateOf } from "../targets.js";
import { Badge, CopyButton, Empty, Loading, Panel } from "../widgets.js";

const EVERY_MS = 15_000;

/** @param {AbortSignal} abort */
async function load(abort) {
  const [servers, groups] = await Promise.all([loadServers(abort), loadAll(abort)]);
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

/** The worst of a server's targets tells how it is. @param {any[]} targets @returns {import("../targets.js").State} */
function health(targets) {
  return /** @type {const} */ (["bad", "warn", "ok"]).find((state) => targets.some((target) => stateOf(target) === state)) ?? "wait";
}

/** @param {{rows: any[], chosen: any}} props */
function List({ rows, chosen }) {
  const [text, setText] = useState("");
  const wanted = text.toLowerCase();
  const shown = rows.filter(({ server }) => `${server.hostNm} ${server.svrIp}`.toLowerCase().includes(wanted));
  return html`<${Panel} title=${t("nav.servers")}>
    <input class="search" type="search" data-search placeholder=${t("servers.search")} aria-label=${t("servers.search")} value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} />
    ${shown.length === 0 && html`<${Empty} why=${t("servers.noMatch")} />`}
    <ul class="list">
      ${shown.map(({ server, targets }) => html`<li key=${server.hostId}>
        <a href=${href(`servers/${server.hostId}`)} aria-current=${server === chosen?.server ? "true" : undefined}>
          <span>${server.hostNm}</span><${Badge} state=${health(targets)}>${t(`server.state.${health(targets)}`)}<//><small>${server.svrIp}</small>
        </a>
      </li>`)}
    </ul>
    <details><summary class="hint">${t("servers.add")}</summary><${HowToAdd} /></details>
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

/** @param {{row: any}} props */
function Detail({ row: { server, targets } }) {
  return html`<div class="stack">
    <${Panel} title=${server.hostNm}>
      <p class="hint">${server.svrIp}${server.instanceId && ` · ${server.instanceId}`}</p>
      ${targets.length === 0
        ? html`<${Empty} why=${t("servers.notCollected")} hint=${t("servers.notCollectedHint")}><a class="button primary" href=${href("openmetrics")}>${t("nav.openmetrics")}</a><//>`
        : html`<table><tbody>${targets.map((/** @type {any} */ target) => html`<tr key=${target.targetId}>
            <th scope="row"><a href=${href(`openmetrics/${target.jobId}`)}>${target.workspace.jobName}</a></th>
            <td><code>:${target.port}${target.workspace.metricsPath}</code></td>
            <td><${Badge} state=${stateOf(target)}>${t(`target.state.${stateOf(target)}`)}<//></td>
            <td>${target.failReason}</td>
          </tr>`)}</tbody></table>`}
    <//>
    ${targets.length > 0 && html`<div class="grid"><${Layout} targets=${targets} /></div>`}
  </div>`;
}

/** What node exporter tells of a machine. @param {{targets: any[]}} props */
function Layout({ targets }) {
  const own = `openmetrics_id=~"${targets.map((target) => target.targetId).join("|")}"`;
  const real = `${own},fstype!~"tmpfs|overlay|squashfs|ramfs|fuse.*"`;
  /** @type {any[]} */
  const charts = [
    { title: t("server.cpu"), queries: [{ expr: `100 * sum by (mode) (rate(node_cpu_seconds_total{${own},mode!="idle"}[$__rate])) / scalar(count(node_cpu_seconds_total{${own},mode="idle"}))`, legend: "{{mode}}" }], unit: "percent", min: 0 },
    { title: t("server.load"), queries: ["1", "5", "15"].map((minutes) => ({ expr: `node_load${minutes}{${own}}`, legend: `${minutes} min` })), min: 0 },
    { title: t("server.memory"), queries: [{ expr: `node_memory_MemTotal_bytes{${own}} - node_memory_MemAvailable_bytes{${own}}`, legend: t("server.used") }, { expr: `node_memory_MemTotal_bytes{${own}}`, legend: t("server.total") }], unit: "bytes", min: 0 },
    { title: t("server.filesystem"), queries: [{ expr: `100 - 100 * node_filesystem_avail_bytes{${real}} / node_filesystem_size_bytes{${real}}`, legend: "{{mountpoint}}" }], unit: "percent", min: 0, max: 100 },
    { title: t("server.disk"), queries: [{ expr: `sum by (device) (rate(node_disk_read_bytes_total{${own}}[$__rate]))`, legend: `{{device}} ${t("server.read")}` }, { expr: `sum by (device) (rate(node_disk_written_bytes_total{${own}}[$__rate]))`, legend: `{{device}} ${t("server.write")}` }], unit: "bytesPerSecond", min: 0 },
    { title: t("server.network"), queries: [{ expr: `rate(node_network_receive_bytes_total{${own},device!="lo"}[$__rate])`, legend: `{{device}} ${t("server.in")}` }, { expr: `rate(node_network_transmit_bytes_total{${own},device!="lo"}[$__rate])`, legend: `{{device}} ${t("server.out")}` }], unit: "bytesPerSecond", min: 0 },
  ];
  return charts.map((chart) => html`<${QueryPanel} key=${chart.title} ...${chart} height=${150} empty=${{ why: t("server.noNode"), hint: t("server.noNodeHint") }} />`);
}
