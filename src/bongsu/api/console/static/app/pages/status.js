// Status: how big the store is and what makes it so, and which server this is.
import { html } from "../ui.js";
import { nowMs, prometheus, session } from "../api.js";
import { ago, bytes, dateTime, milliseconds, number } from "../format.js";
import { t } from "../i18n.js";
import { Limits, loadLimits } from "../limits.js";
import { useLoad } from "../load.js";
import { exploreHref } from "../query.js";
import { href } from "../router.js";
import { formatDuration } from "../time.js";
import { Badge, Empty, Loading, Panel, Stat } from "../widgets.js";

const EVERY_MS = 15_000;
const TOP = 15; // about a screen; the tail is seldom the cause

export function Page() {
  const limits = useLoad(loadLimits, [], { every: EVERY_MS });
  const store = useLoad((abort) => prometheus("status/tsdb", { limit: TOP }, abort), [], { every: EVERY_MS });
  return html`
    <${Loading} of=${store}>${(/** @type {any} */ data) => html`<${Store} data=${data} limits=${limits.data} />`}<//>
    <${TargetHealth} />
    <${Limits} limits=${limits} />
    <div class="split">
      <${Server} />
      <${Pairs} title=${t("status.config")} path="status/flags" />
    </div>
  `;
}

/** @param {{data: any, limits?: import("../limits.js").Limit[]}} props */
function Store({ data, limits }) {
  const { numSeries, numLabelPairs, chunkCount, minTime, maxTime } = data.headStats;
  const onDisk = limits?.find((limit) => limit.name === "retention_bytes")?.used;
  const { retentionMs } = session.value.project;
  return html`
    <div class="stats wide">
      <${Stat} label=${t("status.series")} value=${number(numSeries)} />
      <${Stat} label=${t("status.pairs")} value=${number(numLabelPairs)} />
      <${Stat} label=${t("status.chunks")} value=${number(chunkCount)} />
      ${typeof onDisk === "number" && html`<${Stat} label=${t("status.disk")} value=${bytes(onDisk)} />`}
      <${Stat} label=${t("status.retention")} value=${retentionMs === 0 ? t("status.forEver") : formatDuration(retentionMs)} />
    </div>
    ${numSeries > 0 && html`<p class="hint">${t("status.span", { from: dateTime(minTime), to: dateTime(maxTime) })}</p>`}
    <div class="split pairs-of">
      <${Top} title=${t("status.byMetric")} rows=${data.seriesCountByMetricName} link=${(/** @type {string} */ name) => exploreHref(`{__name__=${JSON.stringify(name)}}`)} />
      <${Top} title=${t("status.byLabel")} rows=${data.labelValueCountByLabelName} link=${(/** @type {string} */ name) => exploreHref(`topk(20, count by (${name}) ({__name__=~".+"}))`)} />
      <${Top} title=${t("status.byPair")} rows=${data.seriesCountByLabelValuePair} />
      <${Top} title=${t("status.byBytes")} rows=${data.memoryInBytesByLabelName} unit=${bytes} />
    </div>
  `;
}

/** @param {{title: string, rows?: {name: string, value: number}[], link?: (name: string) => string, unit?: (value: number) => string}} props */
function Top({ title, rows = [], link, unit = number }) {
  if (rows.length === 0) return html`<${Panel} title=${title}><${Empty} why=${t("status.nothing")} hint=${t("status.nothingHint")} /><//>`;
  const most = Math.max(1, ...rows.map((row) => row.value));
  return html`<${Panel} title=${title}>
    <table class="bars"><tbody>
      ${rows.map((row) => html`<tr key=${row.name}>
        <th scope="row" class="clip" title=${row.name}>${link ? html`<a href=${link(row.name)}>${row.name}</a>` : row.name}</th>
        <td aria-hidden="true"><span class="fill" style=${{ width: `max(1px, ${(100 * row.value) / most}%)` }}></span></td>
        <td class="number">${unit(row.value)}</td>
      </tr>`)}
    </tbody></table>
  <//>`;
}

const MOST_TARGETS = 200; // the worst come first; the others are in their workspaces

/** Every target as the scraper sees it: the failing ones first, then the slowest. */
function TargetHealth() {
  const loaded = useLoad(async (abort) => (await prometheus("targets", { state: "active" }, abort)).activeTargets, [], { every: EVERY_MS });
  return html`<${Panel} title=${t("status.targets")}>
    <${Loading} of=${loaded}>
      ${(/** @type {any[]} */ list) => {
        if (list.length === 0) return html`<${Empty} why=${t("targets.none")} hint=${t("targets.noneHint")}><a class="button" href=${href("openmetrics")}>${t("targets.add")}</a><//>`;
        const order = { down: 0, unknown: 1, up: 2 };
        const sorted = [...list].sort((a, b) => order[/** @type {keyof typeof order} */ (a.health)] - order[/** @type {keyof typeof order} */ (b.health)] || b.lastScrapeDuration - a.lastScrapeDuration);
        return html`<p class="hint">${t("status.targetCount", { up: list.filter((one) => one.health === "up").length, all: list.length })}</p>
          <div class="scroll facts" tabindex="0"><table>
            <thead><tr><th scope="col">${t("targets.state")}</th><th scope="col">${t("status.pool")}</th><th scope="col">${t("targets.address")}</th><th scope="col">${t("status.lastScrape")}</th><th scope="col" class="number">${t("targets.duration")}</th><th scope="col">${t("targets.reason")}</th></tr></thead>
            <tbody>${sorted.slice(0, MOST_TARGETS).map((one) => html`<tr key=${one.scrapePool + one.scrapeUrl}>
              <td><${Badge} state=${{ up: "ok", down: "bad" }[/** @type {string} */ (one.health)] ?? "wait"}>${t(`status.health.${one.health}`)}<//></td>
              <td class="long">${one.scrapePool}</td><td class="long"><code>${one.scrapeUrl}</code></td>
              <td>${one.health === "unknown" ? "" : ago(Date.parse(one.lastScrape), nowMs())}</td><td class="number">${milliseconds(one.lastScrapeDuration * 1000)}</td><td class="reason">${one.lastError}</td>
            </tr>`)}</tbody>
          </table></div>`;
      }}
    <//>
  <//>`;
}

function Server() {
  const info = useLoad(async (abort) => {
    const [build, runtime] = await Promise.all([prometheus("status/buildinfo", {}, abort), prometheus("status/runtimeinfo", {}, abort)]);
    return { console: session.value.version, ...build, ...runtime };
  }, []);
  return html`<${Panel} title=${t("status.server")}><${Loading} of=${info}>${(/** @type {any} */ data) => html`<${Table} data=${data} />`}<//><//>`;
}

/** @param {{title: string, path: string}} props */
function Pairs({ title, path }) {
  const info = useLoad((abort) => prometheus(path, {}, abort), []);
  return html`<${Panel} title=${title}><${Loading} of=${info}>${(/** @type {any} */ data) => html`<${Table} data=${data} />`}<//><//>`;
}

/** @param {{data: Record<string, unknown>}} props */
function Table({ data }) {
  const rows = Object.entries(data).filter(([, value]) => value !== "" && typeof value !== "object");
  return html`<div class="scroll facts" tabindex="0"><table class="pairs"><tbody>${rows.map(([name, value]) => html`<tr key=${name}><th scope="row">${name}</th><td><code>${String(value)}</code></td></tr>`)}</tbody></table></div>`;
}
