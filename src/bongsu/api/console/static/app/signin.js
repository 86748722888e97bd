// The sign-in page: a name and password, a provider, or a key. What is typed is exchanged for a cookie, and not kept by the page.
import { html, useEffect, useState } from "./ui.js";
import { consoleApi, ended, session, signIn, signOut } from "./api.js";
import { LanguageChoice, Segments, ThemeButton } from "./choices.js";
import { t } from "./i18n.js";
import { ROOT } from "./router.js";
import { invitation, problem } from "./signin-state.js";
import { Button, Failure, Field } from "./widgets.js";

/** Send credentials and show why they were refused. @returns {[boolean, (credentials: import("./api.js").Credentials) => Promise<void>]} */
function useSignIn() {
  const [busy, setBusy] = useState(false);
  const send = async (/** @type {import("./api.js").Credentials} */ credentials) => {
    setBusy(true);
    problem.value = null;
    try {
      await signIn(credentials);
    } catch (error) {
      problem.value = error;
    }
    setBusy(false);
  };
  return [busy, send];
}

export function SignIn() {
  const [ways, setWays] = useState(/** @type {any} */ (null));
  const [chosen, choose] = useState(/** @type {string | null} */ (null));
  useEffect(() => {
    consoleApi("GET", "sign-in").then(setWays, (error) => (problem.value = error));
  }, []);
  const way = chosen ?? (ways?.password ? "password" : "key");
  return html`<${Frame}>
    ${invitation.value
      ? html`<${Invited} ...${invitation.value} />`
      : ways &&
        html`
          ${ended.value && html`<p class="note-of" role="status">${t("signin.ended")}</p>`}
          ${ways.password && ways.key && html`<${Segments} label=${t("signin.way")} value=${way} onChange=${choose} options=${[{ value: "password", text: t("signin.account") }, { value: "key", text: t("signin.key") }]} />`}
          ${ways.openid && html`<a class="button primary" href=${`${ROOT}/console/api/openid`} target="_self">${ways.openid.label}</a>`}
          ${way === "password" && ways.password && html`<${WithPassword} />`} ${way === "key" && ways.key && html`<${WithKey} />`}
        `}
  <//>`;
}

/** @param {{children: any}} props */
function Frame({ children }) {
  return html`<main class="alone">
    <div class="panel sign-in">
      <h1><img src=${new URL("./icon.svg", import.meta.url).href} alt="" width="32" height="32" />Bongsu</h1>
      ${children} ${problem.value && html`<${Failure} error=${problem.value} />`}
      <footer><${LanguageChoice} /><${ThemeButton} /></footer>
    </div>
  </main>`;
}

function WithPassword() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [busy, send] = useSignIn();
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    await send({ name: name.trim(), password });
    setPassword("");
  };
  return html`<form onSubmit=${submit}>
    <${Field} label=${t("signin.name")}>
      <input name="username" autocomplete="username" autocapitalize="none" spellcheck=${false} required autofocus value=${name} onInput=${(/** @type {any} */ event) => setName(event.target.value)} />
    <//>
    <${Password} label=${t("signin.password")} complete="current-password" value=${password} onChange=${setPassword} />
    <${Button} type="submit" kind="primary" disabled=${busy}>${t("signin.submit")}<//>
  </form>`;
}

function WithKey() {
  const [key, setKey] = useState("");
  const [busy, send] = useSignIn();
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    await send({ key: key.trim() });
    setKey("");
  };
  return html`
    <p>${t("signin.intro")}</p>
    <form onSubmit=${submit}>
      <${Field} label=${t("signin.key")} hint=${t("signin.hint")}>
        <input type="password" name="key" autocomplete="off" spellcheck=${false} required autofocus value=${key} onInput=${(/** @type {any} */ event) => setKey(event.target.value)} />
      <//>
      <${Button} type="submit" kind="primary" icon="key" disabled=${busy}>${t("signin.submit")}<//>
    </form>
    <p class="hint">${t("signin.where")} <code>credentials.json</code></p>
  `;
}

/** Somebody who was invited chooses a password. @param {{token: string, told: string}} props */
function Invited({ token, told }) {
  const [password, setPassword] = useState("");
  const [busy, send] = useSignIn();
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    await send({ once: token, password });
    if (session.value) invitation.value = null;
  };
  return html`
    <p><strong>${t("signin.welcome")}</strong></p>
    <p class="hint">${told}</p>
    <form onSubmit=${submit}>
      <${Password} label=${t("signin.newPassword")} hint=${t("signin.passwordHint")} complete="new-password" value=${password} onChange=${setPassword} />
      <${Button} type="submit" kind="primary" disabled=${busy}>${t("signin.submit")}<//>
    </form>
  `;
}

/** @param {{label: string, hint?: string, complete: string, value: string, onChange: (value: string) => void}} props */
export function Password({ label, hint, complete, value, onChange }) {
  return html`<${Field} label=${label} hint=${hint}>
    <input type="password" autocomplete=${complete} required value=${value} onInput=${(/** @type {any} */ event) => onChange(event.target.value)} />
  <//>`;
}

/** Somebody is signed in and has a role nowhere. */
export function NoProject() {
  const { user } = session.value;
  return html`<${Frame}>
    <p><strong>${t("signin.noProject", { name: user.displayName })}</strong></p>
    <p class="hint">${user.isAdministrator ? t("signin.makeProject") : t("signin.askOwner")}</p>
    ${user.isAdministrator && html`<p><code>bongsu project create NAME</code></p>`}
    <${Button} icon="out" onClick=${signOut}>${t("nav.signOut")}<//>
  <//>`;
}
