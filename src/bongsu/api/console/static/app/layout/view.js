// The layouts of a place: which one is shown, its variables and panels, and changing it. The choice is in the address.
import { html, useEffect, useState } from "../ui.js";
import { session } from "../api.js";
import { t } from "../i18n.js";
import { lazy } from "../lazy.js";
import { useLoad } from "../load.js";
import { place, setQuery } from "../router.js";
import { Button, Empty, Failure, Loading, Panel as Box } from "../widgets.js";
import { Grid } from "./grid.js";
import { PanelView } from "./panel.js";
import { bottom, copyPanel, newId, settle } from "./place.js";
import { MOST_COPIES, repeatedBy, shownPanels } from "./repeat.js";
import { addLayout, changeLayout, listLayouts, loadLayout } from "./store.js";
import { ALL, allsOf, loadValues, valuesOf } from "./variables.js";

/** @typedef {import("./store.js").Layout} Layout */
/** @typedef {import("./store.js").Saved} Saved */

const AUTO = "auto";
const PanelEditor = lazy(() => import("./editor.js"), "PanelEditor", { quiet: true });
const VariableBar = lazy(() => import("./variable-bar.js"), "VariableBar");
const dialogPart = (/** @type {string} */ name) => lazy(() => import("./dialogs.js"), name, { quiet: true });
const [ImportLayout, NameLayout, RemoveLayout] = ["ImportLayout", "NameLayout", "RemoveLayout"].map(dialogPart);

/**
 * @param {{where: string, given: Record<string, string>, loadDefault: (abort: AbortSignal) => Promise<Layout>, empty: {why: string, hint?: string}}} props
 * `given` stands in expressions as $name; `loadDefault` makes what is shown while nothing is chosen
 */
export function Layouts({ where, given, loadDefault, empty }) {
  const listed = useLoad((abort) => listLayouts(where, abort), [where]);
  const asked = place.value.query.get("layout");
  const id = asked ?? (listed.data && (listed.data[0]?.layoutId ?? AUTO));
  const loaded = useLoad(
    async (abort) => (id === undefined ? undefined : id === AUTO ? { layoutId: "", name: t("layout.auto"), place: where, version: 0, modifiedMs: 0, layout: await loadDefault(abort) } : loadLayout(id, abort)),
    [id, where, JSON.stringify(given)],
  );
  if (listed.data === undefined) return html`<${Loading} of=${listed}>${() => null}<//>`;
  const gone = loaded.error && /** @type {any} */ (loaded.error).id === "unknown-layout";
  if (gone) return html`<${Box}><${Empty} why=${t("layout.gone")}><${Button} kind="primary" onClick=${() => setQuery({ layout: null })}>${t("layout.first")}<//><//><//>`;
  return html`<${Loading} of=${loaded}>
    ${(/** @type {Saved} */ saved) => html`<${Open} key=${`${saved.layoutId} ${saved.version}`} saved=${saved} listed=${listed.data ?? []} where=${where} given=${given} empty=${empty}
      onChanged=${(/** @type {string | null} */ next) => {
        listed.reload();
        setQuery({ layout: next, edit: null }, { replace: true });
        loaded.reload();
      }} />`}
  <//>`;
}

