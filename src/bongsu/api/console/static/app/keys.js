// The keys of the project: what each may do and when it was used; revoke the ones that are not needed.
import { html, useState } from "./ui.js";
import { consoleApi } from "./api.js";
import { dateTime } from "./format.js";
import { t } from "./i18n.js";
import { FormDialog, Button, Loading, Panel } from "./widgets.js";

/** @typedef {{keyId: string, name: string, scopes: string[], createdMs: number, expiresMs: number | null, lastUsedMs: number | null, isOwn: boolean}} Key */

/** @param {AbortSignal} abort @returns {Promise<Key[]>} */
export const loadKeys = async (abort) => (await consoleApi("GET", "keys", { signal: abort })).keys;

/** @param {{keys: import("./load.js").Loaded<Key[]>}} props */
export function Keys({ keys }) {
  const [gone, setGone] = useState(/** @type {Key | null} */ (null));
  return html`<${Panel} title=${t("keys.title")}>
    <${Loading} of=${keys}>
      ${(/** @type {Key[]} */ list) => html`<div class="scroll" tabindex="0"><table>
        <thead><tr><th scope="col">${t("keys.name")}</th><th scope="col">keyId</th><th scope="col">${t("keys.scopes")}</th><th scope="col">${t("keys.created")}</th><th scope="col">${t("keys.expires")}</th><td></td></tr></thead>
        <tbody>${list.map((key) => html`<${Row} key=${key.keyId} of=${key} onRevoke=${() => setGone(key)} />`)}</tbody>
      </table></div>`}
    <//>
    ${gone && html`<${Revoke} of=${gone} onClose=${() => setGone(null)} onDone=${keys.reload} />`}
  <//>`;
}

/** @param {{of: Key, onRevoke: () => void}} props */
function Row({ of: key, onRevoke }) {
  return html`<tr>
    <th scope="row">${key.name}</th>
    <td><code>${key.keyId}</code></td>
    <td>${key.scopes.join(", ")}</td>
    <td>${dateTime(key.createdMs)}</td>
    <td>${key.expiresMs === null ? t("keys.never") : dateTime(key.expiresMs)}</td>
    <td>${key.isOwn ? html`<span class="hint">${t("keys.own")}</span>` : html`<${Button} icon="trash" kind="quiet" label=${t("keys.revokeName", { name: key.name })} onClick=${onRevoke} />`}</td>
  </tr>`;
}

/** @param {{of: Key, onClose: () => void, onDone: () => void}} props */
function Revoke({ of: key, onClose, onDone }) {
  const revoke = async () => {
    await consoleApi("DELETE", `keys/${encodeURIComponent(key.keyId)}`);
    onDone();
  };
  return html`<${FormDialog} title=${t("keys.revoke")} submit=${t("keys.revoke")} danger onSubmit=${revoke} onClose=${onClose}>
    <p><strong>${key.name}</strong> <code>${key.keyId}</code></p>
    <p>${t("keys.revokeWarn")}</p>
  <//>`;
}
