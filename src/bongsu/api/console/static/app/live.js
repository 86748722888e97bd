// The newest ticks as they are sealed, by one stream of server-sent events; it rests in hidden tabs and while the view is paused.
import { projectOf } from "./api.js";
import { effect, signal, useEffect } from "./ui.js";
import { ROOT } from "./router.js";
import { paused } from "./time.js";

/**
 * @typedef {{oname: string, host_ip: string, active: boolean, txcount: number, errors: number, bands: number[], cpu: number | null}} TickAgent
 * @typedef {{endMs: number, tickMs: number, numbers: Record<string, number>, errors: number, buckets: number[], boundsS: number[], hits: {row: number, well: number, failed: number}[], agents: TickAgent[]}} Tick
 */

const MOST_TICKS = 720; // an hour: longer ranges are asked for in larger steps
const TRIES = 3; // failures in a row before the page says that it is behind

/** The ticks of the stream that is open, oldest first. @type {import("./ui.js").Signal<Tick[]>} */
export const ticks = signal([]);
/** Whether the stream is lost, so that what is shown gets old. */
export const lost = signal(false);
/** Grows whenever ticks were missed, so that charts load them from the store. */
export const gaps = signal(0);

const visible = signal(!document.hidden);
document.addEventListener("visibilitychange", () => (visible.value = !document.hidden));

/** Hold the stream open while a component is shown and wants it. @param {string[]} agents names that are folded; none for all @param {boolean} wanted */
export function useStream(agents, wanted) {
  const chosen = agents.join(",");
  useEffect(() => {
    ticks.value = [];
    if (!wanted) return undefined;
    /** @type {EventSource | null} */
    let source = null;
    const end = effect(() => {
      source?.close();
      source = visible.value && !paused.value ? open(chosen) : null;
    });
    return () => {
      end();
      source?.close();
    };
  }, [chosen, wanted]);
}

/** @param {string} chosen @returns {EventSource} the browser opens it again by itself and tells the id of the last event */
function open(chosen) {
  const query = new URLSearchParams();
  if (chosen) query.set("agents", chosen);
  const project = projectOf();
  if (project) query.set("project", project); // a stream sends no headers
  const source = new EventSource(`${ROOT}/console/api/live?${query}`);
  let failures = 0;
  source.addEventListener("tick", (event) => {
    failures = 0;
    lost.value = false;
    take(JSON.parse(event.data));
  });
  source.addEventListener("error", () => {
    failures += 1;
    // Closed for good: the session has ended, or the server answers with an error. Else the browser tries again.
    if (source.readyState === EventSource.CLOSED || failures >= TRIES) lost.value = true;
  });
  return source;
}

/** @param {any} told */
function take(told) {
  const numbers = Object.fromEntries(Object.entries(told.numbers).map(([name, value]) => [name, Number(value)]));
  const known = ticks.peek();
  const newest = known[known.length - 1];
  if (newest && told.endMs <= newest.endMs) return;
  if (newest && told.endMs > newest.endMs + told.tickMs) gaps.value = gaps.peek() + 1;
  ticks.value = [...known, { ...told, numbers }].slice(-MOST_TICKS);
}
