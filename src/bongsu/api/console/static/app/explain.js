// How an expression is evaluated: the server's plan as a tree, with what each step cost over the range, and what it gives.
import { html, useState } from "./ui.js";
import { ApiError, prometheus } from "./api.js";
import { bytes, milliseconds, number } from "./format.js";
import { t } from "./i18n.js";
import { useLoad } from "./load.js";
import { exploreHref } from "./query.js";
import { seriesName } from "./series.js";
import { bounds, grid, range } from "./time.js";
import { Failure, Icon, Loading } from "./widgets.js";

/**
 * @typedef {{step: string, expr: string, runs?: number, seconds?: number, samples?: number, series?: number, cells?: number, bytes?: number, below: Step[]}} Step
 * without costs where it is a part of the step above it
 * @typedef {{plan: Step, seconds: number, samples: number, peak: number, points: number}} Explained
 * @typedef {{series: number, more: boolean, examples: string[], labels: [string, number][]}} Given
 */

const AT_ONCE = 3; // queries of one tree at the same time: the server has other users
const MOST_ASKED = 40; // steps that are asked for by themselves; a longer expression is read in parts
const MOST_SERIES = 5000; // of one step: enough to see what it may be grouped by
const SHOWN_LABELS = 6;

/** @param {{expr: string, turn: number}} props */
export function Explain({ expr, turn }) {
  const explained = useLoad((abort) => explain(expr, abort), [expr, range.value, turn]);
  const plan = explained.data?.plan;
  const given = useLoad(async (abort) => (plan ? askAll(plan, abort) : undefined), [plan]);
  if (explained.error && explained.data === undefined) return html`<${Failure} error=${explained.error} onRetry=${explained.reload} />`;
  return html`<${Loading} of=${explained}>
    ${(/** @type {Explained} */ { plan: root, seconds, samples, peak, points }) => html`
      <p>${t("explain.whole", { time: milliseconds(seconds * 1000), points: number(points), samples: number(samples), peak: number(peak) })}</p>
      <p class="hint">${t("explain.hint")}</p>
      <${Heads} />
      <ul class="tree" role="tree" aria-label=${t("explore.explain")}><${Branch} step=${root} given=${given.data ?? new Map()} whole=${Math.max(1e-9, root.seconds ?? 0)} /></ul>`}
  <//>`;
}

/** As the graph asks for it; what has no graph, such as a text or a range, is asked for at the end. @param {string} expr @param {AbortSignal} abort @returns {Promise<Explained>} */
async function explain(expr, abort) {
  const { start, end, step } = grid(range.value);
  try {
    return explainedBy(await prometheus("query_range", { query: expr, start, end, step, stats: "all" }, abort), Math.round((end - start) / step) + 1);
  } catch (error) {
    if (!(error instanceof ApiError) || error.id !== "bad_data") throw error;
    return explainedBy(await prometheus("query", { query: expr, time: end, stats: "all" }, abort), 1);
  }
}

/** @param {any} data @param {number} points @returns {Explained} */
const explainedBy = ({ stats }, points) => ({ plan: stats.plan, seconds: stats.timings.evalTotalTime, samples: stats.samples.totalQueryableSamples, peak: stats.samples.peakSamples, points });

