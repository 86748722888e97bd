// The chart editor: what a panel asks, by metric and filters or in PromQL, how it is drawn, and what that looks like now.
import { html, useState } from "../ui.js";
import { prometheus } from "../api.js";
import { Segments } from "../choices.js";
import { UNIT_NAMES } from "../format.js";
import { t } from "../i18n.js";
import { useLoad } from "../load.js";
import { Button, Dialog, Field } from "../widgets.js";
import { AGGREGATIONS, build, FUNCTIONS, OPERATORS, read } from "./builder.js";
import { Content } from "./panel.js";
import { COLUMNS } from "./place.js";
import { allsOf, interpolate } from "./variables.js";

/** @typedef {import("./place.js").Panel} Panel */
/** @typedef {import("./place.js").Query} Query */

const KINDS = ["lines", "stat", "gauge", "table", "heatmap", "text"];
const MOST_SUGGESTED = 5000; // metric names that a browser's list of suggestions still handles at once
const PREVIEW_ROWS = 5;

/** @param {{panel: Panel, values: Map<string, string[]>, variables: import("./variables.js").Variable[], onSave: (panel: Panel) => void, onClose: () => void}} props */
export function PanelEditor({ panel, values, variables, onSave, onClose }) {
  const [draft, setDraft] = useState(panel);
  const set = (/** @type {Partial<Panel>} */ changes) => setDraft({ ...draft, ...changes });
  const queries = draft.queries ?? [];
  const setQuery = (/** @type {number} */ index, /** @type {Query | null} */ query) =>
    set({ queries: query ? queries.map((old, at) => (at === index ? query : old)) : queries.filter((_, at) => at !== index) });
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    onSave({ ...draft, queries: queries.filter((query) => query.expr.trim() !== "") });
  };
  const preview = { ...draft, h: PREVIEW_ROWS, queries: queries.map((query) => ({ ...query, expr: interpolate(query.expr, values, allsOf(variables)) })) };
  return html`<${Dialog} title=${t("panel.edit")} wide onClose=${onClose}>
    <form onSubmit=${save}>
      <div class="fields">
        <${Field} label=${t("panel.title")}><input autofocus maxlength="500" value=${draft.title} onInput=${(/** @type {any} */ event) => set({ title: event.target.value })} /><//>
        <${Field} label=${t("panel.unit")}><select value=${draft.unit || "none"} onChange=${(/** @type {any} */ event) => set({ unit: event.target.value })}>${UNIT_NAMES.map((name) => html`<option key=${name} value=${name}>${t(`unit.${name}`)}</option>`)}</select><//>
      </div>
      <${Segments} label=${t("panel.kind")} value=${draft.kind} onChange=${(/** @type {any} */ kind) => set({ kind })} options=${KINDS.map((value) => ({ value, text: t(`panel.kind.${value}`) }))} />
      ${draft.kind === "text"
        ? html`<${Field} label=${t("panel.text")}><textarea rows="5" value=${draft.text ?? ""} onInput=${(/** @type {any} */ event) => set({ text: event.target.value })}></textarea><//>`
        : html`${queries.map((query, index) => html`<${QueryEditor} key=${index} query=${query} values=${values} onChange=${(/** @type {Query} */ next) => setQuery(index, next)} onRemove=${queries.length > 1 ? () => setQuery(index, null) : undefined} />`)}
            <div class="actions"><${Button} icon="plus" onClick=${() => set({ queries: [...queries, { expr: "" }] })}>${t("explore.add")}<//></div>
            <section class="preview" aria-label=${t("panel.preview")}><${Content} panel=${preview} title=${draft.title} /></section>`}
      <${Options} draft=${draft} set=${set} variables=${variables} />
      <footer><${Button} onClick=${onClose}>${t("action.cancel")}<//><${Button} type="submit" kind="primary">${t("panel.apply")}<//></footer>
    </form>
  <//>`;
}

const CALCS = ["last", "mean", "max", "min", "sum"];

