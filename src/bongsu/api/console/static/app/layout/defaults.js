// A layout to begin with, made from what a workspace's metrics are called and what types they have.
import { prometheus } from "../api.js";
import { t } from "../i18n.js";

/** @typedef {import("./place.js").Panel} Panel */
/** @typedef {{panels: Panel[], variables: import("./variables.js").Variable[], notes: string[]}} Layout */

const MOST_PANELS = 30; // some screens; what else there is can be added, or asked in Explore
const MOST_NAMES = 5000;

/** What every exporter tells of its own process, in its library's words: shown last. */
const RUNTIME = /^(go_|process_|python_|promhttp_|prometheus_target|jvm_|nodejs_|scrape_)/;

/** @param {string} job @param {AbortSignal} abort @returns {Promise<Layout>} */
export async function loadDefault(job, abort) {
  // What was collected here, and not what an application of the same name reports by itself.
  const match = `{job=${JSON.stringify(job)},openmetrics_id!=""}`;
  const [names, metadata] = await Promise.all([
    prometheus("label/__name__/values", { "match[]": match, limit: MOST_NAMES }, abort),
    prometheus("metadata", { limit: MOST_NAMES }, abort),
  ]);
  return defaultLayout(names, metadata);
}

/** @param {string[]} names @param {Record<string, {type: string, help?: string}[]>} metadata @returns {Layout} */
export function defaultLayout(names, metadata) {
  const known = new Set(names);
  if (known.has("node_cpu_seconds_total")) return laidOut(nodePanels('job="$job",instance=~"$instance"', known), [INSTANCE]);
  const families = familiesOf(names, metadata);
  const ordered = [...families].sort((a, b) => rank(a.name) - rank(b.name) || a.name.localeCompare(b.name));
  const own = 'job="$job",instance=~"$instance"';
  return laidOut([...health(own), ...ordered.slice(0, MOST_PANELS - 2).map((family) => familyPanel(family, own))], [INSTANCE]);
}

/** The instances of the workspace. */
const INSTANCE = { name: "instance", label: "", query: 'label_values(up{job="$job"}, instance)', multi: true, all: true, value: "" };

/** @param {string} name */
const rank = (name) => (RUNTIME.test(name) ? 1 : 0);

/** @typedef {{name: string, type: string, help: string}} Family */

/** Buckets, sums and counts belong to one metric. @param {string[]} names @param {Record<string, {type: string, help?: string}[]>} metadata @returns {Family[]} */
function familiesOf(names, metadata) {
  const known = new Set(names);
  /** @type {Map<string, Family>} */
  const families = new Map();
  for (const name of names) {
    const base = name.replace(/_(bucket|sum|count)$/, "");
    const grouped = base !== name && (known.has(`${base}_bucket`) || (known.has(`${base}_sum`) && known.has(`${base}_count`)));
    const family = grouped ? base : name;
    const told = metadata[family]?.[0] ?? metadata[family.replace(/_total$/, "")]?.[0];
    const type = known.has(`${base}_bucket`) && grouped ? "histogram" : grouped ? "summary" : typeOf(family, told?.type);
    if (type !== "info") families.set(family, { name: family, type, help: told?.help ?? "" });
  }
  return [...families.values()].filter(({ name }) => name !== "up" && !name.startsWith("scrape_"));
}

/** @param {string} name @param {string} [told] */
function typeOf(name, told) {
  if (/_info$/.test(name) || told === "info") return "info";
  if (told === "counter" || /_total$/.test(name)) return "counter";
  return /_created$/.test(name) ? "info" : "gauge";
}

/** @param {string} own the selector of the layout's series @returns {Omit<Panel, "x" | "y" | "id">[]} */
const health = (own) => [
  { title: t("default.up"), kind: "stat", w: 3, h: 3, unit: "none", queries: [{ expr: `sum(up{${own}})` }], steps: [{ at: null, state: "bad" }, { at: 1, state: "ok" }] },
  { title: t("targets.duration"), kind: "lines", w: 9, h: 3, unit: "s", min: 0, queries: [{ expr: `scrape_duration_seconds{${own}}`, legend: "{{instance}}" }] },
];

