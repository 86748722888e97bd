// The variables of a layout, to be chosen from what the server knows; the choice is in the address.
import { html } from "../ui.js";
import { t } from "../i18n.js";
import { useLoad } from "../load.js";
import { setQuery } from "../router.js";
import { ALL, chosen, loadValues } from "./variables.js";

/** @typedef {import("./variables.js").Variable} Variable */

/** @param {{variables: Variable[], values: Map<string, string[]>}} props */
export function VariableBar({ variables, values }) {
  return variables.map((variable) => html`<${Choice} key=${variable.name} variable=${variable} values=${values} />`);
}

/** @param {{variable: Variable, values: Map<string, string[]>}} props */
function Choice({ variable, values }) {
  const others = [...values].filter(([name]) => name !== variable.name);
  const loaded = useLoad((abort) => loadValues(variable, values, abort), [variable.query, JSON.stringify(others)]);
  const now = chosen(variable);
  const known = loaded.data ?? [];
  const set = (/** @type {string[]} */ list) => setQuery({ [`var-${variable.name}`]: list.length === 0 ? null : list.join(",") }, { replace: true });
  const label = variable.label || variable.name;
  if (!variable.query && !variable.values?.length) {
    return html`<label class="variable"><span>${label}</span><input value=${now[0] ?? ""} onChange=${(/** @type {any} */ event) => set([event.target.value].filter(Boolean))} /></label>`;
  }
  if (variable.multi) return html`<${Several} variable=${variable} label=${label} known=${known} now=${now} set=${set} />`;
  const options = [...new Set([...now.filter((one) => one !== ALL), ...known])];
  return html`<label class="variable"><span>${label}</span>
    <select value=${now[0] ?? ""} onChange=${(/** @type {any} */ event) => set([event.target.value].filter((one) => one !== ALL))}>
      ${variable.all && html`<option value=${ALL}>${t("layout.all")}</option>`}
      ${now.length === 0 && html`<option value="" disabled>${t("layout.choosePrompt")}</option>`}
      ${options.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
    </select>
  </label>`;
}

/** @param {{variable: Variable, label: string, known: string[], now: string[], set: (list: string[]) => void}} props */
function Several({ variable, label, known, now, set }) {
  const all = now.length === 0 || now[0] === ALL;
  const toggle = (/** @type {string} */ one) => {
    const before = all ? [] : now;
    set(before.includes(one) ? before.filter((other) => other !== one) : [...before, one]);
  };
  const text = all ? t(variable.all ? "layout.all" : "layout.choosePrompt") : now.length === 1 ? now[0] : t("layout.several", { count: now.length });
  return html`<details class="menu variable"><summary><span>${label}</span> ${text}</summary>
    <div class="sheet picks">
      ${variable.all && html`<label><input type="checkbox" checked=${all} onChange=${() => set([])} />${t("layout.all")}</label>`}
      ${known.length === 0 && html`<p class="hint">${t("layout.noValues")}</p>`}
      ${known.map((one) => html`<label key=${one}><input type="checkbox" checked=${!all && now.includes(one)} onChange=${() => toggle(one)} />${one}</label>`)}
    </div>
  </details>`;
}