/** What each step gives at the end of the range. @param {Step} root @param {AbortSignal} abort @returns {Promise<Map<string, Given | Error>>} by expression: equal steps are asked once */
async function askAll(root, abort) {
  const time = bounds(range.value).end / 1000;
  /** @type {Map<string, Given | Error>} */
  const found = new Map();
  const waiting = new Map(stepsOf(root).filter(gives).slice(0, MOST_ASKED).map((step) => [step.expr, step])).values();
  const work = async () => {
    for (const step of waiting) found.set(step.expr, await ask(step, time, abort));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}

/** @param {Step} step @returns {Step[]} */
const stepsOf = (step) => [step, ...step.below.flatMap(stepsOf)];

/** A constant is what it says. @param {Step} step */
const gives = ({ step }) => !step.startsWith("constant ");

/** A range of samples is not looked at, only whose it is. @param {Step} step */
const askedOf = ({ step, expr }) => (/^(window|subquery) /.test(step) ? `last_over_time(${expr})` : expr);

/** @param {Step} step @param {number} time @param {AbortSignal} abort @returns {Promise<Given | Error>} */
async function ask(step, time, abort) {
  try {
    const { result, resultType } = await prometheus("query", { query: askedOf(step), time, limit: MOST_SERIES }, abort);
    const metrics = resultType === "vector" ? result.map((/** @type {any} */ one) => one.metric) : [{}];
    return { series: metrics.length, more: metrics.length >= MOST_SERIES, examples: metrics.slice(0, 3).map(seriesName), labels: labelsOf(metrics) };
  } catch (error) {
    if (abort.aborted) throw error;
    return /** @type {Error} */ (error);
  }
}

/** How many values each label has among the series: what one may group by. @param {Record<string, string>[]} metrics @returns {[string, number][]} */
function labelsOf(metrics) {
  /** @type {Map<string, Set<string>>} */
  const values = new Map();
  for (const metric of metrics) for (const [name, value] of Object.entries(metric)) values.set(name, (values.get(name) ?? new Set()).add(value));
  return [...values].map(([name, set]) => /** @type {[string, number]} */ ([name, set.size])).sort((a, b) => a[1] - b[1]);
}

/** @param {{step: Step, given: Map<string, Given | Error>, whole: number}} props */
function Branch({ step, given, whole }) {
  const [open, setOpen] = useState(true);
  const [what, how] = split(step.step);
  const told = given.get(step.expr);
  const inner = step.below.length > 0;
  return html`<li role="treeitem" aria-expanded=${inner ? open : undefined} aria-selected="false">
    <div class="step">
      <span class="what">
        ${inner ? html`<button type="button" class="fold" aria-label=${t("explain.fold")} aria-expanded=${open} onClick=${() => setOpen(!open)}>${open ? "▾" : "▸"}</button>` : html`<span class="fold"></span>`}
        <code title=${step.expr}>${what}</code> ${how && html`<span class="hint" title=${how}>${how}</span>`}
      </span>
      <${Costs} of=${step} whole=${whole} />
      ${told instanceof Error ? html`<span class="told">${told.message}</span>` : html`<${Result} of=${told} />`}
      ${gives(step) ? html`<a class="button quiet reveal" href=${exploreHref(step.expr)} title=${t("explain.alone")} aria-label=${`${t("explain.alone")}: ${step.expr}`}><${Icon} name="search" /></a>` : html`<span></span>`}
    </div>
    ${open && inner && html`<ul role="group">${step.below.map((below, index) => html`<${Branch} key=${index} step=${below} given=${given} whole=${whole} />`)}</ul>`}
  </li>`;
}

/** What is done, and the server's remark how. @param {string} headline @returns {[string, string]} */
function split(headline) {
  const parts = /^(aggregate .*|once|shared): ([^:"]+)$/.exec(headline);
  return parts ? [parts[1], parts[2]] : [headline, ""];
}

const COLUMNS = ["explain.time", "explain.samples", "explain.values", "explain.memory", "explain.series"];

function Heads() {
  return html`<div class="step heads" aria-hidden="true"><span></span><span></span>${COLUMNS.map((name) => html`<span key=${name}>${t(name)}</span>`)}<span>${t("explain.labels")}</span><span></span></div>`;
}

/** A number under its head, which is said where nobody sees the column. @param {{name: string, text: string, class?: string, title?: string}} props */
function Cell({ name, text, class: extra = "", title }) {
  return html`<span class=${`cell-of ${extra}`} title=${title}><span class="name-of">${t(name)} </span>${text}</span>`;
}

/** @param {{of: Step, whole: number}} props */
function Costs({ of: { seconds, samples = 0, cells = 0, bytes: size = 0, runs = 1 }, whole }) {
  if (seconds === undefined) return html`<span class="within hint">${t("explain.within")}</span>`;
  return html`
    <span class="spent" aria-hidden="true"><i style=${{ width: `${Math.min(100, Math.max(1, (100 * seconds) / whole))}%` }}></i></span>
    <${Cell} name="explain.time" text=${milliseconds(seconds * 1000)} title=${runs > 1 ? t("explain.runs", { count: number(runs) }) : undefined} />
    <${Cell} name="explain.samples" text=${samples ? number(samples) : ""} />
    <${Cell} name="explain.values" text=${cells ? number(cells) : ""} />
    <${Cell} name="explain.memory" text=${size ? bytes(size) : ""} />`;
}

/** @param {{of: Given | undefined}} props */
function Result({ of: given }) {
  if (given === undefined) return html`<span></span><span></span>`;
  const { series, more, examples, labels } = given;
  return html`<${Cell} name="explain.series" text=${`${number(series)}${more ? "+" : ""}`} class=${series === 0 ? "none" : ""} title=${examples.join("\n")} />
    <span class="hint labels" title=${labels.map(([name, count]) => `${name} ${count}`).join("\n")}>${labels.slice(0, SHOWN_LABELS).map(([name, count]) => `${name} ${count}`).join(" · ")}</span>`;
}
