// Start: language, then who this is, then the page.
import { html, render } from "./ui.js";
import { ApiError, restoreSession, session, signIn } from "./api.js";
import { startLanguage, t } from "./i18n.js";
import { followLinks, setQuery } from "./router.js";
import { Shell } from "./shell.js";
import { SignIn, problem } from "./signin.js";
import { Failure } from "./widgets.js";

/** A one-time link's token leaves the address before anything else happens, so that it is in no history and no copy. */
function takeToken() {
  const token = new URLSearchParams(location.search).get("once");
  if (token !== null) setQuery({ once: null }, { replace: true });
  return token;
}

async function start() {
  const token = takeToken();
  try {
    if (token !== null) await signIn({ once: token });
    else await restoreSession();
  } catch (error) {
    if (token === null) throw error;
    problem.value = /** @type {ApiError} */ (error);
    await restoreSession(); // a browser that is signed in already loses nothing by an old link
  }
}

function App() {
  if (session.value === undefined) return null;
  return session.value === null ? html`<${SignIn} />` : html`<${Shell} key=${session.value.keyId} />`;
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
