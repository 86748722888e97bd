// A person's own account: the browsers that are signed in, the password; and how the first one of a server is made.
import { html, useState } from "./ui.js";
import { consoleApi, makeFirstAdministrator, session } from "./api.js";
import { dateTime } from "./format.js";
import { t } from "./i18n.js";
import { useLoad } from "./load.js";
import { Password } from "./signin.js";
import { Button, Field, FormDialog, Loading, Panel } from "./widgets.js";

/** @typedef {{sessionId: string, method: string, createdMs: number, seenMs: number, expiresMs: number, address: string | null, client: string | null, isOwn: boolean}} OpenSession */

const SESSIONS = "account/sessions";

export function Account() {
  const { user } = session.value;
  const sessions = useLoad(async (abort) => (await consoleApi("GET", SESSIONS, { signal: abort })).sessions, []);
  const [changing, setChanging] = useState(false);
  const end = async (/** @type {string} */ path) => {
    await consoleApi("DELETE", path);
    sessions.reload();
  };
  const actions = html`
    ${user.hasPassword && html`<${Button} icon="key" onClick=${() => setChanging(true)}>${t("account.password")}<//>`}
    <${Button} icon="out" onClick=${() => end(SESSIONS)}>${t("account.endOthers")}<//>
  `;
  return html`<${Panel} title=${t("account.title", { name: user.name })} actions=${actions}>
    <${Loading} of=${sessions}>
      ${(/** @type {OpenSession[]} */ list) => html`<div class="scroll" tabindex="0"><table>
        <thead><tr><th scope="col">${t("account.client")}</th><th scope="col">${t("account.address")}</th><th scope="col">${t("account.method")}</th><th scope="col">${t("account.since")}</th><th scope="col">${t("account.seen")}</th><td></td></tr></thead>
        <tbody>${list.map(
          (one) => html`<tr key=${one.sessionId}>
            <th scope="row">${one.client ?? "–"}</th>
            <td>${one.address ?? "–"}</td>
            <td>${t(`account.method.${one.method}`)}</td>
            <td>${dateTime(one.createdMs)}</td>
            <td>${dateTime(one.seenMs)}</td>
            <td>${one.isOwn ? html`<span class="hint">${t("keys.own")}</span>` : html`<${Button} icon="out" kind="quiet" label=${t("account.end")} onClick=${() => end(`${SESSIONS}/${one.sessionId}`)} />`}</td>
          </tr>`,
        )}</tbody>
      </table></div>`}
    <//>
    ${changing && html`<${ChangePassword} onClose=${() => setChanging(false)} onDone=${sessions.reload} />`}
  <//>`;
}

/** @param {{onClose: () => void, onDone: () => void}} props */
function ChangePassword({ onClose, onDone }) {
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const change = async () => {
    await consoleApi("PUT", "account/password", { json: { current, password } });
    onDone();
  };
  return html`<${FormDialog} title=${t("account.password")} submit=${t("account.password")} onSubmit=${change} onClose=${onClose}>
    <${Password} label=${t("account.current")} complete="current-password" value=${current} onChange=${setCurrent} />
    <${Password} label=${t("signin.newPassword")} hint=${t("signin.passwordHint")} complete="new-password" value=${password} onChange=${setPassword} />
    <p class="hint">${t("account.passwordEnds")}</p>
  <//>`;
}

/** For the browser that the server's own link signed in, while there are no people yet. */
export function FirstAdministrator() {
  const [making, setMaking] = useState(false);
  return html`<${Panel} title=${t("first.title")} actions=${html`<${Button} icon="plus" kind="primary" onClick=${() => setMaking(true)}>${t("first.make")}<//>`}>
    <p class="hint">${t("first.why")}</p>
    ${making && html`<${MakeFirst} onClose=${() => setMaking(false)} />`}
  <//>`;
}

/** @param {{onClose: () => void}} props */
function MakeFirst({ onClose }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  return html`<${FormDialog} title=${t("first.title")} submit=${t("first.make")} onSubmit=${() => makeFirstAdministrator({ name, password })} onClose=${onClose}>
    <${Field} label=${t("members.name")} hint=${t("members.nameHint")}>
      <input required autocomplete="username" autocapitalize="none" spellcheck=${false} value=${name} onInput=${(/** @type {any} */ event) => setName(event.target.value)} />
    <//>
    <${Password} label=${t("signin.newPassword")} hint=${t("signin.passwordHint")} complete="new-password" value=${password} onChange=${setPassword} />
  <//>`;
}
