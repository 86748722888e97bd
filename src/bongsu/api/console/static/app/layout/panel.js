// One panel of a layout, drawn by its kind. A panel that is empty says why, one that fails says the server's reason.
import { html } from "../ui.js";
import { prometheus } from "../api.js";
import { LineChart } from "../chart.js";
import { withUnit } from "../format.js";
import { t } from "../i18n.js";
import { lazy } from "../lazy.js";
import { useLoad } from "../load.js";
import { exploreHref, loadLines, withWindows } from "../query.js";
import { legendName, sample, seriesName } from "../series.js";
import { bounds, grid, range, refreshMs } from "../time.js";
import { Sparkline } from "../spark.js";
import { Empty, Icon, Loading, Panel as Box } from "../widgets.js";
import { ROW_PX } from "./place.js";
import { compileRegex, interpolate, interpolateTitle } from "./variables.js";

/** @typedef {import("./place.js").Panel} Panel */
/** @typedef {import("../format.js").Unit} Unit */

const GAP_PX = 10;
const MOST_ROWS = 500; // of a table: more are scrolled past, not read
const FRAME_PX = 74; // title, legend and padding of a panel

/** @param {{panel: import("./repeat.js").Shown, values: Map<string, string[]>, alls?: Record<string, string>, editing?: boolean, onFold?: () => void}} props */
export function PanelView({ panel, values: chosen, alls = {}, editing = false, onFold }) {
  const values = panel.values ? new Map([...chosen, ...Object.entries(panel.values).map(([name, value]) => /** @type {[string, string[]]} */ ([name, [value]]))]) : chosen;
  const title = interpolateTitle(panel.title, values);
  if (panel.row) return html`<${Row} title=${title} folded=${panel.folded ?? false} onFold=${editing ? undefined : onFold} />`;
  const queries = (panel.queries ?? []).map((query) => ({ ...query, expr: interpolate(query.expr, values, alls), ...(query.legend && { legend: interpolateTitle(query.legend, values) }) }));
  const first = queries[0]?.expr;
  const about = panel.describes && html`<span class="about" tabindex="0" role="note" title=${panel.describes} aria-label=${panel.describes}><${Icon} name="help" /></span>`;
  const link = !editing && first && html`<a class="button quiet reveal" title=${t("action.explore")} aria-label=${`${t("action.explore")}: ${title}`} href=${exploreHref(withWindows(first, grid(range.value).step))}><${Icon} name="search" /></a>`;
  if (panel.kind === "text") return html`<section class=${`panel note ${panel.text ? "" : "rule"}`}>${title && html`<h2>${title}</h2>`}${panel.text && html`<p class="prose">${interpolateTitle(panel.text, values)}</p>`}</section>`;
  return html`<${Box} title=${html`<span title=${title}>${title}</span>${about}`} class=${`kind-${panel.kind}`} actions=${link}>
    <${Content} panel=${{ ...panel, queries }} title=${title} />
  <//>`;
}

/** The head of a section, which folds it. @param {{title: string, folded: boolean, onFold?: () => void}} props */
function Row({ title, folded, onFold }) {
  const name = html`<span>${title || "–"}</span>`;
  return html`<section class="panel note rule">
    ${onFold ? html`<h2><button type="button" class="row-head" aria-expanded=${!folded} onClick=${onFold}><${Icon} name=${folded ? "right" : "down"} />${name}</button></h2>` : html`<h2>${name}</h2>`}
  </section>`;
}

/** @param {{panel: Panel, title: string}} props */
export function Content({ panel, title }) {
  const queries = /** @type {import("./place.js").Query[]} */ (panel.queries).filter((query) => query.expr.trim() !== "");
  if (queries.length === 0) return html`<${Empty} why=${t("panel.noQuery")} hint=${t("panel.noQueryHint")} />`;
  const Kind = KINDS[/** @type {keyof typeof KINDS} */ (panel.kind)] ?? Lines;
  return html`<${Kind} key=${panel.kind} panel=${{ ...panel, queries }} title=${title} />`;
}

