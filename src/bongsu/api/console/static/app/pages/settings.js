// Settings: how this browser shows things, and how other programs connect.
import { html } from "../ui.js";
import { AccessSheet } from "../access.js";
import { session } from "../api.js";
import { Segments } from "../choices.js";
import { LANGUAGES, language, setLanguage, t } from "../i18n.js";
import { Keys, loadKeys } from "../keys.js";
import { useLoad } from "../load.js";
import * as settings from "../settings.js";
import { Panel } from "../widgets.js";

export function Page() {
  const mayManage = session.value.scopes.includes("manage");
  const keys = useLoad(async (abort) => (mayManage ? loadKeys(abort) : []), []);
  return html`
    <${Panel} title=${t("settings.look")}>
      <table class="pairs"><tbody>
        <${Row} name=${t("settings.language")}><${Segments} label=${t("settings.language")} value=${language.value} onChange=${setLanguage} options=${Object.entries(LANGUAGES).map(([value, text]) => ({ value, text }))} /><//>
        <${Choice} name="theme" choice=${settings.theme} values=${settings.THEMES} />
        <${Choice} name="density" choice=${settings.density} values=${settings.DENSITIES} />
        <${Choice} name="zone" choice=${settings.zone} values=${settings.ZONES} />
      </tbody></table>
      <p class="hint">${t("settings.where")}</p>
    <//>
    <${Panel} title="URL & Appkey"><div class="stack"><${AccessSheet} onMade=${keys.reload} /></div><//>
    ${mayManage && html`<${Keys} keys=${keys} />`}
  `;
}

/** @param {{name: string, children: any}} props */
function Row({ name, children }) {
  return html`<tr><th scope="row">${name}</th><td>${children}</td></tr>`;
}

/** @param {{name: string, choice: any, values: string[]}} props */
function Choice({ name, choice, values }) {
  const label = t(`settings.${name}`);
  const options = values.map((value) => ({ value, text: t(`settings.${name}.${value}`) }));
  return html`<${Row} name=${label}><${Segments} label=${label} value=${choice.value} options=${options} onChange=${(/** @type {string} */ value) => (choice.value = value)} /><//>`;
}
