// What a page knows about signing in before the page for it is fetched.
import { signal } from "./ui.js";
import { t } from "./i18n.js";

/** Why the last attempt failed, also one that a one-time link made before the page was drawn. */
export const problem = signal(/** @type {any} */ (null));
/** An invitation that was opened and waits for a password. */
export const invitation = signal(/** @type {{token: string, told: string} | null} */ (null));

/** @type {Record<string, string>} */
const EXPLAINED = {
  "openid-unavailable": "signin.failed.openid-unavailable",
  "openid-refused": "signin.failed.openid-refused",
  "openid-not-allowed": "signin.failed.openid-not-allowed",
  "openid-no-role": "signin.failed.openid-no-role",
  "openid-name-taken": "signin.failed.openid-name-taken",
  "user-disabled": "signin.failed.user-disabled",
};

/** Words for an error id that came in an address, which may hold anything. @param {string} id */
export const explain = (id) => t(EXPLAINED[id] ?? "signin.failed.other");
