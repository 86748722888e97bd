// Start: language, then who this is, then the page.
import { html, render } from "./ui.js";
import { ApiError, restoreSession, session, signIn, takeState } from "./api.js";
import { startLanguage, t } from "./i18n.js";
import { followLinks, setQuery } from "./router.js";
import { Shell } from "./shell.js";
import { explain, invitation, problem } from "./signin-state.js";
import { lazy } from "./lazy.js";
import { Failure } from "./widgets.js";

const [SignIn, NoProject] = ["SignIn", "NoProject"].map((name) => lazy(() => import("./signin.js"), name));

/** A one-time link's token leaves the address before anything else happens, so that it is in no history and no copy. */
function takeToken() {
  const hash = new URLSearchParams(location.hash.slice(1));
  const token = new URLSearchParams(location.search).get("once") ?? hash.get("once");
  if (hash.has("once")) history.replaceState(null, "", location.pathname + location.search);
  if (token !== null) setQuery({ once: null }, { replace: true });
  return token;
}

/** Why a provider's sign-in failed: an error's id, which a page of texts explains. */
function takeFailure() {
  const failed = new URLSearchParams(location.search).get("failed");
  if (failed !== null) setQuery({ failed: null }, { replace: true });
  return failed;
}

async function start() {
  const token = takeToken();
  const failed = takeFailure();
  if (failed !== null) problem.value = new ApiError(explain(failed), { id: failed.slice(0, 40) });
  try {
    if (token !== null) await signIn({ once: token });
    else await takeState();
  } catch (error) {
    const told = /** @type {ApiError} */ (error);
    if (token === null) throw error;
    if (told.id === "password-needed") invitation.value = { token, told: told.message };
    else problem.value = told;
    await restoreSession(); // a browser that is signed in already loses nothing by an old link
    if (invitation.value) session.value = null; // whoever opens an invitation wants to be that person
  }
}

function App() {
  if (session.value === undefined) return null;
  if (session.value === null) return html`<${SignIn} />`;
  if (session.value.project === null) return html`<${NoProject} />`;
  return html`<${Shell} key=${session.value.keyId ?? session.value.user.userId} />`;
}

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
await startLanguage();
followLinks();
try {
  await start();
  render(html`<${App} />`, root);
} catch (error) {
  document.title = t("error.title");
  render(html`<main class="alone"><${Failure} error=${error} onRetry=${() => location.reload()} /></main>`, root);
}
