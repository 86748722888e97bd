// How busy the servers are at a glance: processor, memory and the fullest disk of each, the busiest first.
import { html } from "./ui.js";
import { prometheus } from "./api.js";
import { number } from "./format.js";
import { t } from "./i18n.js";
import { useLoad } from "./load.js";
import { href } from "./router.js";
import { sample } from "./series.js";
import { Panel } from "./widgets.js";

const MOST_ROWS = 8; // what is seen without scrolling; the view of the servers has all of them
const [HIGH, FULL] = [80, 90]; // percent, as the gauges of a server have it

const DISK = 'fstype!~"tmpfs|overlay|squashfs|ramfs|fuse.*"';
/** Percent by target, of Linux and of Windows machines: one question for all of them. */
const QUERIES = {
  cpu: '100 - 100 * avg by (openmetrics_id) (rate({__name__=~"node_cpu_seconds_total|windows_cpu_time_total",mode="idle"}[2m]))',
  memory: '100 - 100 * max by (openmetrics_id) ({__name__=~"node_memory_MemAvailable_bytes|windows_memory_available_bytes"}) / max by (openmetrics_id) ({__name__=~"node_memory_MemTotal_bytes|windows_cs_physical_memory_bytes|windows_memory_physical_total_bytes"})',
  disk: `max by (openmetrics_id) (100 - 100 * node_filesystem_avail_bytes{${DISK}} / node_filesystem_size_bytes{${DISK}} or 100 - 100 * windows_logical_disk_free_bytes / windows_logical_disk_size_bytes)`,
};
const PARTS = /** @type {(keyof typeof QUERIES)[]} */ (Object.keys(QUERIES));
const QUERY = PARTS.map((part) => `label_replace(${QUERIES[part]}, "part", "${part}", "", "")`).join(" or ");

/** @typedef {{hostId: string, name: string} & Partial<Record<keyof typeof QUERIES, number>>} Machine */

/** @param {{targets: import("./load.js").Loaded<any>, every: number}} props */
export function Machines({ targets, every }) {
  const loaded = useLoad((abort) => prometheus("query", { query: QUERY }, abort), [], { every });
  const machines = machinesOf(loaded.data?.result ?? [], (targets.data ?? []).flatMap((/** @type {any} */ group) => group.targets));
  if (machines.length === 0) return null;
  return html`<${Panel} title=${t("home.machines")} actions=${machines.length > MOST_ROWS && html`<a class="button quiet" href=${href("servers")}>${t("home.allMachines", { count: machines.length })}</a>`}>
    <table class="machines">
      <thead><tr><th scope="col">${t("home.where")}</th>${PARTS.map((part) => html`<th scope="col" key=${part}>${t(`home.${part}`)}</th>`)}</tr></thead>
      <tbody>${machines.slice(0, MOST_ROWS).map((one) => html`<tr key=${one.hostId}>
        <th scope="row" class="clip" title=${one.name}><a href=${href(`servers/${one.hostId}`)}>${one.name}</a></th>
        ${PARTS.map((part) => html`<td key=${part}><${Share} value=${one[part]} /></td>`)}
      </tr>`)}</tbody>
    </table>
  <//>`;
}

/** @param {any[]} result @param {import("./targets.js").Target[]} targets @returns {Machine[]} the fullest first */
export function machinesOf(result, targets) {
  const owners = new Map(targets.map((target) => [target.targetId, target]));
  /** @type {Map<string, Machine>} */
  const found = new Map();
  for (const { metric, value } of result) {
    const owner = owners.get(metric.openmetrics_id);
    if (owner) found.set(owner.hostId, { ...(found.get(owner.hostId) ?? { hostId: owner.hostId, name: owner.hostNm }), [metric.part]: sample(value[1]) });
  }
  const worst = (/** @type {Machine} */ one) => Math.max(...PARTS.map((part) => one[part] ?? 0));
  return [...found.values()].sort((a, b) => worst(b) - worst(a) || a.name.localeCompare(b.name));
}

/** @param {{value?: number}} props percent */
function Share({ value }) {
  if (value === undefined || !Number.isFinite(value)) return html`<span class="hint">–</span>`;
  const state = value >= FULL ? "bad" : value >= HIGH ? "warn" : "";
  return html`<span class=${`share ${state}`}><span aria-hidden="true"><i style=${{ width: `${Math.max(0, Math.min(100, value))}%` }}></i></span><b>${number(value, 0)}%</b></span>`;
}
