// Settings: how this browser shows things, how other programs connect, and who works here.
import { html } from "../ui.js";
import { AccessSheet } from "../access.js";
import { Account, FirstAdministrator } from "../account.js";
import { mayOwn, session } from "../api.js";
import { Segments } from "../choices.js";
import { LANGUAGES, language, setLanguage, t } from "../i18n.js";
import { Keys, loadKeys } from "../keys.js";
import { useLoad } from "../load.js";
import { Members } from "../members.js";
import * as settings from "../settings.js";
import { formatDuration } from "../time.js";
import { CopyButton, Panel } from "../widgets.js";

export function Page() {
  const mayManage = mayOwn();
  const { user, mayMakeFirst } = session.value;
  const keys = useLoad(async (abort) => (mayManage ? loadKeys(abort) : []), []);
  return html`
    ${mayMakeFirst && html`<${FirstAdministrator} />`}
    <${Panel} title=${t("settings.look")}>
      <table class="pairs"><tbody>
        <${Row} name=${t("settings.language")}><${Segments} label=${t("settings.language")} value=${language.value} onChange=${setLanguage} options=${Object.entries(LANGUAGES).map(([value, text]) => ({ value, text }))} /><//>
        <${Choice} name="theme" choice=${settings.theme} values=${settings.THEMES} />
        <${Choice} name="density" choice=${settings.density} values=${settings.DENSITIES} />
        <${Choice} name="zone" choice=${settings.zone} values=${settings.ZONES} />
      </tbody></table>
      <p class="hint">${t("settings.where")}</p>
    <//>
    <${Project} />
    <${Panel} title="URL & Appkey"><div class="stack"><${AccessSheet} onMade=${keys.reload} /></div><//>
    ${mayManage && html`<${Keys} keys=${keys} />`} ${user && html`<${Members} />`} ${user && html`<${Account} />`}
  `;
}

/** What the operator has set for the project, and how to change it. */
function Project() {
  const { project } = session.value;
  const line = `bongsu project update ${project.projectId} --retention 30d`;
  const retention = project.retentionMs === 0 ? t("status.forEver") : formatDuration(project.retentionMs);
  return html`<${Panel} title=${t("settings.project")}>
    <table class="pairs"><tbody>
      <${Row} name=${t("workspaces.name")}>${project.name}<//>
      <${Row} name=${t("settings.region")}>${project.region} <span class="hint">${t("settings.regionHint")}</span><//>
      <${Row} name=${t("status.retention")}>${retention}<//>
    </tbody></table>
    <p class="hint">${t("settings.operator")}</p>
    <div class="actions"><code>${line}</code><${CopyButton} text=${line} /></div>
  <//>`;
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
