// A panel that is a heat map: series with the label le, over time.
import { html } from "../ui.js";
import { prometheus } from "../api.js";
import { CellMap, toCells } from "../heatmap.js";
import { t } from "../i18n.js";
import { useLoad } from "../load.js";
import { withWindows } from "../query.js";
import { grid, range, refreshMs } from "../time.js";
import { Empty, Loading } from "../widgets.js";
import { heightOf, unitOf } from "./panel.js";

/** @typedef {import("./place.js").Panel} Panel */

const MOST_COLUMNS = 120;

/** Cells by bucket: of counters what they grew by, of rates the rate itself. @param {{panel: Panel, title: string}} props */
export function Heat({ panel, title }) {
  const expr = panel.queries?.[0].expr ?? "";
  const loaded = useLoad(
    async (abort) => {
      const asked = grid(range.value, MOST_COLUMNS);
      const data = await prometheus("query_range", { query: withWindows(expr, asked.step), ...asked, start: asked.start - asked.step }, abort);
      return toCells(data, asked, { counters: !/\b(rate|increase|irate|delta)\s*\(/.test(expr) });
    },
    [expr, range.value],
    { every: refreshMs.value },
  );
  return html`<${Loading} of=${loaded}>
    ${(/** @type {import("../heatmap.js").Cells} */ cells) =>
      cells.bounds.length === 0 || cells.bounds.some(Number.isNaN)
        ? html`<${Empty} why=${t("panel.noBuckets")} hint=${t("panel.noBucketsHint")} />`
        : html`<figure><${CellMap} cells=${cells} title=${title} height=${heightOf(panel) + 10} unit=${unitOf(panel)} /></figure>`}
  <//>`;
}
