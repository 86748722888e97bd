// Every view is an address: /console/<view>[/<id>]?<what is shown>. Back and forward restore it.
import { computed, signal } from "./ui.js";

/** Where the server is mounted: what stands before /console/ in the address. */
export const ROOT = new URL(import.meta.url).pathname.replace(/\/console\/static\/.*$/, "");
const BASE = `${ROOT}/console/`;

const address = signal(location.pathname + location.search);
addEventListener("popstate", () => (address.value = location.pathname + location.search));

/** @typedef {{view: string, id: string, query: URLSearchParams}} Place */
export const place = computed(() => {
  const url = new URL(address.value, location.origin);
  const [view = "", id = ""] = url.pathname.slice(BASE.length).split("/").map(decodeURIComponent);
  return { view, id, query: url.searchParams };
});

/** Settings of the whole console that an address may carry from view to view. */
const CARRIED = ["from", "to", "refresh"];

/**
 * The address of a view; the time range goes along.
 * @param {string} view such as "explore" or "openmetrics/<id>"
 * @param {Record<string, string>} [query]
 */
export function href(view, query = {}) {
  const search = new URLSearchParams();
  for (const name of CARRIED) {
    const value = place.value.query.get(name);
    if (value !== null) search.set(name, value);
  }
  for (const [name, value] of Object.entries(query)) search.set(name, value);
  const text = search.toString();
  return BASE + view + (text ? `?${text}` : "");
}

/** @param {string} target @param {{replace?: boolean}} [how] */
export function go(target, { replace = false } = {}) {
  if (target === location.pathname + location.search) return;
  window.history[replace ? "replaceState" : "pushState"](null, "", target);
  address.value = target;
}

/**
 * Change parts of the query of the view that is shown; null takes one out.
 * @param {Record<string, string | null>} changes @param {{replace?: boolean}} [how]
 */
export function setQuery(changes, { replace = false } = {}) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  go(url.pathname + url.search, { replace });
}

/** Links are ordinary links; a plain click on one of ours does not leave the page. */
export function followLinks() {
  document.addEventListener("click", (event) => {
    const link = /** @type {Element} */ (event.target).closest?.("a[href]");
    const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!(link instanceof HTMLAnchorElement) || !plain || link.target || event.defaultPrevented) return;
    if (link.origin !== location.origin || !link.pathname.startsWith(BASE) || link.hash) return;
    event.preventDefault();
    go(link.pathname + link.search);
    document.querySelector("main")?.scrollTo(0, 0);
  });
}
