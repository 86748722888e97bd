// What the server tells of itself, where it is stored in this project: the first thing that a new server has to show.
import { html } from "./ui.js";
import { prometheus } from "./api.js";
import { t } from "./i18n.js";
import { useLoad } from "./load.js";
import { QueryPanel } from "./query.js";
import { Panel } from "./widgets.js";

const EVERY_MS = 15_000; // the pace at which the server stores its own metrics

/** @param {{job: string}} props */
export function Itself({ job }) {
  const own = `job=${JSON.stringify(job)}`;
  const known = useLoad((abort) => prometheus("label/__name__/values", { limit: 1, "match[]": `{${own}}` }, abort), [], { every: EVERY_MS });
  if (!known.data?.length) return null;
  /** @type {any[]} */
  const charts = [
    { title: t("self.ingest"), unit: "perSecond", queries: [{ expr: `sum(rate(bongsu_tsdb_samples_total{${own}}[$__rate]))`, legend: t("self.samples") }] },
    { title: t("self.queries"), unit: "perSecond", queries: [{ expr: `sum by (outcome) (rate(bongsu_query_ended_total{${own}}[$__rate])) > 0`, legend: "{{outcome}}" }] },
    { title: t("self.memory"), unit: "bytes", queries: [{ expr: `process_resident_memory_bytes{${own}}`, legend: "RSS" }] },
    { title: t("self.cpu"), unit: "percent", queries: [{ expr: `100 * rate(process_cpu_seconds_total{${own}}[$__rate])`, legend: "CPU" }] },
  ];
  return html`<${Panel} title=${t("self.title")} class="own"><div class="grid four">
    ${charts.map((chart) => html`<${QueryPanel} key=${chart.title} ...${chart} min=${0} height=${90} every=${EVERY_MS} empty=${{ why: t("self.none"), hint: t("self.noneHint") }} />`)}
  </div><//>`;
}
