// How the targets of a workspace are scraped: the options that most need, as fields; all others as JSON, by Prometheus' names.
import { html, useState } from "./ui.js";
import { adminApi, session } from "./api.js";
import { t } from "./i18n.js";
import { useLoad } from "./load.js";
import { Dialog, Field, FormDialog, Loading } from "./widgets.js";

/** @typedef {import("./targets.js").Workspace} Workspace */
/** @typedef {Record<string, any>} Options */

/** Texts and numbers that stand at the top of the options. */
const TEXTS = ["scrape_interval", "scrape_timeout", "proxy_url", "body_size_limit"];
const COUNTS = ["sample_limit", "label_limit", "target_limit"];
const FLAGS = ["honor_labels", "scrape_native_histograms", "convert_classic_histograms_to_nhcb", "always_scrape_classic_histograms"];
/** Kinds of credentials, with the text that names each. @type {Record<string, string>} */
const KINDS = { basic_auth: "scrape.basic_auth", authorization: "scrape.authorization", oauth2: "scrape.oauth2" };
const CREDENTIALS = Object.keys(KINDS);
/** The fields of each kind of credentials; the last one is the secret. @type {Record<string, string[]>} */
const PARTS = { basic_auth: ["username", "password"], authorization: ["credentials"], oauth2: ["client_id", "token_url", "client_secret"] };
const SHOWN = new Set(["scheme", ...TEXTS, ...COUNTS, ...FLAGS, ...CREDENTIALS]);

/** @param {Options} options */
const othersOf = (options) => Object.fromEntries(Object.entries(options).filter(([name]) => !SHOWN.has(name)));

/** @param {{workspace: Workspace, onClose: () => void}} props */
export function ScrapeOptions({ workspace, onClose }) {
  const path = `projects/${encodeURIComponent(session.value.project.projectId)}/workspaces/${encodeURIComponent(workspace.jobId)}/scrape`;
  const stored = useLoad(async (abort) => adminApi("GET", path, { signal: abort }), [path]);
  if (stored.data === undefined) return html`<${Dialog} title=${t("scrape.title")} onClose=${onClose}><${Loading} of=${stored}>${() => null}<//><//>`;
  const save = (/** @type {Options} */ options) => adminApi("PUT", path, { json: options });
  return html`<${Form} of=${stored.data} onSave=${save} onClose=${onClose} />`;
}

/** @param {{of: Options, onSave: (options: Options) => Promise<any>, onClose: () => void}} props */
function Form({ of: stored, onSave, onClose }) {
  const [options, setOptions] = useState(stored);
  const [others, setOthers] = useState(JSON.stringify(othersOf(stored), null, 2));
  const kind = CREDENTIALS.find((name) => options[name] !== undefined) ?? "";
  const set = (/** @type {string} */ name, /** @type {any} */ value) => {
    const next = { ...options };
    if (value === "" || value === false || value === undefined) delete next[name];
    else next[name] = value;
    setOptions(next);
  };
  const choose = (/** @type {string} */ name) => {
    const next = Object.fromEntries(Object.entries(options).filter(([each]) => !CREDENTIALS.includes(each)));
    // Going back to the kind that is stored brings back what is stored.
    setOptions(name === "" ? next : { ...next, [name]: stored[name] ?? {} });
  };
  const save = async () => {
    const shown = Object.fromEntries(Object.entries(options).filter(([name]) => SHOWN.has(name)));
    await onSave({ ...readOthers(others), ...shown });
  };
  return html`<${FormDialog} title=${t("scrape.title")} submit=${t("action.save")} onSubmit=${save} onClose=${onClose}>
    <p class="hint">${t("scrape.hint")}</p>
    ${TEXTS.map((name) => html`<${Field} key=${name} label=${t(`scrape.${name}`)}><input value=${options[name] ?? ""} onInput=${(/** @type {any} */ event) => set(name, event.target.value)} /><//>`)}
    <${Field} label=${t("scrape.scheme")}>
      <select value=${options.scheme ?? "http"} onChange=${(/** @type {any} */ event) => set("scheme", event.target.value)}><option>http</option><option>https</option></select>
    <//>
    <${Field} label=${t("scrape.credentials")}>
      <select value=${kind} onChange=${(/** @type {any} */ event) => choose(event.target.value)}>
        <option value="">${t("scrape.none")}</option>
        ${CREDENTIALS.map((name) => html`<option key=${name} value=${name}>${t(KINDS[name])}</option>`)}
      </select>
    <//>
    ${(PARTS[kind] ?? []).map((part, place, all) => html`<${Field} key=${part} label=${t(`scrape.${part}`)}>
      <input required type=${place === all.length - 1 ? "password" : "text"} autocomplete="off" value=${options[kind][part] ?? ""} onInput=${(/** @type {any} */ event) => set(kind, { ...options[kind], [part]: event.target.value })} />
    <//>`)}
    ${COUNTS.map((name) => html`<${Field} key=${name} label=${t(`scrape.${name}`)}>
      <input type="number" min="0" value=${options[name] ?? ""} onInput=${(/** @type {any} */ event) => set(name, event.target.value === "" ? "" : Number(event.target.value))} />
    <//>`)}
    ${FLAGS.map((name) => html`<label key=${name}><input type="checkbox" checked=${options[name] === true} onChange=${(/** @type {any} */ event) => set(name, event.target.checked)} />${t(`scrape.${name}`)}</label>`)}
    <${Field} label=${t("scrape.others")} hint=${t("scrape.othersHint")}>
      <textarea rows="6" spellcheck="false" value=${others} onInput=${(/** @type {any} */ event) => setOthers(event.target.value)}></textarea>
    <//>
  <//>`;
}

/** @param {string} text */
function readOthers(text) {
  try {
    const read = JSON.parse(text || "{}");
    if (read !== null && typeof read === "object" && !Array.isArray(read)) return read;
  } catch {
    // Said below, in words.
  }
  throw new Error(t("scrape.notJson"));
}
