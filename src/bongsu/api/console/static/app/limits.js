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
        return html`<div class="scroll facts" tabindex="0"><table>
          <thead><tr><th scope="col">${t("limits.name")}</th><th scope="col" class="number">${t("limits.used")}</th><th scope="col" class="number">${t("limits.limit")}</th><th scope="col" class="number">${t("limits.refused")}</th></tr></thead>
          <tbody>${[...list].sort((a, b) => (b.refused ?? 0) - (a.refused ?? 0) || a.name.localeCompare(b.name)).map((limit) => html`<${Row} key=${limit.name} limit=${limit} />`)}</tbody>
        </table></div><p class="hint">${t("limits.how")}</p>`;
      }}
    <//>
  <//>`;
}

/** @param {{limit: Limit}} props */
function Row({ limit }) {
  const state = stateOf(limit);
  const refused = limit.refused === null ? "–" : number(limit.refused);
  const share = limit.limit > 0 && limit.used !== null ? ` (${number((100 * limit.used) / limit.limit, 0)}%)` : "";
  return html`<tr>
    <th scope="row"><code title=${limit.setting}>${limit.name}</code>${limit.own !== null && html` <span class="hint">${t("limits.own")}</span>`}</th>
    <td class="number">${limit.used === null ? "–" : `${number(limit.used)}${share}`}</td>
    <td class="number">${limit.limit === 0 ? t("limits.none") : number(limit.limit)}</td>
    <td class="number">${state === "ok" ? refused : html`<${Badge} state=${state}>${refused}<//>`}</td>
  </tr>`;
}
