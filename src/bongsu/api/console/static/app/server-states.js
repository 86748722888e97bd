// How servers are, after what the server concludes from their agents and targets.
import { sysmon } from "./api.js";
import { t } from "./i18n.js";
import { reasonOf } from "./targets.js";

/**
 * @typedef {import("./targets.js").Target} Target
 * @typedef {{health: keyof typeof HEALTH, reason: string | null, heard: string | null, removed: string | null}} ServerState
 * @typedef {import("./targets.js").Server & {state: ServerState}} ServerWithState
 */

/** With how each is, those that were removed lately after the others. @param {AbortSignal} [abort] @returns {Promise<ServerWithState[]>} */
export const loadServerStates = (abort) => sysmon("GET", "servers?state=true&deleted=true", undefined, abort);

/** The guide's five states by the colours of this console: orange asks for a look, red is trouble, grey is not there. */
export const HEALTH = /** @type {const} */ ({ normal: "ok", unknown: "warn", unmonitored: "bad", stopped: "wait", deleted: "gone" });

/** Why a server is as it is, in the reader's language where there is a sentence for it. @param {ServerState} state @param {Target[]} targets */
export function reasonOfServer({ health, reason, heard, removed }, targets) {
  if (health === "normal") return "";
  if (health === "unknown") return t("server.why.silentCollected");
  if (health === "deleted") return t("server.why.removed", { at: (removed ?? "").replace("T", " ") });
  const told = targets.find((target) => reason !== null && target.failReason === reason);
  if (told) return reasonOf(told);
  return health === "stopped" ? t(heard === null ? "server.why.unheard" : "server.why.silent") : (reason ?? "");
}