/** @param {Family} family @param {string} own @returns {Omit<Panel, "x" | "y" | "id">} */
function familyPanel({ name, type, help }, own) {
  const common = { title: name, kind: /** @type {const} */ ("lines"), w: 6, h: 5, describes: help };
  if (type === "histogram") {
    const at = (/** @type {number} */ quantile) => ({ expr: `histogram_quantile(${quantile}, sum by (le) (rate(${name}_bucket{${own}}[$__rate])))`, legend: `p${quantile * 100}` });
    return { ...common, unit: unitOf(name), min: 0, queries: [0.5, 0.9, 0.99].map(at) };
  }
  if (type === "summary") {
    return { ...common, unit: unitOf(name), min: 0, queries: [{ expr: `sum by (instance) (rate(${name}_sum{${own}}[$__rate])) / sum by (instance) (rate(${name}_count{${own}}[$__rate]))`, legend: "{{instance}}" }] };
  }
  if (type === "counter") {
    const seconds = /_seconds_total$/.test(name);
    return { ...common, unit: seconds ? "none" : /_bytes_total$/.test(name) ? "bytesPerSecond" : "perSecond", min: 0, queries: [{ expr: `sum by (instance) (rate(${name}{${own}}[$__rate]))`, legend: "{{instance}}" }] };
  }
  if (/_timestamp_seconds$/.test(name)) return { ...common, unit: "s", queries: [{ expr: `time() - ${name}{${own}}` }] };
  return { ...common, unit: unitOf(name), queries: [{ expr: `${name}{${own}}` }] };
}

/** Metrics carry their unit in their name. @param {string} name */
function unitOf(name) {
  if (/_bytes$/.test(name)) return "bytes";
  if (/_seconds$/.test(name)) return "s";
  if (/_milliseconds$|_ms$/.test(name)) return "ms";
  if (/_ratio$/.test(name)) return "ratio";
  return /_percent$/.test(name) ? "percent" : "none";
}

