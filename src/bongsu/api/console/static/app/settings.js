// How a person wants to see things: kept in the browser, overridable in the address. Never a key or a token.
import { computed, effect, signal } from "./ui.js";

const PREFIX = "bongsu.";

/** @param {string} name @param {string} fallback */
function read(name, fallback) {
  try {
    return localStorage.getItem(PREFIX + name) ?? fallback;
  } catch {
    return fallback;
  }
}

/** What was remembered under a name; empty for nothing. @param {string} name */
export const recall = (name) => read(name, "");

/** @param {string} name @param {string} value */
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Storage is switched off; the choice lasts until the page is left.
  }
}

/**
 * A choice from a closed list; the address wins over what was remembered.
 * @param {string} name @param {string[]} allowed @param {string} fallback
 */
function choice(name, allowed, fallback) {
  const asked = new URLSearchParams(location.search).get(name);
  const start = [asked ?? "", read(name, fallback)].find((value) => allowed.includes(value)) ?? fallback;
  const chosen = signal(start);
  chosen.subscribe((value) => value !== start && remember(name, value));
  return chosen;
}

export const THEMES = ["auto", "light", "dark"];
export const DENSITIES = ["compact", "comfortable"];
export const ZONES = ["local", "utc"];

export const theme = choice("theme", THEMES, "auto");
export const density = choice("density", DENSITIES, "compact");
export const zone = choice("tz", ZONES, "local");

const systemDark = signal(matchMedia("(prefers-color-scheme: dark)").matches);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => (systemDark.value = event.matches));

/** Whether dark is shown now; charts read their colours again when it changes. */
export const dark = computed(() => theme.value === "dark" || (theme.value === "auto" && systemDark.value));

effect(() => {
  const root = document.documentElement;
  root.dataset.theme = dark.value ? "dark" : "light";
  root.dataset.density = density.value;
});

export const reducedMotion = signal(matchMedia("(prefers-reduced-motion: reduce)").matches);
matchMedia("(prefers-reduced-motion: reduce)").addEventListener(
  "change",
  (event) => (reducedMotion.value = event.matches),
);

/** Remember that a step of the first-run checklist was done in this browser. @param {string} name */
export const markDone = (name) => remember(`done.${name}`, "yes");
/** @param {string} name */
export const isDone = (name) => read(`done.${name}`, "") === "yes";

/** The newest expressions first, for Explore. */
export const recent = signal(readRecent());
const MOST_RECENT = 50; // a screen or two; older ones are found by their address

/** @returns {string[]} */
function readRecent() {
  try {
    const list = JSON.parse(read("recent", "[]"));
    return Array.isArray(list) ? list.map(String) : [];
  } catch {
    return [];
  }
}

/** @param {string} expression */
export function addRecent(expression) {
  const rest = recent.value.filter((other) => other !== expression);
  recent.value = [expression, ...rest].slice(0, MOST_RECENT);
  remember("recent", JSON.stringify(recent.value));
}
