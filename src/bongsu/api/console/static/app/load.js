// Loading data for a component: aborts what is out of date, asks again while live, rests in hidden tabs and out of sight.
import { createContext, signal, useContext, useLayoutEffect, useMemo, useRef, useState } from "./ui.js";
import { paused } from "./time.js";

/** Whether what is around a component is near the part of the page that is seen. What is not asks for nothing. */
export const Sight = createContext(true);

const visible = signal(!document.hidden);
document.addEventListener("visibilitychange", () => (visible.value = !document.hidden));

/**
 * @template T
 * @typedef {{data: T | undefined, error: Error | undefined, loading: boolean, resting: boolean, reload: () => void}} Loaded
 */

/**
 * Load something now, whenever `dependencies` change, and every so often while the tab is visible and not paused.
 * Old data stays while new data loads, and when a refresh fails; `error` tells that it did.
 * @template T
 * @param {(abort: AbortSignal) => Promise<T>} load
 * @param {unknown[]} dependencies
 * @param {{every?: number}} [options] milliseconds; 0 loads once
 * @returns {Loaded<T>}
 */
export function useLoad(load, dependencies, { every = 0 } = {}) {
  const [state, setState] = useState(/** @type {any} */ ({ data: undefined, error: undefined, loading: true }));
  const [turn, setTurn] = useState(0);
  const newest = useRef(load);
  newest.current = load;
  const resting = !useContext(Sight);
  const live = every > 0 && visible.value && !paused.value;
  const wanted = useMemo(() => ({}), [...dependencies, turn]);
  const loaded = useRef(/** @type {{wanted: object, atMs: number} | null} */ (null));

  // Asked before the first painting and not after it: the answer is on its way while the frame around it is drawn.
  useLayoutEffect(() => {
    const there = loaded.current?.wanted === wanted;
    // Pausing, or leaving the tab, is no reason to load again what is there.
    if (resting || (!live && there)) return undefined;
    const abort = new AbortController();
    let timer = 0;
    const run = async () => {
      try {
        const data = await newest.current(abort.signal);
        if (!abort.signal.aborted) {
          loaded.current = { wanted, atMs: Date.now() };
          setState({ data, error: undefined, loading: false });
        }
      } catch (error) {
        if (!abort.signal.aborted) setState((/** @type {any} */ old) => ({ data: old.data, error, loading: false }));
      }
      // The next one is asked for after this one's answer: a slow server is not asked faster than it can answer.
      if (live && !abort.signal.aborted) timer = setTimeout(run, untilNext(every));
    };
    // Scrolled back into sight, or a tab looked at again, before the next answer is due.
    if (there && Date.now() - (loaded.current?.atMs ?? 0) < every) timer = setTimeout(run, untilNext(every));
    else {
      setState((/** @type {any} */ old) => ({ ...old, loading: true }));
      run();
    }
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [wanted, live, every, resting]);

  return { ...state, resting, reload: () => setTurn((old) => old + 1) };
}

/** @param {number} every milliseconds */
const untilNext = (every) => every - (Date.now() % every) + LATE_MS;

/** Asked this long after a multiple of the interval, so that all panels of a page ask together and the tick is there. */
const LATE_MS = 300;
