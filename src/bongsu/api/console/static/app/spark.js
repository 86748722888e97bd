// A line without axes: only whether it rises or falls.
import { html } from "./ui.js";

/** @param {{values?: number[]}} props from the oldest to the newest */
export function Sparkline({ values = [] }) {
  const known = values.filter(Number.isFinite);
  const [low, high] = [known.reduce((a, b) => Math.min(a, b), 0), known.reduce((a, b) => Math.max(a, b), 1e-9)];
  const step = 100 / Math.max(1, known.length - 1);
  const path = known.map((value, index) => `${index ? "L" : "M"}${(index * step).toFixed(1)} ${(24 - ((value - low) / (high - low)) * 22).toFixed(1)}`).join("");
  return html`<svg class="spark" viewBox="0 0 100 26" preserveAspectRatio="none" aria-hidden="true">${path && html`<path class="area" d=${`${path}V26H0Z`} /><path class="line" d=${path} />`}</svg>`;
}