/** @param {{draft: Panel, set: (changes: Partial<Panel>) => void, variables: import("./variables.js").Variable[]}} props */
function Options({ draft, set, variables }) {
  const number = (/** @type {"min" | "max"} */ name) => html`<${Field} label=${t(`panel.${name}`)}>
    <input type="number" step="any" value=${draft[name] ?? ""} onInput=${(/** @type {any} */ event) => set({ [name]: event.target.value === "" ? null : Number(event.target.value) })} />
  <//>`;
  const size = (/** @type {"w" | "h"} */ name, /** @type {number} */ most) => html`<${Field} label=${t(`panel.${name}`)}>
    <input type="number" required min="1" max=${most} value=${draft[name]} onInput=${(/** @type {any} */ event) => event.target.value && set({ [name]: Math.max(1, Math.min(most, Math.round(Number(event.target.value)))) })} />
  <//>`;
  const flag = (/** @type {"fill" | "stack" | "share" | "row" | "graph"} */ name) => html`<label class="check"><input type="checkbox" checked=${draft[name] ?? false} onChange=${(/** @type {any} */ event) => set({ [name]: event.target.checked })} />${t(`panel.${name}`)}</label>`;
  return html`<div class="fields small">
      ${size("w", COLUMNS - draft.x)}${size("h", 40)} ${["lines", "gauge"].includes(draft.kind) && html`${number("min")}${number("max")}`}
      ${["stat", "gauge", "table"].includes(draft.kind) && html`<${Field} label=${t("panel.calc")}><select value=${draft.calc ?? "last"} onChange=${(/** @type {any} */ event) => set({ calc: event.target.value })}>${CALCS.map((name) => html`<option key=${name} value=${name}>${t(`calc.${name}`)}</option>`)}</select><//>`}
      ${variables.length > 0 && html`<${Field} label=${t("panel.repeat")}><select value=${draft.repeat ?? ""} onChange=${(/** @type {any} */ event) => set({ repeat: event.target.value })}><option value="">${t("panel.repeatNone")}</option>${variables.map(({ name, label }) => html`<option key=${name} value=${name}>${label || name}</option>`)}</select><//>`}
      ${draft.repeat && !draft.row && html`<${Field} label=${t("panel.across")}><input type="number" min="1" max=${COLUMNS} value=${draft.across ?? ""} onInput=${(/** @type {any} */ event) => set({ across: event.target.value ? Math.max(1, Math.min(COLUMNS, Math.round(Number(event.target.value)))) : undefined })} /><//>`}
    </div>
    ${draft.kind === "lines" && html`<div class="actions">${flag("fill")}${flag("stack")}${draft.stack && flag("share")}</div>`}
    ${draft.kind === "text" && html`<div class="actions">${flag("row")}</div>`}
    ${draft.kind === "stat" && html`<div class="actions">${flag("graph")}</div>`}
    <${Field} label=${t("workspaces.description")}><input maxlength="2000" value=${draft.describes ?? ""} onInput=${(/** @type {any} */ event) => set({ describes: event.target.value })} /><//>`;
}

/** @param {{query: Query, values: Map<string, string[]>, onChange: (query: Query) => void, onRemove?: () => void}} props */
function QueryEditor({ query, values, onChange, onRemove }) {
  const built = query.expr === "" ? { metric: "", filters: [], fn: "", agg: "", by: [] } : read(query.expr);
  const [raw, setRaw] = useState(built === null);
  const modes = [{ value: "builder", text: t("panel.builder") }, { value: "promql", text: "PromQL" }];
  const promql = raw || built === null;
  return html`<fieldset class="query">
    <legend class="visually-hidden">${t("panel.query")}</legend>
    <div class="actions">
      <${Segments} label=${t("panel.mode")} value=${promql ? "promql" : "builder"} options=${modes} onChange=${(/** @type {string} */ mode) => setRaw(mode === "promql")} />
      ${built === null && html`<span class="hint">${t("panel.notBuilt")}</span>`}
      ${onRemove && html`<${Button} icon="trash" kind="quiet" label=${t("explore.remove")} onClick=${onRemove} />`}
    </div>
    ${promql
      ? html`<textarea class="code" rows="2" spellcheck=${false} aria-label=${t("explore.expression")} placeholder=${t("panel.promqlHint")} value=${query.expr} onInput=${(/** @type {any} */ event) => onChange({ ...query, expr: event.target.value })}></textarea>`
      : html`<${Builder} built=${built} values=${values} onChange=${(/** @type {any} */ next) => onChange({ ...query, expr: build(next) })} />`}
    ${!promql && query.expr && html`<code class="hint">${query.expr}</code>`}
    <${Field} label=${t("panel.legend")} hint=${t("panel.legendHint", { open: "{{", close: "}}" })}><input maxlength="500" value=${query.legend ?? ""} onInput=${(/** @type {any} */ event) => onChange({ ...query, legend: event.target.value })} /><//>
  </fieldset>`;
}

