// Parts of a page that are fetched when they are first wanted, as dialogs are.
import { html, useLayoutEffect, useState } from "./ui.js";
import { t } from "./i18n.js";
import { Failure } from "./widgets.js";

/**
 * A component that stands in for one of a module that is fetched now.
 * @param {() => Promise<any>} load @param {string} name of the export @param {{quiet?: boolean}} [how] quiet: a dialog, which takes no place on the page while it comes
 */
export function lazy(load, name, { quiet = false } = {}) {
  /** @param {any} props */
  return function Lazy(props) {
    const [found, setFound] = useState(/** @type {any} */ (null));
    const [error, setError] = useState(/** @type {any} */ (null));
    useLayoutEffect(() => {
      load().then((module) => setFound(() => module[name]), setError);
    }, []);
    if (error) return html`<${Failure} error=${error} onRetry=${() => location.reload()} />`;
    if (quiet && !found) return null;
    return found ? html`<${found} ...${props} />` : html`<div class="busy" aria-busy="true">${t("state.loading")}</div>`;
  };
}
