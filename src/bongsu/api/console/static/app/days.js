// Today against yesterday: whether what is seen now is usual at this time of day.
import { html } from "./ui.js";
import { nowMs, prometheus } from "./api.js";
import { LineChart } from "./chart.js";
import { t } from "./i18n.js";
import { useLoad } from "./load.js";
import { toLines } from "./series.js";
import { zone } from "./settings.js";
import { Empty, Loading, Panel } from "./widgets.js";

const STEP_S = 300; // a point of five minutes: a day is 288 of them
const DAY_S = 86_400;

/** The midnight before a moment, where the reader is or in UTC. @param {number} ms */
function midnight(ms) {
  const day = new Date(ms);
  if (zone.value === "utc") day.setUTCHours(0, 0, 0, 0);
  else day.setHours(0, 0, 0, 0);
  return Math.floor(day.getTime() / 1000 / STEP_S) * STEP_S;
}

/** @param {string} expr @param {AbortSignal} abort */
async function loadDays(expr, abort) {
  const start = midnight(nowMs());
  const end = Math.floor(nowMs() / 1000 / STEP_S) * STEP_S;
  const whole = { start, end: start + DAY_S, step: STEP_S };
  const [today, yesterday] = await Promise.all([
    prometheus("query_range", { query: expr.replaceAll("@offset", ""), ...whole, end }, abort),
    prometheus("query_range", { query: expr.replaceAll("@offset", "offset 1d"), ...whole }, abort),
  ]);
  const first = toLines(today, whole, () => t("days.today"));
  const second = toLines(yesterday, whole, () => t("days.yesterday"));
  return { lines: { times: first.times, series: [...first.series, ...second.series] }, whole };
}

/** @param {{title: string, expr: string, unit?: import("./format.js").Unit}} props expr with `@offset` behind each selector */
export function DaysPanel({ title, expr, unit }) {
  const loaded = useLoad((abort) => loadDays(expr, abort), [expr, zone.value], { every: STEP_S * 1000 });
  return html`<${Panel} title=${title}>
    <${Loading} of=${loaded}>
      ${(/** @type {Awaited<ReturnType<typeof loadDays>>} */ { lines, whole }) =>
        lines.series.length === 0
          ? html`<${Empty} why=${t("realtime.noHistory")} hint=${t("realtime.noHistoryHint")} />`
          : html`<${LineChart} title=${title} lines=${lines} unit=${unit} height=${150} min=${0} start=${whole.start} end=${whole.end} />`}
    <//>
  <//>`;
}
