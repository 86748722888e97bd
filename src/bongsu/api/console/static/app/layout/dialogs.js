// Dialogs about whole layouts: a name, an end, and a Grafana dashboard taken over.
import { html, useState } from "../ui.js";
import { t } from "../i18n.js";
import { Empty, Field, FormDialog } from "../widgets.js";
import { importGrafana } from "./grafana.js";
import { removeLayout } from "./store.js";

/** @param {{title: string, name: string, onName: (name: string) => Promise<unknown>, onClose: () => void}} props */
export function NameLayout({ title, name, onName, onClose }) {
  const [text, setText] = useState(name);
  return html`<${FormDialog} title=${title} submit=${t("action.save")} onSubmit=${() => onName(text)} onClose=${onClose}>
    <${Field} label=${t("workspaces.name")} hint=${t("layout.nameHint")}><input required autofocus maxlength="255" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} /><//>
  <//>`;
}

/** @param {{saved: import("./store.js").Saved, onDone: () => void, onClose: () => void}} props */
export function RemoveLayout({ saved, onDone, onClose }) {
  const remove = async () => {
    await removeLayout(saved.layoutId);
    onDone();
  };
  return html`<${FormDialog} title=${t("layout.delete")} submit=${t("action.delete")} danger onSubmit=${remove} onClose=${onClose}>
    <p><strong>${saved.name}</strong></p><p>${t("layout.deleteWarn")}</p>
  <//>`;
}

/** @param {{onLayout: (name: string, layout: import("./store.js").Layout) => Promise<unknown>, onClose: () => void}} props */
export function ImportLayout({ onLayout, onClose }) {
  const [text, setText] = useState("");
  const read = text.trim() === "" ? null : readDashboard(text);
  const save = async () => {
    if (read?.imported) await onLayout(read.imported.name, read.imported.layout);
  };
  const take = async (/** @type {any} */ event) => setText((await event.target.files[0]?.text()) ?? "");
  return html`<${FormDialog} title=${t("layout.import")} submit=${t("layout.importDo")} disabled=${!read?.imported?.layout.panels.length} onSubmit=${save} onClose=${onClose}>
    <p class="hint">${t("layout.importHint")}</p>
    <${Field} label=${t("layout.file")}><input type="file" accept="application/json,.json" onChange=${take} /><//>
    <${Field} label=${t("layout.paste")}><textarea class="code" rows="6" spellcheck=${false} value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)}></textarea><//>
    ${read?.problem && html`<${Empty} why=${t("layout.importBad")} hint=${read.problem} />`}
    ${read?.imported && html`<${Found} imported=${read.imported} />`}
  <//>`;
}

/** @param {{imported: import("./grafana.js").Imported}} props */
function Found({ imported: { name, layout } }) {
  return html`<div class="found">
    <strong>${name}</strong>
    <p>${t("layout.importFound", { panels: layout.panels.length, variables: layout.variables.length })}</p>
    ${layout.notes.length > 0 && html`<p>${t("layout.notes", { count: layout.notes.length })}</p><ul class="scroll carried" tabindex="0">${layout.notes.map((note) => html`<li key=${note}>${note}</li>`)}</ul>`}
  </div>`;
}

/** @param {string} text @returns {{imported?: import("./grafana.js").Imported, problem?: string}} */
function readDashboard(text) {
  try {
    return { imported: importGrafana(JSON.parse(text)) };
  } catch (error) {
    return { problem: String(/** @type {Error} */ (error).message) };
  }
}
