// The agents strip: how many are heard, and which of them everything else on the page is about. The choice is in the address.
import { html, useState } from "./ui.js";
import { t } from "./i18n.js";
import { place, setQuery } from "./router.js";
import { Badge, Button } from "./widgets.js";

const MOST_SHOWN = 40; // chips; the others are found by typing

/** Names of the chosen agents; none stands for all. */
export const chosenAgents = () => (place.value.query.get("agents") ?? "").split(",").filter(Boolean);

/** @param {string[]} names */
const choose = (names) => setQuery({ agents: names.length === 0 ? null : names.join(",") }, { replace: true });

/** A selector of the per-agent series of the chosen agents: `job/instance` is an agent's name. @param {string[]} names */
export function agentSelector(names) {
  const escape = (/** @type {string} */ text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const parts = names.map((name) => [name.slice(0, name.lastIndexOf("/")), name.slice(name.lastIndexOf("/") + 1)]);
  const any = (/** @type {number} */ index) => JSON.stringify([...new Set(parts.map((part) => escape(part[index])))].join("|"));
  return `job=~${any(0)},instance=~${any(1)}`;
}

/** @param {{agents: {oname: string, host_ip: string, active: boolean}[]}} props */
export function AgentStrip({ agents }) {
  const [text, setText] = useState("");
  const [hidden, setHidden] = useState(false);
  const chosen = chosenAgents();
  const active = agents.filter((agent) => agent.active).length;
  const known = new Set(agents.map((agent) => agent.oname));
  const gone = chosen.filter((name) => !known.has(name));
  const shown = agents.filter((agent) => (!hidden || agent.active) && agent.oname.toLowerCase().includes(text.toLowerCase()));
  const toggle = (/** @type {string} */ name) => choose(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]);
  return html`<section class="panel strip" aria-label=${t("realtime.agents")}>
    <div class="counts">
      <strong>${t("realtime.agents")}</strong><span>${t("realtime.total")} <b>${agents.length}</b></span>
      <${Badge} state="ok">${t("realtime.active")} ${active}<//>
      ${agents.length > active && html`<${Badge} state="warn">${t("realtime.inactive")} ${agents.length - active}<//>`}
      ${agents.length > active && html`<label class="check"><input type="checkbox" checked=${hidden} onChange=${() => setHidden(!hidden)} />${t("realtime.hideInactive")}</label>`}
      ${agents.length > 8 && html`<input type="search" data-search placeholder=${t("realtime.searchAgents")} aria-label=${t("realtime.searchAgents")} value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} />`}
      ${chosen.length > 0 && html`<${Button} icon="close" kind="quiet" onClick=${() => choose([])}>${t("realtime.allAgents")}<//>`}
    </div>
    <div class="chips">
      ${[...gone.map((oname) => ({ oname, host_ip: "", active: false })), ...shown.slice(0, MOST_SHOWN)].map(
        (agent) => html`<button type="button" key=${agent.oname} class=${`chip ${agent.active ? "" : "off"}`} aria-pressed=${chosen.includes(agent.oname)} title=${`${agent.oname} ${agent.host_ip}`} onClick=${() => toggle(agent.oname)}>
          ${agent.oname}${!agent.active && html`<span class="hint"> ${t("realtime.inactive")}</span>`}
        </button>`,
      )}
      ${shown.length > MOST_SHOWN && html`<span class="hint">${t("home.more", { count: shown.length - MOST_SHOWN })}</span>`}
    </div>
  </section>`;
}
