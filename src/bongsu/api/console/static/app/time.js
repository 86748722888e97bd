// The time range of a view, from the address: from=now-1h&to=now, or Unix milliseconds for a fixed one.
import { computed, signal } from "./ui.js";
import { nowMs } from "./api.js";
import { place, setQuery } from "./router.js";

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
export const QUICK = ["5m", "15m", "1h", "3h", "6h", "12h", "24h", "2d", "7d", "14d", "30d"];
export const REFRESHES = ["off", "5s", "15s", "30s", "1m", "5m"];
const DEFAULT_RANGE = "1h";
/** Real time looks at what happens, not at the day. */
const REALTIME_RANGE = "15m";
const DEFAULT_REFRESH = "15s";

/** Live views stand still while this is true: by the pause button, the space bar, or a chart that is being looked at. */
export const paused = signal(false);

/** @param {string} text such as 15m @returns {number | null} milliseconds */
export function parseDuration(text) {
  const match = /^(\d+(?:\.\d+)?)([smhdw])$/.exec(text.trim());
  return match ? Number(match[1]) * UNIT_MS[/** @type {keyof typeof UNIT_MS} */ (match[2])] : null;
}

/** Whole units, as the quick ranges are written: 15m, 24h, 7d. @param {number} ms */
export function formatDuration(ms) {
  if (ms % UNIT_MS.d === 0 && ms >= 2 * UNIT_MS.d) return `${ms / UNIT_MS.d}d`;
  if (ms % UNIT_MS.h === 0) return `${ms / UNIT_MS.h}h`;
  return ms % UNIT_MS.m === 0 ? `${ms / UNIT_MS.m}m` : `${Math.round(ms / UNIT_MS.s)}s`;
}

/** @typedef {{live: true, span: number} | {live: false, start: number, end: number}} Range */
export const range = computed(readRange);

/** @returns {Range} */
function readRange() {
  const { query, view } = place.value;
  const from = query.get("from") ?? `now-${view === "realtime" ? REALTIME_RANGE : DEFAULT_RANGE}`;
  const to = query.get("to") ?? "now";
  const relative = from.startsWith("now-") ? parseDuration(from.slice(4)) : null;
  if (relative !== null && to === "now") return { live: true, span: relative };
  const [start, end] = [Number(from), Number(to)];
  if (Number.isFinite(start) && Number.isFinite(end) && start < end) return { live: false, start, end };
  return { live: true, span: UNIT_MS.h };
}

/** How often a view asks again, in milliseconds; 0 for never. A fixed range never changes. */
export const refreshMs = computed(() => {
  if (!range.value.live) return 0;
  const text = place.value.query.get("refresh") ?? DEFAULT_REFRESH;
  return text === "off" ? 0 : (parseDuration(text) ?? 15_000);
});

/** @param {string} span such as 15m */
export const setSpan = (span) => setQuery({ from: `now-${span}`, to: null });
/** @param {number} start @param {number} end Unix milliseconds */
export const setFixed = (start, end) => setQuery({ from: String(Math.round(start)), to: String(Math.round(end)) });
/** @param {string} text */
export const setRefresh = (text) => setQuery({ refresh: text === DEFAULT_REFRESH ? null : text });

const STEPS = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];
const MOST_POINTS = 360; // a point every two or three pixels of a panel

/** The next step that divides an hour or a day. @param {number} least seconds */
export const roundStep = (least) => STEPS.find((step) => step >= least) ?? Math.ceil(least / 86_400) * 86_400;

/** Widen or move a range. @param {number} factor of its length @param {number} shift in lengths, negative is earlier */
export function moveRange(factor, shift) {
  const { start, end } = bounds(range.value);
  const span = (end - start) * factor;
  const middle = (start + end) / 2 + shift * (end - start);
  setFixed(middle - span / 2, Math.min(middle + span / 2, nowMs()));
}

/** @param {Range} chosen @returns {{start: number, end: number}} Unix milliseconds */
export function bounds(chosen) {
  return chosen.live ? { start: nowMs() - chosen.span, end: nowMs() } : chosen;
}

/**
 * What to ask `query_range` for: aligned to the step, so that asking again gives the same points.
 * @param {Range} chosen @param {number} [points]
 * @returns {{start: number, end: number, step: number}} seconds
 */
export function grid(chosen, points = MOST_POINTS) {
  const { start, end } = bounds(chosen);
  const least = (end - start) / 1000 / points;
  const step = roundStep(least);
  return { start: Math.floor(start / 1000 / step) * step, end: Math.floor(end / 1000 / step) * step, step };
}
