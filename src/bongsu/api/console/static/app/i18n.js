// Texts in English and Korean. API messages stay English and are shown beside a translated sentence.
import { signal } from "./ui.js";
import { remember } from "./settings.js";

export const LANGUAGES = { en: "English", ko: "한국어" };

/** @type {Record<string, Record<string, string>>} */
const tables = {};
export const language = signal("en");

/** @param {string} code */
async function load(code) {
  tables[code] ??= await (await fetch(new URL(`../locales/${code}.json`, import.meta.url))).json();
}

/** The first language, which `early.js` has chosen and begun to load; to be awaited before anything is drawn. */
export async function startLanguage() {
  const code = document.documentElement.lang;
  tables[code] = await /** @type {any} */ (window).bongsuTexts;
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
