// The speed meter: what arrives, what is in progress, what is completed. More arriving than completed fills the middle.
import { html } from "./ui.js";
import { number } from "./format.js";
import { t } from "./i18n.js";
import { Panel } from "./widgets.js";

/** @param {{numbers: Record<string, number>, before?: Record<string, number>, tickMs: number}} props */
export function SpeedMeter({ numbers, before, tickMs }) {
  const grown = before ? (numbers.actx - before.actx) / (tickMs / 1000) : 0;
  const arriving = Math.max(0, numbers.tps + grown);
  const most = Math.max(1, arriving, numbers.tps);
  const row = (/** @type {string} */ text, /** @type {string} */ value, /** @type {number} */ share, /** @type {string} */ kind) => html`<tr>
    <th scope="row">${text}</th><td aria-hidden="true"><span class=${`fill ${kind}`} style=${{ width: `${100 * share}%` }}></span></td><td class="number">${value}</td>
  </tr>`;
  return html`<${Panel} title=${t("meter.title")}>
    <table class="bars"><tbody>
      ${row(t("meter.arriving"), `${number(arriving, 1)}/s`, arriving / most, "")}
      ${row(t("meter.progress"), number(numbers.actx), Math.min(1, numbers.actx / Math.max(1, most)), numbers.actx > 3 * most ? "stuck" : numbers.actx > most ? "slow" : "")}
      ${row(t("meter.completed"), `${number(numbers.tps, 1)}/s`, numbers.tps / most, "")}
    </tbody></table>
    <p class="hint">${t(arriving > numbers.tps * 1.2 + 1 ? "meter.filling" : "meter.steady")}</p>
  <//>`;
}
