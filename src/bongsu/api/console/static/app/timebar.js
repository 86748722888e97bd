// The time range, the refresh interval and the pause button of a view.
import { html, useEffect, useRef, useState } from "./ui.js";
import { nowMs } from "./api.js";
import { dateTime } from "./format.js";
import { t } from "./i18n.js";
import { Button } from "./widgets.js";
import * as time from "./time.js";

/** @param {{live?: boolean}} props `live` views have their own pace */
export function TimeBar({ live = false }) {
  const range = time.range.value;
  return html`<div class="timebar">
    <${RangeMenu} />
    ${range.live
      ? !live && html`<select class="quiet" aria-label=${t("time.refresh")} value=${refreshText()} onChange=${(/** @type {any} */ event) => time.setRefresh(event.target.value)}>
          ${time.REFRESHES.map((text) => html`<option key=${text} value=${text}>${text === "off" ? t("time.off") : text}</option>`)}
        </select>`
      : html`<${Button} kind="quiet" onClick=${() => time.setSpan("1h")}>${t("time.backToNow")}<//>`}
    ${range.live &&
    html`<${Button} icon=${time.paused.value ? "play" : "pause"} kind=${time.paused.value ? "primary" : "quiet"}
      label=${time.paused.value ? t("time.resume") : t("time.pause")} onClick=${() => (time.paused.value = !time.paused.value)}>
      ${time.paused.value && t("time.paused")}
    <//>`}
  </div>`;
}

function refreshText() {
  return time.refreshMs.value === 0 ? "off" : time.formatDuration(time.refreshMs.value);
}

function RangeMenu() {
  const menu = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  const range = time.range.value;
  useEffect(() => {
    const close = (/** @type {Event} */ event) => {
      if (menu.current && !menu.current.contains(/** @type {Node} */ (event.target))) menu.current.open = false;
    };
    document.addEventListener("pointerdown", close);
    return () => document.removeEventListener("pointerdown", close);
  }, []);
  const choose = (/** @type {string} */ span) => {
    time.setSpan(span);
    if (menu.current) menu.current.open = false;
  };
  const label = range.live ? t("time.last", { span: time.formatDuration(range.span) }) : `${dateTime(range.start)} – ${dateTime(range.end)}`;
  return html`<details class="menu" id="time-range" ref=${menu}>
    <summary title="t">${label}</summary>
    <div class="sheet">
      <div class="quick">${time.QUICK.map((span) => html`<button type="button" key=${span} aria-pressed=${range.live && time.parseDuration(span) === range.span} onClick=${() => choose(span)}>${span}</button>`)}</div>
      <${FixedRange} onDone=${() => menu.current && (menu.current.open = false)} />
      <div class="actions">
        <${Button} kind="quiet" onClick=${() => time.moveRange(1, -0.5)}>${t("time.earlier")}<//>
        <${Button} kind="quiet" onClick=${() => time.moveRange(2, 0)}>${t("time.wider")}<//>
        <${Button} kind="quiet" onClick=${() => time.moveRange(1, 0.5)}>${t("time.later")}<//>
      </div>
    </div>
  </details>`;
}

/** `datetime-local` wants local time without a zone. @param {number} ms */
function local(ms) {
  const shifted = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}

/** @param {{onDone: () => void}} props */
function FixedRange({ onDone }) {
  const { start, end } = time.bounds(time.range.value);
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const chosen = [Date.parse(from || local(start)), Date.parse(to || local(end))];
  const apply = (/** @type {Event} */ event) => {
    event.preventDefault();
    time.setFixed(chosen[0], Math.min(chosen[1], nowMs()));
    onDone();
  };
  const input = (/** @type {string} */ label, /** @type {string} */ value, /** @type {(v: string) => void} */ set) =>
    html`<label class="field"><span>${label}</span><input type="datetime-local" step="1" value=${value} onInput=${(/** @type {any} */ event) => set(event.target.value)} /></label>`;
  return html`<form onSubmit=${apply}>
    ${input(t("time.from"), from || local(start), setFrom)} ${input(t("time.to"), to || local(end), setTo)}
    <${Button} type="submit" kind="primary" disabled=${!(chosen[0] < chosen[1])}>${t("time.apply")}<//>
  </form>`;
}
