// Explore: ask anything in PromQL, as a graph or a table; the address holds it all.
import { html, useEffect, useRef, useState } from "../ui.js";
import { nowMs, prometheus } from "../api.js";
import { LineChart } from "../chart.js";
import { Explain } from "../explain.js";
import { dateTime, number } from "../format.js";
import { foreignRange, readExpressions, writeExpressions } from "../expressions.js";
import { t } from "../i18n.js";
import { useLoad } from "../load.js";
import { loadLines } from "../query.js";
import { place, setQuery } from "../router.js";
import { sample } from "../series.js";
import { addRecent, markDone, recent } from "../settings.js";
import { bounds, range, refreshMs } from "../time.js";
import { Segments } from "../choices.js";
import { Button, CopyButton, Empty, Failure, Loading, Panel } from "../widgets.js";

export function Page() {
  const { query } = place.value;
  const expressions = readExpressions(query);
  useEffect(() => {
    const changes = foreignRange(query);
    if (changes) setQuery(changes, { replace: true });
  }, [query.get("g0.range_input")]);
  const write = (/** @type {import("../expressions.js").Expression[]} */ list) => setQuery(writeExpressions(list, query));
  return html`
    ${expressions.map(
      (expression, index) => html`<${Expression} key=${index} expression=${expression}
        onChange=${(/** @type {any} */ next) => write(expressions.map((old, other) => (other === index ? next : old)))}
        onRemove=${expressions.length > 1 ? () => write(expressions.filter((_, other) => other !== index)) : undefined} />`,
    )}
    <div class="actions">
      <${Button} icon="plus" onClick=${() => write([...expressions, { expr: "", tab: "graph" }])}>${t("explore.add")}<//>
      <${CopyButton} text=${location.href} label=${t("explore.copyLink")} />
      <${CopyButton} text=${fixedLink()} label=${t("explore.copyFixed")} />
    </div>
  `;
}

/** The address with the range as it is now, for whoever opens it tomorrow. */
function fixedLink() {
  const { start, end } = bounds(range.value);
  const url = new URL(location.href);
  url.searchParams.set("from", String(Math.round(start)));
  url.searchParams.set("to", String(Math.round(end)));
  return url.href;
}

/** @param {{expression: import("../expressions.js").Expression, onChange: (next: any) => void, onRemove?: () => void}} props */
function Expression({ expression, onChange, onRemove }) {
  const [draft, setDraft] = useState(expression.expr);
  const [turn, setTurn] = useState(0);
  useEffect(() => setDraft(expression.expr), [expression.expr]);
  const run = (/** @type {string} */ text = draft) => {
    const expr = text.trim();
    if (expr !== "") addRecent(expr);
    if (expr === expression.expr) setTurn(turn + 1);
    else onChange({ ...expression, expr });
  };
  const tabs = [
    { value: "graph", text: t("explore.graph") },
    { value: "table", text: t("explore.table") },
    { value: "explain", text: t("explore.explain") },
  ];
  return html`<${Panel}>
    <div class="editor">
      <${Editor} text=${draft} asked=${expression.expr} onChange=${setDraft} onRun=${() => run()} />
      <${Button} kind="primary" icon="play" onClick=${() => run()}>${t("explore.run")}<//>
      ${onRemove && html`<${Button} icon="trash" kind="quiet" label=${t("explore.remove")} onClick=${onRemove} />`}
    </div>
    <div class="actions editor-foot">
      <${Segments} label=${t("explore.view")} options=${tabs} value=${expression.tab} onChange=${(/** @type {any} */ tab) => onChange({ ...expression, tab })} />
      <${Recent} onPick=${run} />
    </div>
    ${expression.expr === ""
      ? html`<${Suggestions} onPick=${run} />`
      : html`<${Result} key=${expression.tab} expression=${expression} turn=${turn} />`}
  <//>`;
}

/**
 * A plain field until the editor has come, so that typing can begin at once. The editor owns its text from then on: it is given
 * another one only when another expression is asked, never what was just typed in it, which may be older than what it holds.
 * @param {{text: string, asked: string, onChange: (text: string) => void, onRun: () => void}} props
 */
function Editor({ text, asked, onChange, onRun }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const editor = useRef(/** @type {any} */ (null));
  const newest = useRef({ text, onChange, onRun });
  newest.current = { text, onChange, onRun };
  const [ready, setReady] = useState(false);
  useEffect(() => {
    let gone = false;
    import("../promql-editor.js").then(({ mount }) => {
      if (gone || !box.current) return;
      const typing = box.current.contains(document.activeElement);
      setReady(true);
      editor.current = mount(box.current, {
        text: newest.current.text,
        label: t("explore.expression"),
        hint: t("explore.hint"),
        onChange: (next) => newest.current.onChange(next),
        onRun: () => newest.current.onRun(),
      });
      if (typing) editor.current.focus();
    });
    return () => {
      gone = true;
      editor.current?.destroy();
    };
  }, []);
  useEffect(() => editor.current?.set(asked), [asked]);
  const enter = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    onRun();
  };
  return html`<div class="code" ref=${box}>
    ${!ready && html`<textarea rows="1" spellcheck=${false} data-search aria-label=${t("explore.expression")} placeholder=${t("explore.hint")} value=${text} onInput=${(/** @type {any} */ event) => onChange(event.target.value)} onKeyDown=${enter}></textarea>`}
  </div>`;
}

/** @param {{onPick: (text: string) => void}} props */
function Recent({ onPick }) {
  if (recent.value.length === 0) return null;
  return html`<select class="quiet recent" aria-label=${t("explore.recent")} value="" onChange=${(/** @type {any} */ event) => onPick(event.target.value)}>
    <option value="" disabled>${t("explore.recent")}</option>
    ${recent.value.map((expr) => html`<option key=${expr} value=${expr}>${expr}</option>`)}
  </select>`;
}

