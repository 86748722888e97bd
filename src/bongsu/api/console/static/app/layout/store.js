// Layouts on the server: they belong to the project, each with the version that it was read at.
import { consoleApi } from "../api.js";

/**
 * @typedef {{panels: import("./place.js").Panel[], variables: import("./variables.js").Variable[], notes: string[]}} Layout
 * @typedef {{layoutId: string, name: string, place: string, version: number, modifiedMs: number}} Listed
 * @typedef {Listed & {layout: Layout}} Saved
 */

/** @param {string} place @param {AbortSignal} [abort] @returns {Promise<Listed[]>} */
export const listLayouts = async (place, abort) => (await consoleApi("GET", "layouts", { query: { place }, signal: abort })).layouts;

/** @param {string} id @param {AbortSignal} [abort] @returns {Promise<Saved>} */
export async function loadLayout(id, abort) {
  const saved = await consoleApi("GET", `layouts/${encodeURIComponent(id)}`, { signal: abort });
  return { ...saved, layout: { variables: [], notes: [], ...saved.layout } };
}

/** @param {string} name @param {string} place @param {Layout} layout @returns {Promise<Saved>} */
export const addLayout = (name, place, layout) => consoleApi("POST", "layouts", { json: { name, place, layout } });

/** @param {Listed} saved @param {{name?: string, layout?: Layout}} changes @returns {Promise<Saved>} */
export const changeLayout = (saved, changes) => consoleApi("PUT", `layouts/${encodeURIComponent(saved.layoutId)}`, { json: { ...changes, version: saved.version } });

/** @param {string} id */
export const removeLayout = (id) => consoleApi("DELETE", `layouts/${encodeURIComponent(id)}`);