/** @param {{built: import("./builder.js").Built, values: Map<string, string[]>, onChange: (built: import("./builder.js").Built) => void}} props */
function Builder({ built, values, onChange }) {
  const job = values.get("job")?.[0];
  const match = job ? { "match[]": `{job=${JSON.stringify(job)}}` } : {};
  const names = useLoad((abort) => prometheus("label/__name__/values", { ...match, limit: MOST_SUGGESTED }, abort), [job]);
  const [metric, setMetric] = useState(built.metric);
  const labels = useLoad(async (abort) => (built.metric ? prometheus("labels", { "match[]": built.metric }, abort) : []), [built.metric]);
  const set = (/** @type {Partial<import("./builder.js").Built>} */ changes) => onChange({ ...built, ...changes });
  const take = (/** @type {string} */ name) => {
    setMetric(name);
    // A counter alone says nothing: its growth does.
    if (name !== built.metric) set({ metric: name, fn: /_total$/.test(name) ? "rate" : /_bucket$/.test(name) ? "histogram_quantile" : built.fn });
  };
  const known = /** @type {string[]} */ (labels.data ?? []).filter((name) => name !== "__name__");
  const setFilter = (/** @type {number} */ index, /** @type {any} */ filter) =>
    set({ filters: filter ? built.filters.map((old, at) => (at === index ? filter : old)) : built.filters.filter((_, at) => at !== index) });
  return html`<div class="builder">
    <datalist id="metric-names">${(names.data ?? []).map((/** @type {string} */ name) => html`<option key=${name} value=${name} />`)}</datalist>
    <div class="fields">
      <${Field} label=${t("panel.metric")}><input list="metric-names" spellcheck=${false} value=${metric} onInput=${(/** @type {any} */ event) => setMetric(event.target.value)} onChange=${(/** @type {any} */ event) => take(event.target.value.trim())} /><//>
      <${Field} label=${t("panel.function")}><select value=${built.fn} onChange=${(/** @type {any} */ event) => set({ fn: event.target.value })}>${FUNCTIONS.map((name) => html`<option key=${name} value=${name}>${t(`function.${name || "none"}`)}</option>`)}</select><//>
      ${built.fn !== "histogram_quantile" && html`<${Field} label=${t("panel.aggregate")}><select value=${built.agg} onChange=${(/** @type {any} */ event) => set({ agg: event.target.value })}>${AGGREGATIONS.map((name) => html`<option key=${name} value=${name}>${name || t("function.none")}</option>`)}</select><//>`}
    </div>
    ${built.filters.map((filter, index) => html`<${FilterRow} key=${index} metric=${built.metric} filter=${filter} labels=${known} onChange=${(/** @type {any} */ next) => setFilter(index, next)} />`)}
    <div class="actions">
      <${Button} icon="plus" kind="quiet" disabled=${built.metric === ""} onClick=${() => set({ filters: [...built.filters, { label: known[0] ?? "job", op: "=", value: "" }] })}>${t("panel.addFilter")}<//>
      ${(built.agg !== "" || built.fn === "histogram_quantile") &&
      html`<fieldset class="by"><legend>${t("panel.by")}</legend>${known.filter((name) => name !== "le").map((name) => html`<label class="check" key=${name}><input type="checkbox" checked=${built.by.includes(name)} onChange=${() => set({ by: built.by.includes(name) ? built.by.filter((one) => one !== name) : [...built.by, name] })} />${name}</label>`)}</fieldset>`}
    </div>
  </div>`;
}

/** @param {{metric: string, filter: import("./builder.js").Filter, labels: string[], onChange: (filter: any) => void}} props */
function FilterRow({ metric, filter, labels, onChange }) {
  const found = useLoad(async (abort) => (filter.label ? prometheus(`label/${encodeURIComponent(filter.label)}/values`, { "match[]": metric, limit: 500 }, abort) : []), [metric, filter.label]);
  const id = `values-of-${filter.label}`;
  const [value, setValue] = useState(filter.value);
  return html`<div class="actions filter">
    <select aria-label=${t("panel.label")} value=${filter.label} onChange=${(/** @type {any} */ event) => onChange({ ...filter, label: event.target.value })}>${[...new Set([filter.label, ...labels])].map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select>
    <select aria-label=${t("panel.operator")} value=${filter.op} onChange=${(/** @type {any} */ event) => onChange({ ...filter, op: event.target.value })}>${OPERATORS.map((op) => html`<option key=${op} value=${op}>${op}</option>`)}</select>
    <datalist id=${id}>${(found.data ?? []).map((/** @type {string} */ one) => html`<option key=${one} value=${one} />`)}</datalist>
    <input list=${id} aria-label=${t("explore.value")} value=${value} onInput=${(/** @type {any} */ event) => setValue(event.target.value)} onChange=${(/** @type {any} */ event) => onChange({ ...filter, value: event.target.value })} />
    <${Button} icon="close" kind="quiet" label=${t("panel.removeFilter")} onClick=${() => onChange(null)} />
  </div>`;
}
