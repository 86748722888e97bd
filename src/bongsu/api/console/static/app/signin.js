// The sign-in page: a key is pasted once, exchanged for a cookie, and not kept by the page.
import { html, signal, useState } from "./ui.js";
import { signIn } from "./api.js";
import { t } from "./i18n.js";
import { Button, Failure, Field } from "./widgets.js";
import { LanguageChoice, ThemeButton } from "./choices.js";

/** Why the last attempt failed, also one that a one-time link made before the page was drawn. */
export const problem = signal(/** @type {any} */ (null));

export function SignIn() {
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(false);
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    problem.value = null;
    try {
      await signIn({ key: key.trim() });
    } catch (error) {
      problem.value = error;
    }
    setKey("");
    setBusy(false);
  };
  return html`<main class="alone">
    <div class="panel sign-in">
      <h1><img src=${new URL("./icon.svg", import.meta.url).href} alt="" width="32" height="32" />Bongsu</h1>
      <p>${t("signin.intro")}</p>
      <form onSubmit=${send}>
        <${Field} label=${t("signin.key")} hint=${t("signin.hint")}>
          <input type="password" name="key" autocomplete="off" spellcheck=${false} required autofocus value=${key}
            onInput=${(/** @type {any} */ event) => setKey(event.target.value)} />
        <//>
        <${Button} type="submit" kind="primary" icon="key" disabled=${busy}>${t("signin.submit")}<//>
      </form>
      ${problem.value && html`<${Failure} error=${problem.value} />`}
      <p class="hint">${t("signin.where")} <code>credentials.json</code></p>
      <footer><${LanguageChoice} /><${ThemeButton} /></footer>
    </div>
  </main>`;
}
