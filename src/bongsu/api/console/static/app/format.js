// Numbers, sizes and times for people: ISO dates and a 24-hour clock in every language.
import { language, t } from "./i18n.js";
import { zone } from "./settings.js";

const STEPS = ["", "k", "M", "G", "T", "P"];
const NOTHING = "–";

/** To make one takes as long as to use it a hundred times; there are few kinds of them. @type {Map<string, Intl.NumberFormat>} */
const numberFormats = new Map();
/** @type {Map<string, Intl.DateTimeFormat>} */
const timeFormats = new Map();

/** @template T @param {Map<string, T>} known @param {string} key @param {() => T} make @returns {T} */
function once(known, key, make) {
  const found = known.get(key) ?? make();
  known.set(key, found);
  return found;
}

/** @param {number} value @param {number} [digits] digits after the point at most */
export function number(value, digits = 2) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const { value: code } = language;
  return once(numberFormats, `${code} ${digits}`, () => new Intl.NumberFormat(code, { maximumFractionDigits: digits })).format(value);
}

/** Ticks of an axis such as 1.25 and 1.5 stay apart. @param {number} value */
const threeDigits = (value) => number(value, Math.abs(value) < 10 ? 2 : 1);

/** Three or four digits and a letter: 12.3k. @param {number} value */
export function short(value) {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || size === 0) return number(value);
  if (size < 1e-3) return value.toExponential(1);
  if (size < 1000) return number(value, size < 1 ? 4 : size < 10 ? 3 : size < 100 ? 2 : 1);
  const step = Math.min(STEPS.length - 1, Math.floor(Math.log10(size) / 3));
  return threeDigits(value / 1000 ** step) + STEPS[step];
}

/** @param {number} value */
export function bytes(value) {
  if (!Number.isFinite(value)) return number(value);
  const step = value === 0 ? 0 : Math.min(5, Math.max(0, Math.floor(Math.log2(Math.abs(value)) / 10)));
  return `${threeDigits(value / 1024 ** step)} ${["B", "KiB", "MiB", "GiB", "TiB", "PiB"][step]}`;
}

const LONG_MS = 120_000; // two minutes: longer ones are told in minutes, hours, days

/** @param {number} value milliseconds */
export function milliseconds(value) {
  if (!Number.isFinite(value)) return NOTHING;
  if (Math.abs(value) < 1) return value === 0 ? "0 ms" : `${number(value, 3)} ms`;
  if (value >= LONG_MS) return duration(value / 1000);
  return Math.abs(value) < 1000 ? `${number(value, 0)} ms` : `${number(value / 1000, 2)} s`;
}

/** The two largest parts of a length of time: 3d 4h. @param {number} seconds */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return NOTHING;
  const parts = [["d", 86_400], ["h", 3600], ["m", 60], ["s", 1]].map(([unit, size], index, all) => {
    const rest = index === 0 ? seconds : seconds % /** @type {number} */ (all[index - 1][1]);
    return { unit, count: Math.floor(rest / /** @type {number} */ (size)) };
  });
  const first = parts.findIndex(({ count }) => count > 0);
  return first < 0 ? "0s" : parts.slice(first, first + 2).filter(({ count }) => count > 0).map(({ unit, count }) => `${count}${unit}`).join(" ");
}

/** Small parts need their digits: an axis up to 0.2% has more than one label. @param {number} value */
const percent = (value) => `${number(value, Math.abs(value) < 1 ? 3 : 1)}%`;

const UNITS = {
  none: short,
  percent,
  ratio: (/** @type {number} */ value) => percent(value * 100),
  ms: milliseconds,
  s: (/** @type {number} */ value) => milliseconds(value * 1000),
  bits: (/** @type {number} */ value) => `${short(value)}bit`,
  bitsPerSecond: (/** @type {number} */ value) => `${short(value)}bit/s`,
  celsius: (/** @type {number} */ value) => `${number(value, 1)} °C`,
  hertz: (/** @type {number} */ value) => `${short(value)}Hz`,
  bytes,
  bytesPerSecond: (/** @type {number} */ value) => `${bytes(value)}/s`,
  perSecond: (/** @type {number} */ value) => `${short(value)}/s`,
  duration,
  time: (/** @type {number} */ value) => (Number.isFinite(value) ? dateTime(value) : NOTHING), // Unix milliseconds
  since: (/** @type {number} */ value) => (Number.isFinite(value) ? ago(value, Date.now()) : NOTHING),
  bool: (/** @type {number} */ value) => t(value === 0 ? "format.no" : "format.yes"),
};
/** @typedef {string} Unit one of `UNIT_NAMES`, one with a size such as `bytes*1024`, or a sign of one's own: `suffix:rpm` */
export const UNIT_NAMES = Object.keys(UNITS);

/** @param {number | null | undefined} value @param {Unit} [unit] */
export function withUnit(value, unit = "none") {
  if (value === null || value === undefined) return NOTHING;
  if (unit.startsWith("suffix:")) return `${short(value)} ${unit.slice("suffix:".length)}`;
  const [name, size = "1"] = unit.split("*");
  return (UNITS[/** @type {keyof typeof UNITS} */ (name)] ?? short)(value * Number(size));
}

/** @param {number} ms @returns {Record<string, string>} */
function partsOf(ms) {
  const timeZone = zone.value === "utc" ? "UTC" : undefined;
  const two = "2-digit";
  const format = once(timeFormats, zone.value, () => new Intl.DateTimeFormat("en-GB", { timeZone, year: "numeric", month: two, day: two, hour: two, minute: two, second: two, hourCycle: "h23" }));
  return Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
}

/** 2026-11-22 21:04:05. @param {number} ms */
export function dateTime(ms) {
  const part = partsOf(ms);
  return `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}:${part.second}`;
}

/** 21:04:05. @param {number} ms */
export function clock(ms) {
  const part = partsOf(ms);
  return `${part.hour}:${part.minute}:${part.second}`;
}

/** 21:04, or 11-22 where the day begins: the labels of a time axis. @param {number} ms @param {number} incrementMs */
export function axisLabel(ms, incrementMs) {
  const part = partsOf(ms);
  if (incrementMs >= 86_400_000 || (part.hour === "00" && part.minute === "00" && part.second === "00")) {
    return `${part.month}-${part.day}`;
  }
  return incrementMs < 60_000 ? `${part.hour}:${part.minute}:${part.second}` : `${part.hour}:${part.minute}`;
}

/** "3 minutes ago" in the current language. @param {number} ms @param {number} now */
export function ago(ms, now) {
  const seconds = Math.round((ms - now) / 1000);
  const words = new Intl.RelativeTimeFormat(language.value, { numeric: "auto" });
  const size = Math.abs(seconds);
  if (size < 60) return words.format(seconds, "second");
  if (size < 3600) return words.format(Math.round(seconds / 60), "minute");
  if (size < 86_400) return words.format(Math.round(seconds / 3600), "hour");
  return words.format(Math.round(seconds / 86_400), "day");
}