/** Pixels that the content of a panel may take. @param {Panel} panel */
export const heightOf = (panel) => Math.max(60, panel.h * ROW_PX + (panel.h - 1) * GAP_PX - FRAME_PX);

function NoData() {
  return html`<${Empty} why=${t("chart.noSeries")} hint=${t("chart.noSeriesHint")} />`;
}

/** @param {Panel} panel */
const askedOf = (panel) => `${panel.calc} ${(panel.queries ?? []).map((query) => `${query.expr}\u0000${query.legend ?? ""}`).join("\n")}`;

/** @param {{panel: Panel, title: string}} props */
function Lines({ panel, title }) {
  const loaded = useLoad(
    async (abort) => {
      const { lines, asked } = await loadLines(panel.queries ?? [], abort, { titled: true });
      // A sum of everything has no labels: it is what the title says.
      const named = lines.series.map((one) => (one.name === "{}" ? { ...one, name: title } : one));
      return { asked, lines: { ...lines, series: named.map((one) => overridden(one, panel.overrides ?? [])) } };
    },
    [askedOf(panel), title, JSON.stringify(panel.overrides), range.value],
    { every: refreshMs.value },
  );
  return html`<${Loading} of=${loaded}>
    ${(/** @type {{lines: import("../chart.js").Lines, asked: {start: number, end: number}}} */ { lines, asked }) =>
      lines.series.length === 0
        ? html`<${NoData} />`
        : html`<${LineChart} title=${title} lines=${lines} unit=${unitOf(panel)} height=${heightOf(panel)} min=${panel.min ?? undefined} max=${panel.max ?? undefined}
            fill=${panel.fill ?? false} stack=${panel.stack ?? false} share=${panel.share ?? false} start=${asked.start} end=${asked.end} />`}
  <//>`;
}

/** A series as the panel's overrides show it: below zero, in a colour, under another name. @param {import("../chart.js").Series} series @param {import("./place.js").Override[]} overrides */
export function overridden(series, overrides) {
  return overrides.reduce((one, { match, regex, negative, colour, name }) => {
    if (!(regex ? compileRegex(match)?.test(series.name) : match === series.name)) return one;
    return { name: name ?? one.name, colour: colour ?? one.colour, values: negative ? one.values.map((value) => value && -value) : one.values };
  }, series);
}

/** @typedef {{labels: Record<string, string>, name: string, value: number, query: number}} Row `query`: the place of the one that it answers */

/** The newest value of every series. @param {Panel} panel @param {AbortSignal} abort @returns {Promise<Row[]>} */
async function loadNow(panel, abort) {
  const { start, end } = bounds(range.value);
  const step = grid(range.value).step;
  const answers = await Promise.all(
    (panel.queries ?? []).map(({ expr, least = 0 }) => prometheus("query", { query: withWindows(calculated(expr, panel.calc), Math.max(step, least), (end - start) / 1000), time: end / 1000 }, abort)),
  );
  return answers.flatMap((data, index) => {
    const legend = panel.queries?.[index].legend;
    const rows = data.resultType === "scalar" ? [{ metric: {}, value: data.result }] : data.result;
    return rows
      .filter((/** @type {any} */ one) => one.value)
      .map((/** @type {any} */ one) => ({ labels: one.metric, name: (legend && legendName(legend, one.metric)) || seriesName(one.metric), value: sample(one.value[1]), query: index }));
  });
}

const OVER_TIME = { mean: "avg_over_time", max: "max_over_time", min: "min_over_time", sum: "sum_over_time" };

/** The value of a whole range is asked from the server. @param {string} expr @param {import("./place.js").Calc} [calc] */
function calculated(expr, calc = "last") {
  const over = OVER_TIME[/** @type {keyof typeof OVER_TIME} */ (calc)];
  return over === undefined ? expr : `${over}((${expr})[$__range:$__interval])`;
}