const FIRST = ["up", "count by (job) (up)", "bongsu_apm_tps", "rate(node_cpu_seconds_total[5m])", "topk(10, count by (__name__) ({__name__=~\".+\"}))"];

/** @param {{onPick: (text: string) => void}} props */
function Suggestions({ onPick }) {
  return html`<${Empty} why=${t("explore.empty")} hint=${t("explore.emptyHint")}>
    ${FIRST.map((expr) => html`<button type="button" class="button" key=${expr} onClick=${() => onPick(expr)}><code>${expr}</code></button>`)}
  <//>`;
}

/** @param {{expression: import("../expressions.js").Expression, turn: number}} props */
function Result({ expression: { expr, tab }, turn }) {
  if (tab === "explain") return html`<${Explain} expr=${expr} turn=${turn} />`;
  return tab === "graph" ? html`<${Graph} expr=${expr} turn=${turn} />` : html`<${Table} expr=${expr} turn=${turn} />`;
}

/** @param {{expr: string, turn: number}} props */
function Graph({ expr, turn }) {
  const loaded = useLoad(async (abort) => {
    const result = await loadLines([{ expr }], abort);
    if (result.lines.series.length > 0) markDone("query");
    return result;
  }, [expr, range.value, turn], { every: refreshMs.value });
  if (loaded.error && loaded.data === undefined) return html`<${Failure} error=${loaded.error} onRetry=${loaded.reload} />`;
  return html`<${Loading} of=${loaded}>
    ${(/** @type {Awaited<ReturnType<typeof loadLines>>} */ { lines, common, asked, notes }) =>
      lines.series.length === 0
        ? html`<${NoResult} expr=${expr} />`
        : html`<p class="hint">${t("explore.count", { count: number(lines.series.length), step: asked.step })}${common && html` · ${t("explore.common")} <code>${common}</code>`}</p>
            <${Notes} list=${notes} />
            <div class="tall"><${LineChart} title=${expr} lines=${lines} height=${320} legend="table" start=${asked.start} end=${asked.end} /></div>`}
  <//>`;
}

const MOST_ROWS = 1000; // a table of more is scrolled, not read; the count says how many there are

/** @param {{expr: string, turn: number}} props */
function Table({ expr, turn }) {
  const loaded = useLoad(async (abort) => {
    const data = await prometheus("query", { query: expr, time: bounds(range.value).end / 1000 }, abort);
    if (data.result.length > 0) markDone("query");
    return data;
  }, [expr, range.value, turn], { every: refreshMs.value });
  return html`<${Loading} of=${loaded}>${(/** @type {any} */ data) => html`<${Rows} data=${data} expr=${expr} />`}<//>`;
}

/** @param {{data: any, expr: string}} props */
function Rows({ data, expr }) {
  const rows = tableRows(data);
  if (rows.length === 0) return html`<${NoResult} expr=${expr} />`;
  return html`<p class="hint">${t("explore.rows", { count: number(rows.length), time: dateTime(nowMs()) })}</p>
    <${Notes} list=${data.notes} />
    <div class="scroll result" tabindex="0"><table>
      <thead><tr><th scope="col">${t("explore.series")}</th><th scope="col" class="number">${t("explore.value")}</th></tr></thead>
      <tbody>${rows.slice(0, MOST_ROWS).map((row, index) => html`<tr key=${index}><td class="series-name"><${Name} labels=${row.labels} /></td><td class="number">${row.value}</td></tr>`)}</tbody>
    </table></div>`;
}

/** What the server remarks on a query whose answer it gave. @param {{list: string[]}} props */
function Notes({ list }) {
  return list.length === 0 ? null : html`<ul class="notes">${list.map((note) => html`<li key=${note}>${note}</li>`)}</ul>`;
}

/** @param {any} data any of the four kinds of result @returns {{labels: Record<string, string>, value: string}[]} */
function tableRows({ resultType, result }) {
  if (resultType === "scalar" || resultType === "string") return [{ labels: {}, value: result[1] }];
  if (resultType === "vector") return result.map((/** @type {any} */ one) => ({ labels: one.metric, value: one.value ? exact(one.value[1]) : histogram(one.histogram[1]) }));
  return result.map((/** @type {any} */ one) => ({ labels: one.metric, value: (one.values ?? []).map((/** @type {any} */ pair) => `${exact(pair[1])} @${pair[0]}`).join("\n") }));
}

/** @param {string} text */
const exact = (text) => (Number.isFinite(sample(text)) ? number(sample(text), 6) : text);
/** @param {{count: string, sum: string}} value */
const histogram = ({ count, sum }) => `count ${count}, sum ${sum}`;

/** @param {{labels: Record<string, string>}} props */
function Name({ labels: { __name__: name, ...rest } }) {
  const pairs = Object.entries(rest);
  return html`${name}${(pairs.length > 0 || !name) && "{"}${pairs.map(
    ([label, value], index) => html`${index > 0 && ", "}<span class="dim">${label}=</span>"${value}"`,
  )}${(pairs.length > 0 || !name) && "}"}`;
}

/** @param {{expr: string}} props */
function NoResult({ expr }) {
  return html`<${Empty} why=${t("explore.noResult")} hint=${t("explore.noResultHint")}>
    <${Button} onClick=${() => setQuery({ from: "now-24h", to: null })}>${t("time.last", { span: "24h" })}<//>
    ${/[{}]/.test(expr) && html`<${Button} onClick=${() => setQuery({ "g0.expr": expr.replace(/\{[^}]*\}/g, "") })}>${t("explore.withoutFilters")}<//>`}
  <//>`;
}
