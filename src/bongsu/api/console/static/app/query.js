// Query panels: a range of one or more expressions, drawn live.
import { html } from "./ui.js";
import { prometheus } from "./api.js";
import { LineChart } from "./chart.js";
import { t } from "./i18n.js";
import { useLoad } from "./load.js";
import { href } from "./router.js";
import { distinctNames, legendName, shortNames, toLines } from "./series.js";
import { bounds, grid, range, refreshMs } from "./time.js";
import { Empty, Loading, Panel } from "./widgets.js";

/**
 * @typedef {{expr: string, legend?: string, least?: number}} Query `legend` may name labels: {{instance}}; `least`: seconds that `$__interval` is at least
 */

/** `$__rate` in an expression: four scrapes of 15 s, so that one lost scrape leaves no gap, or the step where that is longer. */
const LEAST_RATE_S = 60;

/** `$__tick`: one tick of the APM, so that a tick that was never sealed is a gap and not the value before it. */
const TICK_S = 5;
/** `$__ticks`: two, between which a counter has grown by one tick. */
const TWO_TICKS_S = 10;

/** What stands for a length of time, with the least that it is; Grafana's names mean the same here. */
const LEAST_S = { $__rate: LEAST_RATE_S, $__rate_interval: LEAST_RATE_S, $__interval: LEAST_RATE_S / 4, $__ticks: TWO_TICKS_S, $__tick: TICK_S };

/** @param {string} expr @param {number} step seconds @param {number} [span] seconds of the whole range */
export function withWindows(expr, step, span = spanS()) {
  return expr.replace(/\$__(\w+)|\$\{__(\w+)\}/g, (whole, plain, braced) => {
    const name = `$__${plain ?? braced}`;
    if (name === "$__range") return `${Math.round(span)}s`;
    if (name === "$__range_s") return String(Math.round(span));
    if (name === "$__interval_ms") return String(step * 1000);
    const least = LEAST_S[/** @type {keyof typeof LEAST_S} */ (name)];
    return least === undefined ? whole : `${Math.max(least, step)}s`;
  });
}

function spanS() {
  const { start, end } = bounds(range.value);
  return (end - start) / 1000;
}

/**
 * Run several expressions over the range of the view and lay their lines side by side.
 * @param {Query[]} queries @param {AbortSignal} abort @param {{titled?: boolean, points?: number}} [where] titled: under a title that says what is shown
 */
export async function loadLines(queries, abort, { titled = false, points } = {}) {
  const asked = grid(range.value, points);
  const answers = await Promise.all(queries.map(({ expr, least = 0 }) => prometheus("query_range", { query: withWindows(expr, Math.max(asked.step, least)), ...asked }, abort)));
  const unnamed = answers.flatMap((data, index) => (queries[index].legend === undefined ? data.result.map((/** @type {any} */ one) => one.metric) : []));
  const names = titled ? { name: shortNames(unnamed), common: "" } : distinctNames(unnamed);
  const parts = answers.map((data, index) => {
    const { legend } = queries[index];
    return toLines(data, asked, legend === undefined ? names.name : (labels) => legendName(legend, labels) || names.name(labels));
  });
  return { lines: { times: parts[0].times, series: parts.flatMap((part) => part.series) }, common: names.common, asked, notes: answers.flatMap((data) => data.notes) };
}

/** The address of Explore with an expression. @param {string} expr */
export const exploreHref = (expr) => href("explore", { "g0.expr": expr });

/**
 * @param {{title: string, queries: Query[], unit?: import("./format.js").Unit, height?: number, min?: number, max?: number,
 *   every?: number, empty?: {why: string, hint?: string}, class?: string, fill?: boolean}} props
 */
export function QueryPanel({ title, queries, unit, height = 170, min, max, every, empty, class: extra, fill }) {
  const loaded = useLoad((abort) => loadLines(queries, abort), [queries.map((one) => one.expr).join("\n"), range.value], { every: every ?? refreshMs.value });
  const explore = html`<a class="button quiet" href=${exploreHref(withWindows(queries[0].expr, TICK_S))}>${t("action.explore")}</a>`;
  return html`<${Panel} title=${title} class=${extra} actions=${explore}>
    <${Loading} of=${loaded}>
      ${(/** @type {Awaited<ReturnType<typeof loadLines>>} */ { lines, asked }) =>
        lines.series.length === 0
          ? html`<${Empty} why=${empty?.why ?? t("chart.noSeries")} hint=${empty?.hint ?? t("chart.noSeriesHint")} />`
          : html`<${LineChart} ...${{ title, lines, unit, height, min, max, fill }} start=${asked.start} end=${asked.end} />`}
    <//>
  <//>`;
}