/** @param {Panel} panel */
const useNow = (panel) => useLoad((abort) => loadNow(panel, abort), [askedOf(panel), range.value], { every: refreshMs.value });

/** How a value is shown: as its mapping says, or with its unit. @param {Panel} panel @param {Row} row @returns {{text: string, state: string}} */
export function shownValue(panel, { value, name }) {
  const mapping = (panel.mappings ?? []).find(({ from, to }) => (from === null && to === null ? Number.isNaN(value) : value >= (from ?? -Infinity) && value <= (to ?? Infinity)));
  const text = mapping?.text || (panel.shows === "name" ? name : withUnit(value, unitOf(panel)));
  return { text, state: mapping?.state || stateAt(panel, value) };
}

/** The state of a value by the panel's steps. @param {Panel} panel @param {number} value */
function stateAt(panel, value) {
  const steps = Number.isNaN(value) ? [] : (panel.steps ?? []).filter((step) => step.at === null || value >= step.at);
  return steps.length === 0 ? "" : steps[steps.length - 1].state;
}

const MOST_TILES = 24; // beyond it a table is the better panel

/** @param {{panel: Panel, title: string}} props */
function Stats({ panel }) {
  const loaded = useNow(panel);
  return html`<${Loading} of=${loaded}>
    ${(/** @type {Row[]} */ rows) =>
      rows.length === 0
        ? html`<${NoData} />`
        : html`<div class=${`tiles ${rows.length === 1 ? "one" : ""}`} tabindex=${rows.length > 1 ? 0 : undefined}>
            ${rows.length === 1 && panel.graph && html`<${Course} panel=${panel} />`}
            ${rows.slice(0, MOST_TILES).map((row, index) => html`<${Tile} key=${index} ...${shownValue(panel, row)} name=${rows.length > 1 && panel.shows !== "name" ? row.name : ""} />`)}
          </div>`}
  <//>`;
}

const COURSE_POINTS = 60; // a point every few pixels of a small panel

/** How the one value went over the range, behind it. @param {{panel: Panel}} props */
function Course({ panel }) {
  const loaded = useLoad((abort) => loadLines(panel.queries ?? [], abort, { points: COURSE_POINTS }), [askedOf(panel), range.value], { every: refreshMs.value });
  return html`<${Sparkline} values=${loaded.data?.lines.series[0]?.values.filter((value) => value !== null)} />`;
}

/** @param {{text: string, state: string, name: string}} props */
const Tile = ({ text, state, name }) => html`<div class=${`tile ${state}`}><span class="value" title=${text}>${text}</span>${name && html`<span class="label" title=${name}>${name}</span>`}</div>`;

/** @param {{panel: Panel, title: string}} props */
function Gauges({ panel }) {
  const loaded = useNow(panel);
  return html`<${Loading} of=${loaded}>
    ${(/** @type {Row[]} */ rows) =>
      rows.length === 0
        ? html`<${NoData} />`
        : html`<div class="tiles" tabindex=${rows.length > 1 ? 0 : undefined}>${rows.slice(0, MOST_TILES).map((row, index) => html`<${Gauge} key=${index} panel=${panel} row=${row} named=${rows.length > 1} />`)}</div>`}
  <//>`;
}

const HALF_CIRCLE = Math.PI * 40;

