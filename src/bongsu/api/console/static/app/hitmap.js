// The hit map of the real-time view: every transaction by end time and elapsed time, as points or counted in cells.
// Drag a box over it for the transactions behind it. Which of the two is shown is in the address: map=dots or map=cells.
import { html, useState } from "./ui.js";
import { nowMs } from "./api.js";
import { Segments } from "./choices.js";
import { t } from "./i18n.js";
import { lazy } from "./lazy.js";
import { place, setQuery } from "./router.js";
import { bounds, range } from "./time.js";
import { Button, Panel } from "./widgets.js";

const Dots = lazy(() => import("./dots.js"), "Dots");
const Counted = lazy(() => import("./counted.js"), "Counted");
const BoxedTransactions = lazy(() => import("./transactions.js"), "BoxedTransactions", { quiet: true });
const DOTS_AT_MOST_MS = 3_600_000; // of a longer range a tick is narrower than a pixel or two: cells say more
const KEPT_MS = 86_400_000; // single ticks are kept for a day, and for the project only

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
    ${place.value.query.has("hit") && html`<${BoxedTransactions} />`}
  <//>`;
}
