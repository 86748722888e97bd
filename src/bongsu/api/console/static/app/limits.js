// The limits of the project: what holds, what is used of it, and what was refused for it since the server's start.
import { consoleApi } from "./api.js";
import { number } from "./format.js";
import { t } from "./i18n.js";
import { Badge, Empty, Loading, Panel } from "./widgets.js";
import { html } from "./ui.js";

/** @typedef {{name: string, limit: number, default: number, own: number | null, used: number | null, refused: number | null, setting: string}} Limit 0 is none; null is not counted */

/** @param {AbortSignal} [abort] @returns {Promise<Limit[]>} */
export const loadLimits = async (abort) => (await consoleApi("GET", "limits", { signal: abort })).limits;

const NEAR = 0.8; // of a limit: time to raise it, or to expose less

/** @param {Limit} limit @returns {"ok" | "warn" | "bad"} */
function stateOf({ limit, used, refused }) {
  if ((refused ?? 0) > 0) return "bad";
  return limit > 0 && used !== null && used >= NEAR * limit ? "warn" : "ok";
}

/** @param {{limits: import("./load.js").Loaded<Limit[]>}} props */
export function Limits({ limits }) {
  return html`<${Panel} title=${t("limits.title")}>
    <${Loading} of=${limits}>
      ${(/** @type {Limit[]} */ list) => {
        if (list.length === 0) return html`<${Empty} why=${t("status.nothing")} />`;
        return html`<div class="scroll" tabindex="0"><table class="limits">
          <thead><tr><th scope="col">${t("limits.name")}</th><th scope="col">${t("limits.used")}</th><th scope="col" class="number">${t("limits.limit")}</th><th scope="col" class="number">${t("limits.refused")}</th></tr></thead>
          <tbody>${[...list].sort((a, b) => (b.refused ?? 0) - (a.refused ?? 0) || a.name.localeCompare(b.name)).map((limit) => html`<${Row} key=${limit.name} limit=${limit} />`)}</tbody>
        </table></div><p class="hint">${t("limits.how")}</p>`;
      }}
    <//>
  <//>`;
}

/** A bar and its share where there is a limit to be a part of. @param {{limit: Limit}} props */
function Used({ limit: { limit, used } }) {
  if (used === null) return html`<span class="hint">–</span>`;
  if (limit <= 0) return number(used);
  const part = used / limit;
  return html`<span class=${`share ${part >= 1 ? "bad" : part >= NEAR ? "warn" : ""}`}><span aria-hidden="true"><i style=${{ width: `${Math.min(100, 100 * part)}%` }}></i></span><b>${number(100 * part, 0)}%</b><span class="exact">${number(used)}</span></span>`;
}

/** @param {{limit: Limit}} props */
function Row({ limit }) {
  const state = stateOf(limit);
  const refused = limit.refused === null ? "–" : number(limit.refused);
  return html`<tr>
    <th scope="row"><code title=${limit.setting}>${limit.name}</code>${limit.own !== null && html` <span class="hint">${t("limits.own")}</span>`}</th>
    <td><${Used} limit=${limit} /></td>
    <td class="number">${limit.limit === 0 ? t("limits.none") : number(limit.limit)}</td>
    <td class="number">${state === "ok" ? refused : html`<${Badge} state=${state}>${refused}<//>`}</td>
  </tr>`;
}