/** @param {{panel: Panel, row: Row, named: boolean}} props */
function Gauge({ panel, row, named }) {
  const [low, high] = [panel.min ?? 0, panel.max ?? (unitOf(panel) === "ratio" ? 1 : 100)];
  const share = Math.max(0, Math.min(1, (row.value - low) / (high - low || 1))) || 0;
  const { text, state } = shownValue(panel, row);
  return html`<div class=${`gauge ${state}`} role="meter" aria-label=${row.name} aria-valuenow=${row.value} aria-valuemin=${low} aria-valuemax=${high} aria-valuetext=${text}>
    <svg viewBox="0 0 100 56" aria-hidden="true">
      <path class="track" d="M10 50a40 40 0 0 1 80 0" /><path class="arc" d="M10 50a40 40 0 0 1 80 0" stroke-dasharray=${`${share * HALF_CIRCLE} ${HALF_CIRCLE}`} />
      <text x="50" y="48">${text}</text>
    </svg>
    ${named && html`<span class="label" title=${row.name}>${row.name}</span>`}
  </div>`;
}

/** @typedef {{labels: Record<string, string>, name: string, values: Row[]}} Line of a table; `values` by the place of their query */

/** What several queries say of the same labels stands in one line. @param {Row[]} rows @param {number} queries @returns {Line[]} */
export function linesOf(rows, queries) {
  /** @type {Map<string, Line>} */
  const lines = new Map();
  for (const row of rows) {
    const { __name__: name = "", ...labels } = row.labels;
    const key = JSON.stringify(Object.entries(labels).sort());
    const own = queries > 1 && lines.get(key)?.values[row.query] === undefined ? key : key + name;
    const line = lines.get(own) ?? { labels, name: row.name, values: [] };
    line.values[row.query] = row;
    lines.set(own, line);
  }
  const first = (/** @type {Line} */ { values }) => values.find((one) => one)?.value ?? -Infinity;
  return [...lines.values()].sort((a, b) => first(b) - first(a));
}

/** How the values of a query are headed: by its legend, where that is not made of labels. @param {import("./place.js").Query} query @param {number} index @param {number} count */
const headOf = ({ legend }, index, count) => (legend && !legend.includes("{{") ? legend : count === 1 ? t("explore.value") : `${t("explore.value")} ${String.fromCharCode(65 + index)}`);

/** One row for each set of labels, a column for each label that tells them apart, and one for each query. @param {{panel: Panel, title: string}} props */
function Table({ panel }) {
  const loaded = useNow(panel);
  const queries = panel.queries ?? [];
  return html`<${Loading} of=${loaded}>
    ${(/** @type {Row[]} */ rows) => {
      if (rows.length === 0) return html`<${NoData} />`;
      const lines = linesOf(rows, queries.length);
      const labels = [...new Set(lines.flatMap((line) => Object.keys(line.labels)))].filter((name) => new Set(lines.map((line) => line.labels[name])).size > 1);
      const named = labels.length === 0 && queries.length === 1;
      return html`<div class="scroll" tabindex="0" style=${{ maxHeight: `${heightOf(panel) + 30}px` }}><table>
        <thead><tr>${named && html`<th scope="col">${t("explore.series")}</th>`}${labels.map((name) => html`<th scope="col" key=${name}>${name}</th>`)}${queries.map((query, index) => html`<th scope="col" class="number" key=${index}>${headOf(query, index, queries.length)}</th>`)}</tr></thead>
        <tbody>${lines.slice(0, MOST_ROWS).map((line, at) => html`<tr key=${at}>
          ${named && html`<td>${line.name}</td>`}${labels.map((name) => html`<td key=${name}>${line.labels[name] ?? ""}</td>`)}
          ${queries.map((_, index) => html`<${ValueCell} key=${index} ...${line.values[index] ? shownValue(panel, line.values[index]) : { text: "–", state: "" }} />`)}
        </tr>`)}</tbody>
      </table></div>`;
    }}
  <//>`;
}

/** @param {{text: string, state: string}} props */
const ValueCell = ({ text, state }) => html`<td class=${`number ${state}`}>${text}</td>`;

/** @param {Panel} panel @returns {Unit} */
export const unitOf = (panel) => /** @type {Unit} */ (panel.unit || "none");

const Heat = lazy(() => import("./heat.js"), "Heat");

const KINDS = { lines: Lines, stat: Stats, gauge: Gauges, table: Table, heatmap: Heat };
