// Dialogs that change workspaces and their targets.
import { html, useState } from "./ui.js";
import { sysmon } from "./api.js";
import { t } from "./i18n.js";
import { useLoad } from "./load.js";
import { href } from "./router.js";
import { loadServers } from "./targets.js";
import { Empty, Field, FormDialog, Loading } from "./widgets.js";

/** @typedef {import("./targets.js").Workspace} Workspace */

/** @param {string} jobId */
const pathOf = (jobId) => `jobs/${encodeURIComponent(jobId)}`;

/** A new workspace, or changes to one; the name is the `job` label of its series and stays. @param {{workspace?: Workspace, onClose: () => void, onSaved: (workspace: Workspace) => void}} props */
export function EditWorkspace({ workspace, onClose, onSaved }) {
  const [name, setName] = useState(workspace?.jobName ?? "");
  const [path, setPath] = useState(workspace?.metricsPath ?? "/metrics");
  const [about, setAbout] = useState(workspace?.description ?? "");
  const save = async () => {
    const fields = { metricsPath: path, description: about };
    onSaved(workspace ? await sysmon("PUT", pathOf(workspace.jobId), fields) : await sysmon("POST", "jobs", { jobName: name, ...fields }));
  };
  return html`<${FormDialog} title=${t(workspace ? "workspaces.edit" : "workspaces.add")} submit=${t("action.save")} onSubmit=${save} onClose=${onClose}>
    <${Field} label=${t("workspaces.name")} hint=${t(workspace ? "workspaces.nameFixed" : "workspaces.nameHint")}>
      <input required autofocus=${!workspace} disabled=${workspace !== undefined} pattern="[A-Za-z0-9_\\-]+" maxlength="100" value=${name} onInput=${(/** @type {any} */ event) => setName(event.target.value)} />
    <//>
    <${Field} label=${t("workspaces.path")} hint=${t("workspaces.pathHint")}>
      <input required pattern="/.*" value=${path} onInput=${(/** @type {any} */ event) => setPath(event.target.value)} />
    <//>
    <${Field} label=${t("workspaces.description")}>
      <input value=${about} onInput=${(/** @type {any} */ event) => setAbout(event.target.value)} />
    <//>
  <//>`;
}

/** @param {{workspace: Workspace, targets: any[], onClose: () => void, onSaved: () => void}} props */
export function DeleteWorkspace({ workspace, targets, onClose, onSaved }) {
  const remove = async () => {
    await sysmon("DELETE", pathOf(workspace.jobId));
    onSaved();
  };
  return html`<${FormDialog} title=${t("workspaces.delete")} submit=${t("action.delete")} danger onSubmit=${remove} onClose=${onClose}>
    <p><strong>${workspace.jobName}</strong></p>
    <p>${t("workspaces.deleteWarn", { count: targets.length })}</p>
  <//>`;
}

/** Several servers at once, on one port. @param {{workspace: Workspace, targets: any[], onClose: () => void, onSaved: () => void}} props */
export function NewTargets({ workspace, targets, onClose, onSaved }) {
  const servers = useLoad(loadServers, []);
  const [picked, setPicked] = useState(/** @type {string[]} */ ([]));
  const [port, setPort] = useState("9100");
  const has = (/** @type {any} */ server) => targets.some((target) => target.hostId === server.hostId && String(target.port) === port);
  const chosen = picked.filter((id) => !has({ hostId: id }));
  const save = async () => {
    try {
      // One after the other: what was added stays added when a later one is refused.
      for (const hostId of chosen) await sysmon("POST", `${pathOf(workspace.jobId)}/targets`, { hostId, port: Number(port) });
    } finally {
      onSaved();
    }
  };
  const toggle = (/** @type {string} */ id) => setPicked(picked.includes(id) ? picked.filter((other) => other !== id) : [...picked, id]);
  return html`<${FormDialog} title=${t("targets.add")} submit=${t("targets.addCount", { count: chosen.length })} disabled=${chosen.length === 0} onSubmit=${save} onClose=${onClose}>
    <${Field} label=${t("targets.port")} hint=${t("targets.portHint", { path: workspace.metricsPath })}>
      <input type="number" required min="1" max="65535" value=${port} onInput=${(/** @type {any} */ event) => setPort(event.target.value)} />
    <//>
    <${Loading} of=${servers}>
      ${(/** @type {any[]} */ list) =>
        list.length === 0
          ? html`<${Empty} why=${t("servers.none")} hint=${t("servers.noneHint")}><a class="button" href=${href("servers")}>${t("nav.servers")}</a><//>`
          : html`<div class="picks" role="group" aria-label=${t("targets.server")}>
              ${list.map((server) => html`<label key=${server.hostId}>
                <input type="checkbox" disabled=${has(server)} checked=${has(server) || picked.includes(server.hostId)} onChange=${() => toggle(server.hostId)} />
                ${server.hostNm}<small>${has(server) ? t("targets.already") : server.svrIp}</small>
              </label>`)}
            </div>`}
    <//>
  <//>`;
}

/** @param {{workspace: Workspace, targets: any[], onClose: () => void, onSaved: () => void}} props */
export function RemoveTargets({ workspace, targets, onClose, onSaved }) {
  const remove = async () => {
    try {
      for (const { targetId } of targets) await sysmon("DELETE", `${pathOf(workspace.jobId)}/targets/${encodeURIComponent(targetId)}`);
    } finally {
      onSaved();
    }
  };
  return html`<${FormDialog} title=${t("targets.remove")} submit=${t("targets.removeCount", { count: targets.length })} danger onSubmit=${remove} onClose=${onClose}>
    <ul>${targets.map((target) => html`<li key=${target.targetId}>${target.hostNm} <code>${target.svrIp}:${target.port}</code></li>`)}</ul>
    <p class="hint">${t("targets.removeWarn")}</p>
  <//>`;
}
