// The transactions behind a box of the hit map.
import { html, useState } from "./ui.js";
import { openapm } from "./api.js";
import { readBox } from "./box.js";
import { dateTime, milliseconds, number } from "./format.js";
import { t } from "./i18n.js";
import { useLoad } from "./load.js";
import { place, setQuery } from "./router.js";
import { Spans } from "./spans.js";
import { setFixed } from "./time.js";
import { Badge, Button, Dialog, Empty, Loading } from "./widgets.js";

/**
 * @typedef {import("./box.js").Box} Box
 * @typedef {{time: number, elapsed: number, failed: boolean, oname: string, name: string, route: string, status: number,
 *   user: string | null, traceId: string, spanId: string, message: string}} Transaction
 */

/** @param {Box} box @param {AbortSignal} abort @returns {Promise<Transaction[]>} */
async function loadTransactions({ from, to, least, most }, abort) {
  const bounds = { min: least, max: Number.isFinite(most) ? most : undefined };
  return (await openapm(`api/json/transactions/${from}/${to}`, abort, bounds)).records;
}

/** The list of the box in the address, when there is one. */
export function BoxedTransactions() {
  const text = place.value.query.get("hit");
  const box = readBox(text);
  return box && html`<${List} key=${text} box=${box} />`;
}

/** @param {{box: Box}} props */
function List({ box }) {
  const loaded = useLoad((abort) => loadTransactions(box, abort), []);
  const close = () => setQuery({ hit: null });
  const span = Number.isFinite(box.most) ? `${milliseconds(box.least)} – ${milliseconds(box.most)}` : `> ${milliseconds(box.least)}`;
  const zoom = () => {
    close();
    setFixed(box.from, box.to);
  };
  return html`<${Dialog} title=${t("transactions.title")} wide onClose=${close}>
    <div class="actions">
      <span>${dateTime(box.from)} – ${dateTime(box.to)} · ${span}</span>
      <${Button} onClick=${zoom}>${t("transactions.zoom")}<//>
    </div>
    <${Loading} of=${loaded}>
      ${(/** @type {Transaction[]} */ list) =>
        list.length === 0
          ? html`<${Empty} why=${t("transactions.none")} hint=${t("transactions.kept")} />`
          : html`<p class="hint">${t("transactions.count", { count: number(list.length) })} ${t("transactions.kept")}</p><${Table} list=${list} />`}
    <//>
  <//>`;
}

/** @param {{list: Transaction[]}} props */
function Table({ list }) {
  const [open, setOpen] = useState(/** @type {string | null} */ (null));
  return html`<div class="scroll transactions" tabindex="0"><table>
    <thead><tr>
      <th scope="col">${t("transactions.end")}</th><th scope="col" class="number">${t("hitmap.elapsed")}</th><th scope="col">${t("realtime.state")}</th>
      <th scope="col">${t("transactions.name")}</th><th scope="col">${t("realtime.agent")}</th><th scope="col">${t("transactions.trace")}</th>
    </tr></thead>
    <tbody>${list.map((one) => html`<tr key=${one.spanId}>
      <td class="moment">${dateTime(one.time)}</td>
      <td class="number">${milliseconds(one.elapsed)}</td>
      <td><${Badge} state=${one.failed ? "bad" : "ok"} title=${one.message}>${one.failed ? t("transactions.failed") : t("transactions.well")}${one.status > 0 && ` ${one.status}`}<//></td>
      <td><button type="button" class="linklike" aria-expanded=${open === one.traceId} aria-label=${t("transactions.showSpans", { name: one.name })} onClick=${() => setOpen(open === one.traceId ? null : one.traceId)}>${one.name}</button>${one.message && html`<div class="hint">${one.message}</div>`}</td>
      <td class="who-of">${one.oname}</td>
      <td><code>${one.traceId}</code></td>
    </tr>${open === one.traceId && html`<tr key=${`${one.spanId} spans`}><td colspan="6"><${Spans} traceId=${one.traceId} /></td></tr>`}`)}</tbody>
  </table></div>`;
}
