// Workspaces with their targets, and what a target's result means.
import { sysmon } from "./api.js";
import { t } from "./i18n.js";

/**
 * @typedef {{jobId: string, jobName: string, metricsPath: string, description: string | null, reservedJobCd: string | null, lstModYmdt: string}} Workspace
 * @typedef {{targetId: string, jobId: string, hostId: string, hostNm: string, svrIp: string, port: number, resultCd: number | null, failReason: string | null, reserved?: boolean}} Target
 * @typedef {{hostId: string, hostNm: string, svrIp: string, instanceId: string | null}} Server
 * @typedef {"ok" | "warn" | "bad" | "wait"} State
 */

/** The reserved workspace asks every server for its node exporter, whether one runs there or not: none is no fault yet. */
const EXPECTED_PORT = 9100;

/** Whether a reserved target waits for a node exporter that nobody has started. @param {Target} target */
export const awaitsExporter = (target) => target.reserved === true && target.port === EXPECTED_PORT && (target.resultCd ?? 0) < 0 && /refused/.test(target.failReason ?? "");

/** Why a target is as it is, in the reader's language where there is a sentence for it. @param {Target} target */
export function reasonOf(target) {
  if (awaitsExporter(target)) return t("targets.awaitsExporter");
  return target.failReason ?? (stateOf(target) === "wait" ? t("targets.waiting") : "");
}

/** Collecting, an HTTP error, nothing collected, not yet tried. @param {Target} target @returns {State} */
export function stateOf(target) {
  const { resultCd } = target;
  if (resultCd === null || awaitsExporter(target)) return "wait";
  if (resultCd === 0) return "ok";
  return resultCd > 0 ? "warn" : "bad";
}

/** @param {AbortSignal} [abort] @returns {Promise<Workspace[]>} */
export const loadWorkspaces = (abort) => sysmon("GET", "jobs", undefined, abort);

/** @param {string} jobId @param {AbortSignal} [abort] @returns {Promise<Target[]>} */
export const loadTargets = (jobId, abort) => sysmon("GET", `jobs/${encodeURIComponent(jobId)}/targets`, undefined, abort);

/** @param {AbortSignal} [abort] @returns {Promise<Server[]>} */
export const loadServers = (abort) => sysmon("GET", "servers", undefined, abort);

/** Targets that know whether their workspace is a reserved one. @param {Workspace} workspace @param {Target[]} targets */
export const marked = (workspace, targets) => targets.map((target) => ({ ...target, reserved: workspace.reservedJobCd !== null }));

/** How many workspaces are asked at the same time: a browser opens six connections to a host. */
const AT_ONCE = 4;

/**
 * All workspaces, each with its targets.
 * @param {AbortSignal} [abort]
 * @returns {Promise<{workspace: Workspace, targets: Target[]}[]>}
 */
export async function loadAll(abort) {
  const workspaces = await loadWorkspaces(abort);
  /** @type {{workspace: Workspace, targets: Target[]}[]} */
  const found = [];
  const waiting = workspaces.entries();
  const work = async () => {
    for (const [index, workspace] of waiting) found[index] = { workspace, targets: marked(workspace, await loadTargets(workspace.jobId, abort)) };
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}
