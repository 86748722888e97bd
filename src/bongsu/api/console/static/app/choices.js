// Controls for how things are shown; used on several pages.
import { html } from "./ui.js";
import { LANGUAGES, language, setLanguage, t } from "./i18n.js";
import { THEMES, theme } from "./settings.js";
import { Button } from "./widgets.js";

export function LanguageChoice() {
  return html`<select class="quiet" aria-label=${t("settings.language")} value=${language.value}
    onChange=${(/** @type {any} */ event) => setLanguage(event.target.value)}>
    ${Object.entries(LANGUAGES).map(([code, name]) => html`<option key=${code} value=${code} lang=${code}>${name}</option>`)}
  </select>`;
}

export function ThemeButton() {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length];
  return html`<${Button} icon="theme" kind="quiet" label=${t("settings.themeNow", { theme: t(`settings.theme.${theme.value}`) })} onClick=${() => (theme.value = next)} />`;
}

/**
 * One of a few: buttons that show which is chosen.
 * @param {{label: string, options: {value: string, text: string}[], value: string, onChange: (value: string) => void}} props
 */
export function Segments({ label, options, value, onChange }) {
  return html`<div class="segments" role="group" aria-label=${label}>
    ${options.map(
      (one) => html`<button key=${one.value} type="button" aria-pressed=${one.value === value} onClick=${() => onChange(one.value)}>${one.text}</button>`,
    )}
  </div>`;
}
