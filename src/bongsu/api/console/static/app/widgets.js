// Small parts that every page is made of.
import { html, useEffect, useRef, useState } from "./ui.js";
import { t } from "./i18n.js";

const PATHS = {
  ok: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm3.3 5.2-4 4.3a.8.8 0 0 1-1.1 0L4.5 8.7l1-1 1.2 1.2 3.5-3.7z",
  warn: "M8 1.5 15 14H1zM7.2 6v4h1.6V6zm0 5v1.6h1.6V11z",
  bad: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM5.4 4.3 8 6.9l2.6-2.6 1.1 1.1L9.1 8l2.6 2.6-1.1 1.1L8 9.1l-2.6 2.6-1.1-1.1L6.9 8 4.3 5.4z",
  wait: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm.8 3v3.7l2.6 1.5-.7 1.3L7.2 8.6V4z",
  gone: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 1.6a5.4 5.4 0 1 1 0 10.8A5.4 5.4 0 0 1 8 2.6zM5 7.2h6v1.600H5z",
  home: "M8 1.5 1 7.6l1 1.2 1-.9V14h4v-4h2v4h4V7.900l1 .9 1-1.200z",
  pulse: "M1 8.800V7.200h3.200L6 2.500l3.500 9L11 7.200h4v1.600h-2.900l-2.700 6.200L6 6.300 5.300 8.800z",
  target: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 1.600a5.400 5.400 0 1 1 0 10.800A5.400 5.400 0 0 1 8 2.600zM8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  server: "M2 2h12v5H2zm0 7h12v5H2zm2-5v1.500h1.500V4zm0 7v1.500h1.500V11z",
  search: "M6.500 1a5.500 5.500 0 1 0 3.300 9.900l3.600 3.600 1.100-1.100-3.600-3.600A5.500 5.500 0 0 0 6.500 1zm0 1.600a3.900 3.900 0 1 1 0 7.800 3.900 3.900 0 0 1 0-7.800z",
  store: "M8 1C4.500 1 2 2 2 3.500v9C2 14 4.500 15 8 15s6-1 6-2.500v-9C14 2 11.500 1 8 1zM3.600 6c1 .600 2.600 1 4.400 1s3.400-.400 4.400-1v2c-.500.500-2.100 1.200-4.400 1.200S4.100 8.500 3.600 8z",
  gear: "M7 1h2l.300 1.900 1.400.600 1.600-1.100 1.300 1.300-1.100 1.600.600 1.400L15 7v2l-1.900.300-.600 1.400 1.100 1.600-1.300 1.300-1.600-1.100-1.400.600L9 15H7l-.300-1.900-1.400-.600-1.600 1.100-1.300-1.300 1.100-1.600-.600-1.400L1 9V7l1.900-.300.600-1.400-1.100-1.600 1.300-1.300 1.600 1.100 1.400-.600zm1 4.600a2.400 2.400 0 1 0 0 4.800 2.400 2.400 0 0 0 0-4.800z",
  key: "M10.500 1.500a4 4 0 0 0-3.800 5.200L1.500 12v2.500H4V13h1.500v-1.500H7L8.600 9.900a4 4 0 1 0 1.900-8.400zm1 2a1.500 1.500 0 1 1 0 3 1.500 1.500 0 0 1 0-3z",
  pause: "M4 2h3v12H4zm5 0h3v12H9z",
  play: "M4 2l9 6-9 6z",
  plus: "M7.200 2h1.600v5.200H14v1.600H8.800V14H7.200V8.800H2V7.200h5.200z",
  trash: "M6 1h4v1.500h4V4H2V2.500h4zM3 5h10l-.700 10H3.700zm3 2v6h1.300V7zm2.700 0v6H10V7z",
  edit: "M11.500 1.500l3 3L5.500 13.500 2 14l.500-3.500z",
  copy: "M5 1h9v10h-2V3H5zM2 4h8v11H2z",
  reload: "M8 2.500a5.500 5.500 0 1 0 5.300 7h-1.700A3.900 3.900 0 1 1 8 4.100c1.100 0 2 .400 2.700 1.100L9 7h5V2l-1.900 1.900A5.500 5.500 0 0 0 8 2.500z",
  table: "M1 2h14v12H1zm1.500 3.500V8h3V5.500zm4.500 0V8h6.500V5.500zm-4.500 4v3h3v-3zm4.500 0v3h6.500v-3z",
  move: "M8 1l2.500 3H8.800v3.200H12V5.500L15 8l-3 2.500V8.800H8.800V12h1.700L8 15l-2.500-3h1.700V8.800H4v1.700L1 8l3-2.500v1.700h3.200V4H5.500z",
  resize: "M13.500 4 4 13.500l1 1L14.500 5zm0 4.500-5 5 1 1 5-5zm0 4.500-.500.500 1 1 .500-.500z",
  layout: "M1 2h6v5H1zm8 0h6v3H9zM1 9h6v5H1zm8-2h6v7H9z",
  import: "M7.200 1h1.600v7l2.200-2.200 1.100 1.100L8 11 3.900 6.900 5 5.800 7.200 8zM2 12h12v2H2z",
  rename: "M1 4h8v1.500H2.500v5H9V12H1zm13 0h-2.500v1.500h2v5h-2V12H15V4zM9.300 2h3v1.400h-.800v9.200h.800V14h-3v-1.400h.800V3.400h-.800z",
  right: "M5.500 2.600 11 8l-5.500 5.400-1.100-1.100L8.700 8 4.400 3.700z",
  down: "M2.600 5.500 8 11l5.400-5.500-1.100-1.100L8 8.700 3.700 4.400z",
  check: "M6.200 12.500 1.500 7.800l1.200-1.200 3.500 3.500 7-7 1.200 1.200z",
  help: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM7.200 11h1.600v1.600H7.200zM8 3.500c1.600 0 2.800 1 2.800 2.500 0 1.700-2 2-2 3.500H7.200c0-2.200 2-2.300 2-3.500 0-.600-.500-1-1.200-1s-1.200.400-1.200 1.100H5.200C5.200 4.600 6.400 3.500 8 3.500z",
  theme: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 1.600v10.800A5.400 5.400 0 0 1 8 2.600z",
  out: "M2 2h6v1.600H3.600v8.800H8V14H2zm8 2.500L13.500 8 10 11.500l-1.100-1.100 1.600-1.600H5.500V7.200h5L8.900 5.600z",
  close: "M3.500 2.400 8 6.900l4.500-4.500 1.100 1.100L9.100 8l4.500 4.500-1.100 1.100L8 9.100l-4.500 4.500-1.100-1.100L6.900 8 2.400 3.500z",
};
/** @typedef {keyof typeof PATHS} IconName */

