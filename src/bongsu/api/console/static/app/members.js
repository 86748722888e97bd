// The members of the project: who has which role; owners add, change and remove them.
import { html, useState } from "./ui.js";
import { adminApi, mayOwn, session } from "./api.js";
import { t } from "./i18n.js";
import { useLoad } from "./load.js";
import { Button, CopyButton, Dialog, Empty, Failure, Field, FormDialog, Loading, Panel } from "./widgets.js";

/** @typedef {{userId: string, name: string, displayName: string, role: string, since: string, enabled: boolean, isInvited: boolean, signedInAt: string | null}} Member */

const ROLES = ["viewer", "editor", "owner"];
const path = (rest = "") => `projects/${encodeURIComponent(session.value.project.projectId)}/members${rest}`;

export function Members() {
  const members = useLoad(async (abort) => (await adminApi("GET", path(), { signal: abort })).members, []);
  const [adding, setAdding] = useState(false);
  const [invited, setInvited] = useState(/** @type {any} */ (null));
  const [gone, setGone] = useState(/** @type {Member | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const change = async (/** @type {Member} */ member, /** @type {string} */ role) => {
    try {
      await adminApi("PATCH", path(`/${member.userId}`), { json: { role } });
      setError(null);
    } catch (reason) {
      setError(reason);
    }
    members.reload();
  };
  const added = (/** @type {any} */ made) => {
    members.reload();
    if (made.link) setInvited(made);
  };
  const actions = mayOwn() && html`<${Button} icon="plus" onClick=${() => setAdding(true)}>${t("members.add")}<//>`;
  return html`<${Panel} title=${t("members.title")} actions=${actions}>
    <${Loading} of=${members}>
      ${(/** @type {Member[]} */ list) =>
        list.length === 0
          ? html`<${Empty} why=${t("members.none")} hint=${t("members.noneHint")} />`
          : html`<div class="scroll" tabindex="0"><table>
              <thead><tr><th scope="col">${t("members.name")}</th><th scope="col">${t("members.role")}</th><th scope="col">${t("members.lastSeen")}</th><td></td></tr></thead>
              <tbody>${list.map((member) => html`<${Row} key=${member.userId} of=${member} onRole=${(/** @type {string} */ role) => change(member, role)} onRemove=${() => setGone(member)} />`)}</tbody>
            </table></div>`}
    <//>
    ${error && html`<${Failure} error=${error} />`}
    <p class="hint">${t("members.roles")}</p>
    ${adding && html`<${Add} onClose=${() => setAdding(false)} onDone=${added} />`}
    ${invited && html`<${Invitation} of=${invited} onClose=${() => setInvited(null)} />`}
    ${gone && html`<${Remove} of=${gone} onClose=${() => setGone(null)} onDone=${members.reload} />`}
  <//>`;
}

/** @param {{of: Member, onRole: (role: string) => void, onRemove: () => void}} props */
function Row({ of: member, onRole, onRemove }) {
  const isOwn = member.userId === session.value.user.userId;
  const state = !member.enabled ? t("members.disabled") : member.isInvited ? t("members.invited") : member.signedInAt === null ? t("keys.never") : new Date(member.signedInAt).toLocaleString();
  return html`<tr>
    <th scope="row">${member.displayName}${member.displayName !== member.name && html` <span class="hint">${member.name}</span>`}</th>
    <td>${
      mayOwn() && !isOwn
        ? html`<${RoleChoice} label=${t("members.roleOf", { name: member.name })} value=${member.role} onChange=${onRole} />`
        : t(`members.role.${member.role}`)
    }</td>
    <td>${state}</td>
    <td>${isOwn ? html`<span class="hint">${t("members.you")}</span>` : mayOwn() && html`<${Button} icon="trash" kind="quiet" label=${t("members.removeName", { name: member.name })} onClick=${onRemove} />`}</td>
  </tr>`;
}

/** @param {{label: string, value: string, onChange: (role: string) => void}} props */
function RoleChoice({ label, value, onChange }) {
  return html`<select aria-label=${label} value=${value} onChange=${(/** @type {any} */ event) => onChange(event.target.value)}>
    ${ROLES.map((role) => html`<option key=${role} value=${role}>${t(`members.role.${role}`)}</option>`)}
  </select>`;
}

/** @param {{onClose: () => void, onDone: (made: any) => void}} props */
function Add({ onClose, onDone }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState("viewer");
  const add = async () => onDone(await adminApi("POST", path(), { json: { name, role } }));
  return html`<${FormDialog} title=${t("members.add")} submit=${t("members.add")} onSubmit=${add} onClose=${onClose}>
    <${Field} label=${t("members.name")} hint=${t("members.nameHint")}>
      <input required autocomplete="off" autocapitalize="none" spellcheck=${false} value=${name} onInput=${(/** @type {any} */ event) => setName(event.target.value)} />
    <//>
    <${Field} label=${t("members.role")}><${RoleChoice} label=${t("members.role")} value=${role} onChange=${setRole} /><//>
  <//>`;
}

/** The link of somebody who is new here, shown this once. @param {{of: any, onClose: () => void}} props */
function Invitation({ of: made, onClose }) {
  return html`<${Dialog} title=${t("members.invitation")} wide onClose=${onClose}>
    <p>${t("members.invitationHow", { name: made.name, until: new Date(made.link.expiresAt).toLocaleString() })}</p>
    <pre class="snippet" tabindex="0"><code>${made.link.url}</code></pre>
    <div class="actions"><${CopyButton} text=${made.link.url} /></div>
  <//>`;
}

/** @param {{of: Member, onClose: () => void, onDone: () => void}} props */
function Remove({ of: member, onClose, onDone }) {
  const remove = async () => {
    await adminApi("DELETE", path(`/${member.userId}`));
    onDone();
  };
  return html`<${FormDialog} title=${t("members.remove")} submit=${t("members.remove")} danger onSubmit=${remove} onClose=${onClose}>
    <p><strong>${member.displayName}</strong></p>
    <p>${t("members.removeWarn")}</p>
  <//>`;
}
