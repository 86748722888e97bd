// The steps of an expression as a tree: each is asked for by itself, so that one sees which of them is slow, and which is empty.
import { html, useState } from "./ui.js";
import { consoleApi, prometheus } from "./api.js";
import { milliseconds, number } from "./format.js";
import { t } from "./i18n.js";
import { useLoad } from "./load.js";
import { seriesName } from "./series.js";
import { bounds, range } from "./time.js";
import { Failure, Loading } from "./widgets.js";

/** @typedef {{text: string, kind: string, label: string, ranged: boolean, children: Node[]}} Node */
/** @typedef {{seconds: number, series: number, samples: number, examples: string[], labels: [string, number][]}} Measured */

const AT_ONCE = 3; // queries of one tree at the same time: the server has other users
const SHOWN_LABELS = 6;

/** @param {{expr: string, turn: number}} props */
export function Explain({ expr, turn }) {
  const tree = useLoad((abort) => consoleApi("GET", "tree", { query: { query: expr }, signal: abort }), [expr, turn]);
  const measured = useLoad(async (abort) => (tree.data ? measure(tree.data, abort) : undefined), [tree.data, range.value, turn]);
  if (tree.error && tree.data === undefined) return html`<${Failure} error=${tree.error} onRetry=${tree.reload} />`;
  return html`<${Loading} of=${tree}>
    ${(/** @type {Node} */ root) => html`<p class="hint">${t("explain.hint")}</p>
      <ul class="tree" role="tree" aria-label=${t("explore.explain")}><${Branch} node=${root} measured=${measured.data ?? new Map()} most=${mostOf(measured.data)} /></ul>`}
  <//>`;
}

/** @param {Map<string, Measured | Error> | undefined} measured */
const mostOf = (measured) => Math.max(1e-9, ...[...(measured?.values() ?? [])].map((one) => ("seconds" in one ? one.seconds : 0)));

/** @param {Node} root @param {AbortSignal} abort @returns {Promise<Map<string, Measured | Error>>} by text: equal steps are asked once */
async function measure(root, abort) {
  const time = bounds(range.value).end / 1000;
  /** @type {Map<string, Measured | Error>} */
  const found = new Map();
  const waiting = [...new Set(textsOf(root))].values();
  const work = async () => {
    for (const text of waiting) found.set(text, await ask(text, time, abort));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}

/** @param {Node} node @returns {string[]} */
const textsOf = (node) => [...(["NumberLiteral", "StringLiteral"].includes(node.kind) ? [] : [node.text]), ...node.children.flatMap(textsOf)];

/** @param {string} text @param {number} time @param {AbortSignal} abort @returns {Promise<Measured | Error>} */
async function ask(text, time, abort) {
  const start = performance.now();
  try {
    const data = await prometheus("query", { query: text, time, stats: "all" }, abort);
    const series = Array.isArray(data.result) && data.resultType !== "scalar" && data.resultType !== "string" ? data.result : [];
    return {
      seconds: data.stats?.timings?.evalTotalTime ?? (performance.now() - start) / 1000,
      samples: data.stats?.samples?.totalQueryableSamples ?? 0,
      series: data.resultType === "scalar" || data.resultType === "string" ? 1 : series.length,
      examples: series.slice(0, 3).map((/** @type {any} */ one) => seriesName(one.metric)),
      labels: labelsOf(series.map((/** @type {any} */ one) => one.metric)),
    };
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

/** @param {{node: Node, measured: Map<string, Measured | Error>, most: number}} props */
function Branch({ node, measured, most }) {
  const [open, setOpen] = useState(true);
  const told = measured.get(node.text);
  const literal = ["NumberLiteral", "StringLiteral"].includes(node.kind);
  return html`<li role="treeitem" aria-expanded=${node.children.length > 0 ? open : undefined} aria-selected="false">
    <div class="step">
      ${node.children.length > 0 ? html`<button type="button" class="fold" aria-label=${t("explain.fold")} aria-expanded=${open} onClick=${() => setOpen(!open)}>${open ? "▾" : "▸"}</button>` : html`<span class="fold"></span>`}
      <code title=${node.text}>${node.label}</code>
      ${!literal && (told === undefined ? html`<span class="hint">…</span>` : told instanceof Error ? html`<span class="told">${told.message}</span>` : html`<${Facts} of=${told} most=${most} />`)}
    </div>
    ${open && node.children.length > 0 && html`<ul role="group">${node.children.map((child, index) => html`<${Branch} key=${index} node=${child} measured=${measured} most=${most} />`)}</ul>`}
  </li>`;
}

/** @param {{of: Measured, most: number}} props */
function Facts({ of: { seconds, series, samples, labels, examples }, most }) {
  return html`<span class="facts-line">
    <span class="spent" aria-hidden="true"><i style=${{ width: `${Math.max(1, (100 * seconds) / most)}%` }}></i></span>
    <b>${milliseconds(seconds * 1000)}</b>
    <span class=${series === 0 ? "none" : ""} title=${examples.join("\n")}>${t("explain.series", { count: number(series) })}</span>
    ${samples > 0 && html`<span>${t("explain.samples", { count: number(samples) })}</span>`}
    <span class="hint">${labels.slice(0, SHOWN_LABELS).map(([name, count]) => `${name} ${count}`).join(" · ")}</span>
  </span>`;
}