/** @param {{name: IconName}} props */
export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path fill-rule="evenodd" d=${PATHS[name]} /></svg>`;
}

/**
 * @param {{icon?: IconName, kind?: "primary" | "danger" | "quiet", label?: string, onClick?: (event: Event) => void,
 *   disabled?: boolean, type?: "button" | "submit", pressed?: boolean, children?: any}} props
 * `label` names a button that shows only an icon
 */
export function Button({ icon, kind, label, onClick, disabled, type = "button", pressed, children }) {
  return html`<button
    type=${type}
    class=${["button", kind].filter(Boolean).join(" ")}
    onClick=${onClick}
    disabled=${disabled}
    aria-label=${label}
    title=${label}
    aria-pressed=${pressed}
  >
    ${icon && html`<${Icon} name=${icon} />`}${children && html`<span>${children}</span>`}
  </button>`;
}

/** A state is told by icon, word and colour, never by colour alone. @param {{state: "ok" | "warn" | "bad" | "wait", children: any, title?: string}} props */
export function Badge({ state, children, title }) {
  return html`<span class=${`badge ${state}`} title=${title}><${Icon} name=${state} />${children}</span>`;
}

/** @param {{title?: any, actions?: any, wide?: boolean, class?: string, children?: any}} props */
export function Panel({ title, actions, class: extra = "", children }) {
  return html`<section class=${`panel ${extra}`}>
    ${title && html`<header><h2>${title}</h2><div class="actions">${actions}</div></header>`}
    ${children}
  </section>`;
}

/** An empty place says why it is empty and what to press. @param {{why: string, hint?: any, children?: any}} props */
export function Empty({ why, hint, children }) {
  return html`<div class="empty" title=${typeof hint === "string" ? hint : undefined}>
    <p class="why">${why}</p>
    ${hint && html`<p class="hint">${hint}</p>`}
    ${children && html`<div class="actions">${children}</div>`}
  </div>`;
}

/** A failure in the server's own words under a sentence in the reader's language. @param {{error: any, onRetry?: () => void}} props */
export function Failure({ error, onRetry }) {
  const known = error.id === "unreachable" ? t("error.unreachable") : t("error.title");
  return html`<div class="failure" role="alert">
    <${Icon} name="bad" />
    <div>
      <strong>${known}</strong>
      ${error.id !== "unreachable" && html`<p class="told">${error.message} <code>${error.id}</code></p>`}
    </div>
    ${onRetry && html`<${Button} icon="reload" onClick=${onRetry}>${t("action.retry")}<//>`}
  </div>`;
}

/**
 * What to show of something that loads: its content, why it failed, or that it is on its way.
 * @param {{of: import("./load.js").Loaded<any>, children: (data: any) => any}} props
 */
export function Loading({ of, children }) {
  if (of.data === undefined && of.error) return html`<${Failure} error=${of.error} onRetry=${of.reload} />`;
  if (of.data === undefined) return of.resting ? null : html`<div class="busy" aria-busy="true">${t("state.loading")}</div>`;
  const told = of.error && /** @type {any} */ (of.error).id !== "unreachable"; // that is told once, above the page
  return html`${told && html`<${Failure} error=${of.error} onRetry=${of.reload} />`}${children(of.data)}`;
}

/** @param {{label: string, value: string, hint?: string, state?: string, href?: string, children?: any}} props */
export function Stat({ label, value, hint, state = "", href, children }) {
  const body = html`<span class="label" title=${label}>${label}</span><span class="value">${value}</span>${hint && html`<span class="hint" title=${hint}>${hint}</span>`}${children}`;
  return href
    ? html`<a class=${`stat ${state}`} href=${href} title=${hint}>${body}</a>`
    : html`<div class=${`stat ${state}`} title=${hint}>${body}</div>`;
}

/**
 * A native modal dialog: Escape closes it, focus stays inside and comes back.
 * @param {{title: string, onClose: () => void, children: any, wide?: boolean}} props
 */
export function Dialog({ title, onClose, children, wide = false }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const told = useRef(false);
  // The browser tells of a close some time after it, and then another dialog may be open: once told, nothing more is said.
  const close = () => {
    if (told.current) return;
    told.current = true;
    onClose();
  };
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      told.current = true;
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return html`<dialog ref=${element} class=${wide ? "wide" : ""} aria-label=${title} onCancel=${close} onClose=${close}>
    <header>
      <h2>${title}</h2>
      <${Button} icon="close" kind="quiet" label=${t("action.close")} onClick=${close} />
    </header>
    <div class="content">${children}</div>
  </dialog>`;
}

/**
 * A form in a dialog that stays open with the server's reason when it refuses.
 * @param {{title: string, submit: string, danger?: boolean, disabled?: boolean, onSubmit: () => Promise<unknown>, onClose: () => void, children: any}} props
 */
export function FormDialog({ title, submit, danger = false, disabled = false, onSubmit, onClose, children }) {
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await onSubmit();
      onClose();
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${send}>
      ${children} ${error && html`<${Failure} error=${error} />`}
      <footer>
        <${Button} onClick=${onClose}>${t("action.cancel")}<//>
        <${Button} type="submit" kind=${danger ? "danger" : "primary"} disabled=${busy || disabled}>${submit}<//>
      </footer>
    </form>
  <//>`;
}

/** @param {{label: string, hint?: string, children: any}} props */
export function Field({ label, hint, children }) {
  return html`<label class="field"><span>${label}</span>${children}${hint && html`<small>${hint}</small>`}</label>`;
}

/** @param {{text: string, label?: string}} props */
export function CopyButton({ text, label }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await copyText(text);
    setDone(true);
    setTimeout(() => setDone(false), COPIED_MS);
  };
  return html`<${Button} icon=${done ? "ok" : "copy"} kind="quiet" onClick=${copy}>${done ? t("action.copied") : (label ?? t("action.copy"))}<//>`;
}
const COPIED_MS = 1500; // long enough to be read, short enough to copy again

/** The clipboard needs a secure origin; a selection works on plain HTTP too. @param {string} text */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
