// What is around every view: navigation, time range, project, dialogs, shortcuts.
import { html, signal, useEffect, useErrorBoundary, useLayoutEffect, useState } from "./ui.js";
import { away, chooseProject, session, signOut } from "./api.js";
import { ThemeButton, LanguageChoice } from "./choices.js";
import { t } from "./i18n.js";
import { lazy } from "./lazy.js";
import { go, href, place } from "./router.js";
import { paused } from "./time.js";
import { TimeBar } from "./timebar.js";
import { Button, Dialog, Empty, Failure, Icon } from "./widgets.js";

/**
 * The views, in the order of the navigation. Each is a module of its own, fetched when it is first opened.
 * `time` tells whether the view follows the time range, and `live` whether it has its own 5-second pace.
 */
const VIEWS = [
  { name: "", text: "nav.home", icon: "home", key: "1", load: () => import("./pages/home.js") },
  { name: "realtime", text: "nav.realtime", icon: "pulse", key: "2", time: true, live: true, load: () => import("./pages/realtime.js") },
  { name: "openmetrics", text: "nav.openmetrics", icon: "target", key: "3", time: true, load: () => import("./pages/openmetrics.js") },
  { name: "servers", text: "nav.servers", icon: "server", key: "4", time: true, load: () => import("./pages/servers.js") },
  { name: "explore", text: "nav.explore", icon: "search", key: "5", time: true, load: () => import("./pages/explore.js") },
  { name: "status", text: "nav.status", icon: "store", key: "6", load: () => import("./pages/status.js") },
  { name: "settings", text: "nav.settings", icon: "gear", key: "7", load: () => import("./pages/settings.js") },
];

const AccessDialog = lazy(() => import("./access.js"), "AccessDialog", { quiet: true });
const openDialog = signal(/** @type {"" | "help" | "access"} */ (""));

export function Shell() {
  const view = VIEWS.find((one) => one.name === place.value.view);
  useEffect(() => {
    document.title = `${view ? t(view.text) : "404"} · ${session.value?.project.name} · Bongsu`;
  });
  useShortcuts();
  return html`<div class="shell">
    <a class="skip" href="#main">${t("nav.skip")}</a>
    <${Navigation} current=${view} />
    <header class="top">
      <h1>${view ? t(view.text) : t("nav.unknown")}</h1>
      ${view?.time && html`<${TimeBar} live=${view.live ?? false} />`}
      <div class="right">
        <${Button} icon="key" onClick=${() => (openDialog.value = "access")}>URL & Appkey<//>
        <${Button} icon="help" kind="quiet" label=${t("help.open")} onClick=${() => (openDialog.value = "help")} />
        <${ThemeButton} /><${LanguageChoice} />
      </div>
    </header>
    ${away.value && html`<p class="away" role="status"><${Icon} name="bad" /><strong>${t("error.unreachable")}</strong> <span>${t("error.awayHint")}</span></p>`}
    <main id="main" tabindex="-1">${view ? html`<${View} key=${view.name} view=${view} />` : html`<${Unknown} />`}</main>
    ${openDialog.value === "help" && html`<${Help} />`}
    ${openDialog.value === "access" && html`<${AccessDialog} onClose=${() => (openDialog.value = "")} />`}
  </div>`;
}

/** @param {{current: (typeof VIEWS)[number] | undefined}} props */
function Navigation({ current }) {
  const { project, user } = session.value;
  return html`<nav class="side" aria-label=${t("nav.views")}>
    <a class="brand" href=${href("")}><img src=${new URL("./icon.svg", import.meta.url).href} alt="" width="22" height="22" /><span>Bongsu</span></a>
    <ul>
      ${VIEWS.map(
        (one) => html`<li key=${one.name}>
          <a href=${href(one.name)} aria-current=${one === current ? "page" : undefined} title=${t(one.text)}><${Icon} name=${one.icon} /><span>${t(one.text)}</span></a>
        </li>`,
      )}
    </ul>
    <div class="who">
      <${ProjectChoice} />
      <span title=${user?.name}>${user ? user.displayName : `${project.region} · pcode ${project.pcode}`}</span>
      <${Button} icon="out" kind="quiet" label=${t("nav.signOut")} onClick=${signOut} />
    </div>
  </nav>`;
}

/** The project that is shown, and the others of a person who has several. */
function ProjectChoice() {
  const { project, projects } = session.value;
  if (!projects || projects.length < 2) return html`<strong title=${project.projectId}>${project.name}</strong>`;
  return html`<select aria-label=${t("nav.project")} title=${project.projectId} value=${project.projectId} onChange=${(/** @type {any} */ event) => chooseProject(event.target.value)}>
    ${projects.map((/** @type {any} */ one) => html`<option key=${one.projectId} value=${one.projectId}>${one.name}</option>`)}
  </select>`;
}

/** @param {{view: (typeof VIEWS)[number]}} props */
function View({ view }) {
  const [page, setPage] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const [broken, reset] = useErrorBoundary((error) => console.error(error));
  useLayoutEffect(() => {
    paused.value = false;
    view.load().then((module) => setPage(() => module.Page), setProblem);
  }, [view]);
  if (broken ?? problem) return html`<${Failure} error=${broken ?? problem} onRetry=${problem ? () => location.reload() : reset} />`;
  return page ? html`<${page} />` : html`<div class="busy" aria-busy="true">${t("state.loading")}</div>`;
}

function Unknown() {
  return html`<${Empty} why=${t("nav.unknownWhy", { view: place.value.view })}><a class="button primary" href=${href("")}>${t("nav.home")}</a><//>`;
}

const SHORTCUTS = [
  ["1 – 7", "help.views"],
  ["t", "help.range"],
  ["␣", "help.pause"],
  ["/", "help.search"],
  ["← →", "help.cursor"],
  ["?", "help.open"],
];

function Help() {
  return html`<${Dialog} title=${t("help.title")} onClose=${() => (openDialog.value = "")}>
    <table><tbody>${SHORTCUTS.map(([keys, text]) => html`<tr key=${keys}><th scope="row"><kbd>${keys}</kbd></th><td>${t(text)}</td></tr>`)}</tbody></table>
    <p class="hint">${t("help.zoom")}</p>
  <//>`;
}

/** Single keys act only outside of fields and dialogs, and never with a modifier: those are the browser's. They act as soon as the page is there. */
function useShortcuts() {
  useLayoutEffect(() => {
    const press = (/** @type {KeyboardEvent} */ event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      const busy = target.closest("input, textarea, select, [contenteditable], dialog") !== null;
      if (busy || event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return;
      if (act(event.key, target)) event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}

/** @param {string} key @param {HTMLElement} target */
function act(key, target) {
  const view = VIEWS.find((one) => one.key === key);
  if (view) go(href(view.name));
  else if (key === "?") openDialog.value = "help";
  else if (key === " " && !target.closest("button, a, summary")) paused.value = !paused.value;
  else if (key === "t") /** @type {HTMLElement | null} */ (document.querySelector("#time-range > summary"))?.click();
  else if (key === "/") /** @type {HTMLElement | null} */ (document.querySelector("main [data-search]"))?.focus();
  else return false;
  return true;
}
