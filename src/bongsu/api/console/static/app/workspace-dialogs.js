// Dialogs that change workspaces and their targets.
import { html, useState } from "./ui.js";
import { ApiError, sysmon } from "./api.js";
import { t } from "./i18n.js";
import { useLoad } from "./load.js";
import { href } from "./router.js";
import { loadServers } from "./targets.js";
import { TrialResult, tryTarget } from "./target-trial.js";
import { Button, Empty, Field, FormDialog, Loading } from "./widgets.js";

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

/** Several servers at once, on one port; each can be tried before it is added. @param {{workspace: Workspace, targets: any[], onClose: () => void, onSaved: () => void}} props */
export function NewTargets({ workspace, targets, onClose, onSaved }) {
  const servers = useLoad(loadServers, []);
  const [text, setText] = useState("");
  const [picked, setPicked] = useState(/** @type {string[]} */ ([]));
  const [port, setPort] = useState("9100");
  const [tried, setTried] = useState(/** @type {Record<string, any>} */ ({}));
  const has = (/** @type {string} */ id) => targets.some((target) => target.hostId === id && String(target.port) === port);
  const chosen = picked.filter((id) => !has(id));
  const save = async () => {
    const refused = [];
    for (const hostId of chosen) {
      // One after the other: what was added stays added when another one is refused.
      try {
        await sysmon("POST", `${pathOf(workspace.jobId)}/targets`, { hostId, port: Number(port) });
      } catch (error) {
        refused.push({ hostId, error: /** @type {Error} */ (error) });
      }
    }
    onSaved();
    if (refused.length === 0) return;
    setPicked(refused.map(({ hostId }) => hostId));
    const names = new Map((servers.data ?? []).map((server) => [server.hostId, server.hostNm]));
    throw new ApiError(refused.map(({ hostId, error }) => `${names.get(hostId)}: ${error.message}`).join("\n"), { id: "targets-refused" });
  };
  const tryAll = async () => {
    setTried(Object.fromEntries(chosen.map((id) => [id, "busy"])));
    await Promise.all(
      chosen.map(async (id) => {
        const result = await tryTarget(workspace.jobId, id, Number(port)).catch((error) => ({ health: "down", reason: error.message, durationMs: 0 }));
        setTried((/** @type {Record<string, any>} */ old) => ({ ...old, [id]: result }));
      }),
    );
  };
  const toggle = (/** @type {string} */ id) => setPicked(picked.includes(id) ? picked.filter((other) => other !== id) : [...picked, id]);
  const shown = (servers.data ?? []).filter((server) => `${server.hostNm} ${server.svrIp}`.toLowerCase().includes(text.toLowerCase()));
  const free = shown.filter((server) => !has(server.hostId));
  const all = free.length > 0 && free.every((server) => picked.includes(server.hostId));
  const toggleAll = () => setPicked(all ? [] : [...new Set([...picked, ...free.map((server) => server.hostId)])]);
  return html`<${FormDialog} title=${t("targets.add")} submit=${t("targets.addCount", { count: chosen.length })} disabled=${chosen.length === 0} onSubmit=${save} onClose=${onClose}>
    <${Field} label=${t("targets.port")} hint=${t("targets.portHint", { path: workspace.metricsPath })}>
      <input type="number" required min="1" max="65535" value=${port} onInput=${(/** @type {any} */ event) => (setPort(event.target.value), setTried({}))} />
    <//>
    <${Loading} of=${servers}>
      ${(/** @type {any[]} */ list) =>
        list.length === 0
          ? html`<${Empty} why=${t("servers.none")} hint=${t("servers.noneHint")}><a class="button" href=${href("servers")}>${t("nav.servers")}</a><//>`
          : html`${list.length > 8 && html`<input type="search" placeholder=${t("servers.search")} aria-label=${t("servers.search")} value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} />`}
            <div class="picks" role="group" aria-label=${t("targets.server")}>
              ${free.length > 1 && html`<label><input type="checkbox" checked=${all} onChange=${toggleAll} />${t("targets.all", { count: free.length })}</label>`}
              ${shown.map((server) => html`<label key=${server.hostId}>
                <input type="checkbox" disabled=${has(server.hostId)} checked=${has(server.hostId) || picked.includes(server.hostId)} onChange=${() => toggle(server.hostId)} />
                ${server.hostNm}<small>${has(server.hostId) ? t("targets.already") : server.svrIp}</small>
                ${tried[server.hostId] && (tried[server.hostId] === "busy" ? html`<span class="hint">${t("targets.testing")}</span>` : html`<${TrialResult} trial=${tried[server.hostId]} />`)}
              </label>`)}
            </div>
            <div class="actions"><${Button} icon="play" disabled=${chosen.length === 0} onClick=${tryAll}>${t("targets.test")}<//><span class="hint">${t("targets.testHint")}</span></div>`}
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
