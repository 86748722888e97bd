// A box of the hit map, in the address: hit=<from>,<to>,<least>,<most> in milliseconds.
import { setQuery } from "./router.js";

/** @typedef {{from: number, to: number, least: number, most: number}} Box most may be infinite */

/** @param {Box} box */
export const openBox = ({ from, to, least, most }) => setQuery({ hit: [from, to, least, most].map(Math.round).join(",") });

/** @param {string | null} text @returns {Box | null} */
export function readBox(text) {
  const [from, to, least, most] = (text ?? "").split(",").map(Number);
  return from < to && least < most ? { from, to, least, most } : null;
}