/** What node exporter tells of a machine. @param {string} own @param {Set<string>} [known] names that there are; all when left out @returns {Omit<Panel, "x" | "y" | "id">[]} */
export function nodePanels(own, known) {
  const real = `${own},fstype!~"tmpfs|overlay|squashfs|ramfs|fuse.*"`;
  /** @type {(Omit<Panel, "x" | "y" | "id"> & {needs: string})[]} */
  const panels = [
    { needs: "node_boot_time_seconds", title: t("default.uptime"), kind: "stat", w: 2, h: 3, unit: "duration", queries: [{ expr: `max(time() - node_boot_time_seconds{${own}})` }] },
    { needs: "node_cpu_seconds_total", title: t("default.cores"), kind: "stat", w: 2, h: 3, unit: "none", queries: [{ expr: `count(count by (instance, cpu) (node_cpu_seconds_total{${own}}))` }] },
    { needs: "node_memory_MemTotal_bytes", title: t("default.memory"), kind: "stat", w: 2, h: 3, unit: "bytes", queries: [{ expr: `sum(node_memory_MemTotal_bytes{${own}})` }] },
    { needs: "node_cpu_seconds_total", title: t("default.cpuNow"), kind: "gauge", w: 2, h: 3, unit: "percent", min: 0, max: 100, steps: GAUGE, queries: [{ expr: `100 - 100 * avg(rate(node_cpu_seconds_total{${own},mode="idle"}[$__rate]))` }] },
    { needs: "node_memory_MemAvailable_bytes", title: t("default.memoryNow"), kind: "gauge", w: 2, h: 3, unit: "percent", min: 0, max: 100, steps: GAUGE, queries: [{ expr: `100 - 100 * sum(node_memory_MemAvailable_bytes{${own}}) / sum(node_memory_MemTotal_bytes{${own}})` }] },
    { needs: "node_filesystem_avail_bytes", title: t("default.diskNow"), kind: "gauge", w: 2, h: 3, unit: "percent", min: 0, max: 100, steps: GAUGE, queries: [{ expr: `100 - 100 * min(node_filesystem_avail_bytes{${real}} / node_filesystem_size_bytes{${real}})` }] },
    { needs: "node_cpu_seconds_total", title: t("server.cpu"), kind: "lines", w: 6, h: 5, unit: "percent", min: 0, stack: true, fill: true, queries: [{ expr: `100 * sum by (mode) (rate(node_cpu_seconds_total{${own},mode!="idle"}[$__rate])) / scalar(count(node_cpu_seconds_total{${own},mode="idle"}))`, legend: "{{mode}}" }] },
    { needs: "node_load1", title: t("server.load"), kind: "lines", w: 6, h: 5, unit: "none", min: 0, queries: ["1", "5", "15"].map((minutes) => ({ expr: `node_load${minutes}{${own}}`, legend: `${minutes} min` })) },
    { needs: "node_memory_MemTotal_bytes", title: t("server.memory"), kind: "lines", w: 6, h: 5, unit: "bytes", min: 0, queries: [{ expr: `node_memory_MemTotal_bytes{${own}} - node_memory_MemAvailable_bytes{${own}}`, legend: t("server.used") }, { expr: `node_memory_MemTotal_bytes{${own}}`, legend: t("server.total") }] },
    { needs: "node_filesystem_avail_bytes", title: t("server.filesystem"), kind: "lines", w: 6, h: 5, unit: "percent", min: 0, max: 100, queries: [{ expr: `100 - 100 * node_filesystem_avail_bytes{${real}} / node_filesystem_size_bytes{${real}}`, legend: "{{mountpoint}}" }] },
    { needs: "node_disk_read_bytes_total", title: t("server.disk"), kind: "lines", w: 6, h: 5, unit: "bytesPerSecond", min: 0, queries: [{ expr: `sum by (device) (rate(node_disk_read_bytes_total{${own}}[$__rate]))`, legend: `{{device}} ${t("server.read")}` }, { expr: `sum by (device) (rate(node_disk_written_bytes_total{${own}}[$__rate]))`, legend: `{{device}} ${t("server.write")}` }] },
    { needs: "node_network_receive_bytes_total", title: t("server.network"), kind: "lines", w: 6, h: 5, unit: "bytesPerSecond", min: 0, queries: [{ expr: `rate(node_network_receive_bytes_total{${own},device!="lo"}[$__rate])`, legend: `{{device}} ${t("server.in")}` }, { expr: `rate(node_network_transmit_bytes_total{${own},device!="lo"}[$__rate])`, legend: `{{device}} ${t("server.out")}` }] },
  ];
  return panels.filter(({ needs }) => known === undefined || known.has(needs)).map(({ needs, ...panel }) => panel);
}

/** @type {import("./place.js").Step[]} */
const GAUGE = [{ at: null, state: "ok" }, { at: 80, state: "warn" }, { at: 90, state: "bad" }];

/** Panels without a place, from left to right and from row to row. @param {Omit<Panel, "x" | "y" | "id">[]} panels @param {import("./variables.js").Variable[]} [variables] @returns {Layout} */
export function laidOut(panels, variables = []) {
  let [x, y, high] = [0, 0, 0];
  const placed = panels.map((panel, index) => {
    if (x + panel.w > 12) [x, y, high] = [0, y + high, 0];
    const at = { ...panel, id: `p${index + 1}`, x, y };
    x += panel.w;
    high = Math.max(high, panel.h);
    return at;
  });
  return { panels: placed, variables, notes: [] };
}