/** @param {{saved: Saved, listed: import("./store.js").Listed[], where: string, given: Record<string, string>, empty: {why: string, hint?: string}, onChanged: (id: string | null) => void}} props */
function Open({ saved, listed, where, given, empty, onChanged }) {
  // What was changed here, if anything: the layout itself may be loaded again meanwhile.
  const [changed, setLayout] = useState(/** @type {Layout | null} */ (null));
  const layout = changed ?? saved.layout;
  const [dialog, setDialog] = useState("");
  const [edited, setEdited] = useState(/** @type {import("./place.js").Panel | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const editing = place.value.query.has("edit") && session.value.scopes.includes("manage");
  const dirty = changed !== null;
  useWarning(dirty);
  const values = valuesOf(layout.variables, given);
  const alls = allsOf(layout.variables);
  const [folds, setFolds] = useState(/** @type {Map<string, boolean>} */ (new Map()));
  const isFolded = (/** @type {import("./place.js").Panel} */ row) => folds.get(row.id) ?? row.folded ?? false;
  const copied = useCopied(layout, values);
  const shown = editing ? layout.panels : shownPanels(layout.panels, copied, isFolded);
  const setPanels = (/** @type {import("./place.js").Panel[]} */ panels) => setLayout({ ...layout, panels });
  const keep = async () => {
    if (saved.layoutId === "") return setDialog("copy");
    try {
      onChanged((await changeLayout(saved, { layout })).layoutId);
    } catch (reason) {
      setError(reason);
    }
  };
  const addPanel = () => setEdited({ id: newId(layout.panels), title: "", kind: "lines", x: 0, y: bottom(layout.panels), w: 6, h: 5, queries: [{ expr: "" }] });
  const apply = (/** @type {import("./place.js").Panel} */ panel) => {
    const there = layout.panels.some((one) => one.id === panel.id);
    setPanels(settle(there ? layout.panels.map((one) => (one.id === panel.id ? panel : one)) : [...layout.panels, panel]));
    setEdited(null);
  };
  const discard = () => {
    setLayout(null);
    setQuery({ edit: null }, { replace: true });
  };
  return html`<div class="stack">
    <div class="layout-bar">
      <select aria-label=${t("layout.choose")} value=${saved.layoutId || AUTO} disabled=${dirty} onChange=${(/** @type {any} */ event) => setQuery({ layout: event.target.value, edit: null })}>
        <option value=${AUTO}>${t("layout.auto")}</option>${listed.map((one) => html`<option key=${one.layoutId} value=${one.layoutId}>${one.name}</option>`)}
      </select>
      ${layout.variables.length > 0 && html`<${VariableBar} variables=${layout.variables} values=${values} given=${given} />`}
      <div class="actions right">
        ${editing
          ? html`<${Button} icon="plus" onClick=${addPanel}>${t("layout.addPanel")}<//>
              <${Button} icon="check" kind="primary" disabled=${!dirty && saved.layoutId !== ""} onClick=${keep}>${t("action.save")}<//>
              <${Button} onClick=${discard}>${t(dirty ? "layout.discard" : "layout.done")}<//>`
          : html`<${Tools} saved=${saved} onDialog=${setDialog} />`}
      </div>
    </div>
    ${error && html`<${Failure} error=${error} />${error.id === "layout-changed" && html`<div class="actions"><${Button} onClick=${() => setDialog("copy")}>${t("layout.saveCopy")}<//></div>`}`}
    ${layout.notes.length > 0 && html`<details class="notes-box"><summary>${t("layout.notes", { count: layout.notes.length })}</summary><ul>${layout.notes.map((note) => html`<li key=${note}>${note}</li>`)}</ul></details>`}
    ${layout.panels.length === 0
      ? html`<${Box}><${Empty} why=${saved.layoutId ? t("layout.empty") : empty.why} hint=${saved.layoutId ? t("layout.emptyHint") : empty.hint}>${editing && html`<${Button} kind="primary" icon="plus" onClick=${addPanel}>${t("layout.addPanel")}<//>`}<//><//>`
      : html`<${TooManyCopies} values=${copied} names=${repeatedBy(layout.panels)} /><${Grid} panels=${shown} editing=${editing} onChange=${setPanels} onEdit=${setEdited}
          onCopy=${(/** @type {any} */ panel) => setPanels(copyPanel(layout.panels, panel.id))} onRemove=${(/** @type {any} */ panel) => setPanels(settle(layout.panels.filter((one) => one.id !== panel.id)))}
          draw=${(/** @type {any} */ panel) => html`<${PanelView} panel=${{ ...panel, folded: isFolded(panel) }} values=${values} alls=${alls} editing=${editing} onFold=${() => setFolds(new Map(folds).set(panel.id, !isFolded(panel)))} />`} />`}
    ${edited && html`<${PanelEditor} panel=${edited} values=${values} variables=${layout.variables} onSave=${apply} onClose=${() => setEdited(null)} />`}
    ${dialog === "copy" && html`<${NameLayout} title=${t("layout.saveCopy")} name=${saved.layoutId ? t("layout.copyOf", { name: saved.name }) : ""} onClose=${() => setDialog("")} onName=${async (/** @type {string} */ name) => onChanged((await addLayout(name, where, layout)).layoutId)} />`}
    ${dialog === "rename" && html`<${NameLayout} title=${t("layout.rename")} name=${saved.name} onClose=${() => setDialog("")} onName=${async (/** @type {string} */ name) => onChanged((await changeLayout(saved, { name })).layoutId)} />`}
    ${dialog === "delete" && html`<${RemoveLayout} saved=${saved} onClose=${() => setDialog("")} onDone=${() => onChanged(null)} />`}
    ${dialog === "import" && html`<${ImportLayout} onClose=${() => setDialog("")} onLayout=${async (/** @type {string} */ name, /** @type {Layout} */ next) => onChanged((await addLayout(name, where, next)).layoutId)} />`}
  </div>`;
}

/** The values with every one that is known in place of "all", for the variables that something repeats by. @param {Layout} layout @param {Map<string, string[]>} values */
function useCopied(layout, values) {
  const names = repeatedBy(layout.panels).filter((name) => values.get(name)?.[0] === ALL);
  const variables = layout.variables.filter((one) => names.includes(one.name));
  const known = useLoad(async (abort) => Promise.all(variables.map(async (one) => /** @type {[string, string[]]} */ ([one.name, await loadValues(one, values, abort)]))), [names.join(), JSON.stringify([...values])]);
  return new Map([...values, ...(known.data ?? []).filter(([name]) => names.includes(name))]);
}

/** @param {{values: Map<string, string[]>, names: string[]}} props */
function TooManyCopies({ values, names }) {
  return names.filter((name) => (values.get(name)?.length ?? 0) > MOST_COPIES).map((name) => html`<p class="hint" key=${name}>${t("layout.moreCopies", { most: MOST_COPIES, variable: name })}</p>`);
}

/** @param {{saved: Saved, onDialog: (name: string) => void}} props */
function Tools({ saved, onDialog }) {
  if (!session.value.scopes.includes("manage")) return html`<span class="hint">${t("layout.readOnly")}</span>`;
  const own = saved.layoutId !== "";
  return html`
    <${Button} icon="edit" onClick=${() => setQuery({ edit: "1", layout: saved.layoutId || AUTO })}>${t("layout.edit")}<//>
    <${Button} icon="copy" kind="quiet" label=${t("layout.saveCopy")} onClick=${() => onDialog("copy")} />
    <${Button} icon="import" kind="quiet" label=${t("layout.import")} onClick=${() => onDialog("import")} />
    ${own && html`<${Button} icon="rename" kind="quiet" label=${t("layout.rename")} onClick=${() => onDialog("rename")} /><${Button} icon="trash" kind="quiet" label=${t("layout.delete")} onClick=${() => onDialog("delete")} />`}
  `;
}

/** Leaving with unsaved changes asks first. @param {boolean} dirty */
function useWarning(dirty) {
  useEffect(() => {
    if (!dirty) return undefined;
    const ask = (/** @type {BeforeUnloadEvent} */ event) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [dirty]);
}
