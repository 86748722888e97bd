// One transaction's spans: what it waited for, as bars under each other.
import { html } from "./ui.js";
import { openapm } from "./api.js";
import { milliseconds } from "./format.js";
import { t } from "./i18n.js";
import { useLoad } from "./load.js";
import { Empty, Loading } from "./widgets.js";

/** @typedef {{spanId: string, parentId: string, oname: string, name: string, kind: string, startUs: number, elapsed: number, failed: boolean, message: string, attributes: Record<string, unknown>}} Span */

/** @param {{traceId: string}} props */
export function Spans({ traceId }) {
  const loaded = useLoad(async (abort) => (await openapm(`api/json/spans/${traceId}`, abort)).records, [traceId]);
  return html`<${Loading} of=${loaded}>
    ${(/** @type {Span[]} */ spans) => (spans.length === 0 ? html`<${Empty} why=${t("transactions.noSpans")} hint=${t("transactions.noSpansHint")} />` : html`<${Bars} spans=${spans} />`)}
  <//>`;
}

/** @param {{spans: Span[]}} props */
function Bars({ spans }) {
  const start = Math.min(...spans.map((span) => span.startUs));
  const whole = Math.max(1, ...spans.map((span) => span.startUs - start + span.elapsed * 1000));
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  return html`<table class="bars spans"><caption class="visually-hidden">${t("transactions.spans")}</caption><tbody>
    ${spans.map((span) => html`<tr key=${span.spanId} title=${Object.entries(span.attributes).map(([name, value]) => `${name}: ${value}`).join("\n")}>
      <th scope="row" class="clip" style=${{ paddingLeft: `${8 + 12 * depthOf(span, byId)}px` }}>${span.name} <span class="hint">${span.kind}</span>${span.message && html`<div class="told">${span.message}</div>`}</th>
      <td aria-hidden="true"><span class=${`fill ${span.failed ? "stuck" : ""}`} style=${{ marginLeft: `${(100 * (span.startUs - start)) / whole}%`, width: `max(2px, ${(100 * span.elapsed * 1000) / whole}%)` }}></span></td>
      <td class="number">${milliseconds(span.elapsed)}</td>
    </tr>`)}
  </tbody></table>`;
}

/** How many spans a span is inside of; at most ten are shown by their place. @param {Span} span @param {Map<string, Span>} byId */
function depthOf(span, byId) {
  let [depth, at] = [0, byId.get(span.parentId)];
  while (at && depth < 10) [depth, at] = [depth + 1, byId.get(at.parentId)];
  return depth;
}
