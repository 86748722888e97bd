// Charts of the real-time view: what the store has of the range, and then every tick of the stream at its end.
import { html, useMemo } from "./ui.js";
import { LineChart } from "./chart.js";
import { t } from "./i18n.js";
import { gaps, ticks } from "./live.js";
import { useLoad } from "./load.js";
import { exploreHref, loadLines, withWindows } from "./query.js";
import { TICK_MS } from "./spot.js";
import { range } from "./time.js";
import { Empty, Loading, Panel } from "./widgets.js";

const TICK_S = TICK_MS / 1000;

/**
 * @typedef {import("./chart.js").Lines} Lines
 * @typedef {(tick: import("./live.js").Tick) => (number | null)[]} Pick a value for each series
 */

/**
 * Lines with the ticks that came after them; as many fall out at the left.
 * @param {Lines} lines @param {import("./live.js").Tick[]} newer @param {Pick} pick @returns {Lines}
 */
export function append(lines, newer, pick) {
  const end = lines.times[lines.times.length - 1] ?? 0;
  const fresh = newer.filter((tick) => tick.endMs / 1000 > end);
  if (fresh.length === 0 || lines.series.length === 0) return lines;
  const last = fresh[fresh.length - 1].endMs / 1000;
  const added = Array.from({ length: Math.round((last - end) / TICK_S) }, (_, index) => end + (index + 1) * TICK_S);
  const byTime = new Map(fresh.map((tick) => [tick.endMs / 1000, pick(tick)]));
  const keep = Math.max(0, lines.times.length - added.length);
  const cut = lines.times.length - keep;
  const dropped = Math.max(0, added.length - lines.times.length);
  return {
    times: [...lines.times.slice(cut), ...added.slice(dropped)],
    series: lines.series.map((one, index) => ({ ...one, values: [...one.values.slice(cut), ...added.slice(dropped).map((time) => byTime.get(time)?.[index] ?? null)] })),
  };
}

/**
 * @param {{title: string, queries: import("./query.js").Query[], pick: Pick, unit?: import("./format.js").Unit, min?: number, max?: number, fill?: boolean, height?: number}} props
 */
export function LivePanel({ title, queries, pick, height = 150, ...look }) {
  const { live } = range.value;
  const loaded = useLoad((abort) => loadLines(queries, abort), [queries.map((one) => one.expr).join("\n"), range.value, gaps.value], { every: 0 });
  const step = loaded.data?.asked.step ?? 0;
  // A point of a longer range stands for several ticks: it is asked for when it is complete.
  const later = useLoad((abort) => (step > TICK_S ? loadLines(queries, abort) : Promise.resolve(null)), [step, queries.map((one) => one.expr).join("\n"), range.value], { every: live && step > TICK_S ? step * 1000 : 0 });
  const data = later.data ?? loaded.data;
  const lines = useMemo(() => data && (live && step === TICK_S ? append(data.lines, ticks.value, pick) : data.lines), [data, ticks.value, live, step]);
  const explore = html`<a class="button quiet" href=${exploreHref(withWindows(queries[0].expr, TICK_S))}>${t("action.explore")}</a>`;
  return html`<${Panel} title=${title} actions=${explore}>
    <${Loading} of=${loaded}>
      ${() =>
        !data || !lines || lines.series.length === 0
          ? html`<${Empty} why=${t("realtime.noHistory")} hint=${t("realtime.noHistoryHint")} />`
          : html`<${LineChart} title=${title} lines=${lines} height=${height} ...${look} start=${lines.times[0]} end=${lines.times[lines.times.length - 1]} />`}
    <//>
  <//>`;
}
