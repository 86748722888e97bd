// The hit map of the real-time view: every transaction by end time and elapsed time, as points or counted in cells.
// Drag a box over it for the transactions behind it. Which of the two is shown is in the address: map=dots or map=cells.
import { html, useMemo, useState } from "./ui.js";
import { nowMs } from "./api.js";
import { Segments } from "./choices.js";
import { Dots } from "./dots.js";
import { number } from "./format.js";
import { appendTicks, CellMap, loadCells, spanOf } from "./heatmap.js";
import { t } from "./i18n.js";
import { gaps, ticks } from "./live.js";
import { useLoad } from "./load.js";
import { place, setQuery } from "./router.js";
import { TICK_MS } from "./spot.js";
import { bounds, range } from "./time.js";
import { BoxedTransactions, openBox } from "./transactions.js";
import { Button, Empty, Loading, Panel } from "./widgets.js";

const TICK_S = TICK_MS / 1000;
const DOTS_AT_MOST_MS = 3_600_000; // of a longer range a tick is narrower than a pixel or two: cells say more
const KEPT_MS = 86_400_000; // single ticks are kept for a day, and for the project only

/** @typedef {import("./heatmap.js").Cells} Cells */

/** @param {{selector: string}} props of the chosen agents; empty for all */
export function HitMap({ selector }) {
  const [asTable, setAsTable] = useState(false);
  const { start, end } = bounds(range.value);
  const possible = selector === "" && end - start <= KEPT_MS && start >= nowMs() - KEPT_MS;
  const asked = place.value.query.get("map");
  const dots = possible && (asked === "dots" || (asked !== "cells" && end - start <= DOTS_AT_MOST_MS));
  const modes = [{ value: "dots", text: t("hitmap.dots") }, { value: "cells", text: t("hitmap.cells") }];
  const actions = html`${possible && html`<${Segments} label=${t("hitmap.as")} options=${modes} value=${dots ? "dots" : "cells"} onChange=${(/** @type {string} */ map) => setQuery({ map }, { replace: true })} />`}
    <${Button} icon="table" kind="quiet" label=${t("chart.table")} pressed=${asTable} onClick=${() => setAsTable(!asTable)} />`;
  return html`<${Panel} title=${t("hitmap.title")} class="span2" actions=${actions}>
    ${dots ? html`<${Dots} asTable=${asTable} />` : html`<${Counted} selector=${selector} asTable=${asTable} />`}
    <${BoxedTransactions} />
  <//>`;
}

/** @param {{selector: string, asTable: boolean}} props */
function Counted({ selector, asTable }) {
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
