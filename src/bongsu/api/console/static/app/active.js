// Active transactions by what they are doing: a rising SQL or HTTPC is a slow dependency, a rising DBC an exhausted pool.
import { html } from "./ui.js";
import { t } from "./i18n.js";
import { number } from "./format.js";
import { STATES } from "./spot.js";
import { Panel } from "./widgets.js";

/** @param {{numbers: import("./spot.js").Spot}} props */
export function ActiveTransactions({ numbers }) {
  const counts = STATES.map((state) => ({ state, count: numbers[`act_${state}`] ?? 0 }));
  const most = Math.max(1, ...counts.map(({ count }) => count));
  return html`<${Panel} title=${t("active.title")} actions=${html`<strong>${number(numbers.actx)}</strong>`}>
    <table class="bars"><tbody>
      ${counts.map(
        ({ state, count }) => html`<tr key=${state} title=${t(`active.${state}.hint`)}>
          <th scope="row">${t(`active.${state}`)}</th>
          <td class="track" aria-hidden="true"><span class="fill" style=${{ width: `${(100 * count) / most}%` }}></span></td>
          <td class="number">${number(count)}</td>
        </tr>`,
      )}
    </tbody></table>
  <//>`;
}
