// Texts in English and Korean. API messages stay English and are shown beside a translated sentence.
import { signal } from "./ui.js";
import { remember } from "./settings.js";

export const LANGUAGES = { en: "English", ko: "한국어" };

/** @type {Record<string, Record<string, string>>} */
const tables = {};
export const language = signal("en");

function preferred() {
  const asked = new URLSearchParams(location.search).get("lang");
  let saved = null;
  try {
    saved = localStorage.getItem("bongsu.lang");
  } catch {
    saved = null;
  }
  const wanted = [asked, saved, ...navigator.languages.map((tag) => tag.slice(0, 2))];
  return wanted.find((code) => code !== null && code in LANGUAGES) ?? "en";
}

/** @param {string} code */
async function load(code) {
  tables[code] ??= await (await fetch(new URL(`../locales/${code}.json`, import.meta.url))).json();
}

/** Load the first language; to be awaited before anything is drawn. */
export async function startLanguage() {
  const code = preferred();
  await load(code);
  apply(code);
}

/** @param {string} code */
export async function setLanguage(code) {
  await load(code);
  remember("lang", code);
  apply(code);
}

/** @param {string} code */
function apply(code) {
  document.documentElement.lang = code;
  language.value = code;
}

/**
 * Return a text in the current language; reading it makes a component follow the language.
 * @param {string} key
 * @param {Record<string, string | number>} [values] what stands for {name} in the text
 */
export function t(key, values = {}) {
  const text = tables[language.value]?.[key];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}
