// The hit map counted in cells, from the store: what came since is appended tick by tick.
import { html, useMemo } from "./ui.js";
import { openBox } from "./box.js";
import { number } from "./format.js";
import { appendTicks, CellMap, loadCells, spanOf } from "./heatmap.js";
import { t } from "./i18n.js";
import { gaps, ticks } from "./live.js";
import { useLoad } from "./load.js";
import { TICK_MS } from "./spot.js";
import { range } from "./time.js";
import { Empty, Loading } from "./widgets.js";

const TICK_S = TICK_MS / 1000;

/** @typedef {import("./heatmap.js").Cells} Cells */

/** @param {{selector: string, asTable: boolean}} props */
export function Counted({ selector, asTable }) {
  const { live } = range.value;
  const asked = useLoad((abort) => loadCells(selector, abort), [range.value, selector, gaps.value]);
  const step = asked.data?.step ?? 0;
  const later = useLoad((abort) => (step > TICK_S ? loadCells(selector, abort) : Promise.resolve(undefined)), [range.value, selector, step], { every: live && step > TICK_S ? step * 1000 : 0 });
  const found = later.data ?? asked.data;
  const data = useMemo(() => (found && live && found.step === TICK_S ? appendTicks(found, ticks.value) : found), [found, ticks.value, live]);
  return html`<${Loading} of=${{ ...asked, data }}>
    ${(/** @type {Cells} */ cells) =>
      cells.bounds.length === 0
        ? html`<${Empty} why=${t("realtime.noHistory")} hint=${t("realtime.noHistoryHint")} />`
        : html`<figure>${asTable ? html`<${Table} cells=${cells} />` : html`<${CellMap} cells=${cells} title=${t("hitmap.title")} onBox=${openBox} />`}<${Keys} /></figure>`}
  <//>`;
}

function Keys() {
  return html`<figcaption class="keys">
    <span><i class="key"></i>${t("hitmap.inTime")}</span><span><i class="key slow"></i>${t("hitmap.slow")}</span><span><i class="key stuck"></i>${t("hitmap.stuck")}</span>
    <span>${t("hitmap.depth")}</span>
  </figcaption>`;
}

/** @param {{cells: Cells}} props */
function Table({ cells }) {
  const totals = cells.cells.map((row) => row.reduce((a, b) => a + b, 0));
  const all = Math.max(1, totals.reduce((a, b) => a + b, 0));
  return html`<table>
    <thead><tr><th scope="col">${t("hitmap.elapsed")}</th><th scope="col" class="number">${t("hitmap.count")}</th><th scope="col" class="number">%</th></tr></thead>
    <tbody>${totals.map((total, row) => html`<tr key=${row}><th scope="row">${spanOf(cells, row)}</th><td class="number">${number(total)}</td><td class="number">${number((100 * total) / all, 1)}</td></tr>`)}</tbody>
  </table>`;
}
