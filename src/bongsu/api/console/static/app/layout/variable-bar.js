// The variables of a layout, to be chosen from what the server knows; the choice is in the address.
import { html, useEffect } from "../ui.js";
import { t } from "../i18n.js";
import { useLoad } from "../load.js";
import { place, setQuery } from "../router.js";
import { ALL, chosen, loadValues } from "./variables.js";

/** @typedef {import("./variables.js").Variable} Variable */

/** @param {{variables: Variable[], values: Map<string, string[]>, given: Record<string, string>}} props `given`: values of the page, which are chosen first */
export function VariableBar({ variables, values, given }) {
  return variables.map((variable) => html`<${Choice} key=${variable.name} variable=${variable} values=${values} given=${given} />`);
}

/** @param {{variable: Variable, values: Map<string, string[]>, given: Record<string, string>}} props */
function Choice({ variable, values, given }) {
  const others = [...values].filter(([name]) => name !== variable.name);
  const loaded = useLoad((abort) => loadValues(variable, values, abort), [variable.query, JSON.stringify(others)]);
  const now = chosen(variable);
  const known = loaded.data ?? [];
  useDefault(variable, now, loaded.data, given);
  const set = (/** @type {string[]} */ list) => setQuery({ [`var-${variable.name}`]: list.length === 0 ? null : list.join(",") }, { replace: true });
  const label = variable.label || variable.name;
  if (!variable.query && !variable.values?.length) {
    return html`<label class="variable"><span>${label}</span><input value=${now[0] ?? ""} onChange=${(/** @type {any} */ event) => set([event.target.value].filter(Boolean))} /></label>`;
  }
  if (variable.multi) return html`<${Several} variable=${variable} label=${label} known=${known} now=${now} set=${set} />`;
  const options = [...new Set([...now.filter((one) => one !== ALL), ...known])];
  return html`<label class="variable"><span>${label}</span>
    <select aria-label=${label} value=${now[0] ?? ""} onChange=${(/** @type {any} */ event) => set([event.target.value].filter((one) => one !== ALL))}>
      ${variable.all && html`<option value=${ALL}>${t("layout.all")}</option>`}
      ${now.length === 0 && html`<option value="" disabled>${t("layout.choosePrompt")}</option>`}
      ${options.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
    </select>
  </label>`;
}

/**
 * What a layout brought along may be a name of another server: what is not known here gives way to the first that is. A choice
 * in the address stays as it is.
 * @param {Variable} variable @param {string[]} now @param {string[] | undefined} known @param {Record<string, string>} given
 */
function useDefault(variable, now, known, given) {
  const asked = place.value.query.has(`var-${variable.name}`);
  const fits = variable.all ? now[0] === ALL || now.some((one) => known?.includes(one)) : now.length > 0 && now.every((one) => known?.includes(one));
  const wrong = !asked && known !== undefined && known.length > 0 && !fits;
  useEffect(() => {
    if (!wrong) return;
    const best = known.find((one) => Object.values(given).includes(one)) ?? known[0];
    setQuery({ [`var-${variable.name}`]: variable.all && variable.multi ? ALL : best }, { replace: true });
  }, [wrong, known]);
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
