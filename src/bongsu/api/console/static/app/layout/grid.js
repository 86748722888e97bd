// Panels on their grid; in edit mode each is moved and resized by pointer or by the arrow keys.
import { html, useEffect, useRef, useState } from "../ui.js";
import { t } from "../i18n.js";
import { Sight } from "../load.js";
import { Button, Icon } from "../widgets.js";
import { COLUMNS, movePanel, resizePanel, ROW_PX } from "./place.js";

/** @typedef {import("./place.js").Panel} Panel */

const GAP_PX = 10;

/**
 * @param {{panels: Panel[], editing: boolean, onChange: (panels: Panel[]) => void, draw: (panel: Panel) => any,
 *   onEdit: (panel: Panel) => void, onCopy: (panel: Panel) => void, onRemove: (panel: Panel) => void}} props
 */
export function Grid({ panels, editing, onChange, draw, onEdit, onCopy, onRemove }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [draft, setDraft] = useState(/** @type {Panel[] | null} */ (null));
  const [said, setSaid] = useState("");
  const shown = draft ?? panels;
  const change = (/** @type {Panel[]} */ next, /** @type {string} */ id) => {
    const panel = /** @type {Panel} */ (next.find((one) => one.id === id));
    setSaid(t("layout.placed", { column: panel.x + 1, row: panel.y + 1, width: panel.w, height: panel.h }));
    onChange(next);
  };
  return html`<div ref=${box} class=${`board ${editing ? "editing" : ""} ${draft ? "dragging" : ""}`}>
      ${shown.map(
        (panel) => html`<${Cell} key=${panel.id} panel=${panel} draw=${draw}>
          ${editing &&
          html`<div class="tools">
              <${Handle} kind="move" panel=${panel} panels=${panels} box=${box} onDraft=${setDraft} onChange=${change} />
              <${Button} icon="edit" kind="quiet" label=${t("layout.editName", { name: panel.title })} onClick=${() => onEdit(panel)} />
              <${Button} icon="copy" kind="quiet" label=${t("layout.copyName", { name: panel.title })} onClick=${() => onCopy(panel)} />
              <${Button} icon="trash" kind="quiet" label=${t("layout.removeName", { name: panel.title })} onClick=${() => onRemove(panel)} />
            </div>
            <${Handle} kind="resize" panel=${panel} panels=${panels} box=${box} onDraft=${setDraft} onChange=${change} />`}
        <//>`,
      )}
    </div>
    <div class="visually-hidden" aria-live="polite">${said}</div>`;
}

/** Columns of a panel with one value, of which two stand side by side on a telephone. */
const SMALL = 4;

/** How far below or above what is seen a panel begins to load, so that it is there when it is scrolled to. */
const AHEAD_PX = 300;

/** A panel's place. Out of sight it asks the server for nothing: of a large dashboard a screen is seen at a time. @param {{panel: Panel, draw: (panel: Panel) => any, children: any}} props */
function Cell({ panel, draw, children }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const target = /** @type {HTMLDivElement} */ (box.current);
    const watching = new IntersectionObserver((found) => setSeen(found[found.length - 1].isIntersecting), { root: target.closest("main"), rootMargin: `${AHEAD_PX}px 0px` });
    watching.observe(target);
    return () => watching.disconnect();
  }, []);
  return html`<div ref=${box} class=${`cell-box ${["stat", "gauge"].includes(panel.kind) && panel.w <= SMALL ? "small" : ""}`} style=${{ gridColumn: `${panel.x + 1} / span ${panel.w}`, gridRow: `${panel.y + 1} / span ${panel.h}` }}>
    <${Sight.Provider} value=${seen}>${draw(panel)}<//>
    ${children}
  </div>`;
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {{kind: "move" | "resize", panel: Panel, panels: Panel[], box: {current: HTMLElement | null},
 *   onDraft: (panels: Panel[] | null) => void, onChange: (panels: Panel[], id: string) => void}} props
 */
function Handle({ kind, panel, panels, box, onDraft, onChange }) {
  const start = useRef(/** @type {{x: number, y: number, panel: Panel} | null} */ (null));
  const by = (/** @type {Panel} */ from, /** @type {number} */ across, /** @type {number} */ down) =>
    kind === "move" ? movePanel(panels, from.id, from.x + across, from.y + down) : resizePanel(panels, from.id, from.w + across, from.h + down);
  const dragged = (/** @type {PointerEvent} */ event) => {
    if (!start.current || !box.current) return null;
    const cell = (box.current.clientWidth + GAP_PX) / COLUMNS;
    return by(start.current.panel, Math.round((event.clientX - start.current.x) / cell), Math.round((event.clientY - start.current.y) / (ROW_PX + GAP_PX)));
  };
  const down = (/** @type {PointerEvent} */ event) => {
    /** @type {HTMLElement} */ (event.currentTarget).setPointerCapture(event.pointerId);
    start.current = { x: event.clientX, y: event.clientY, panel };
  };
  const move = (/** @type {PointerEvent} */ event) => {
    const next = dragged(event);
    if (next) onDraft(next);
  };
  const up = (/** @type {PointerEvent} */ event) => {
    const next = dragged(event);
    start.current = null;
    onDraft(null);
    if (next) onChange(next, panel.id);
  };
  const cancel = () => {
    start.current = null;
    onDraft(null);
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    const step = STEPS[/** @type {keyof typeof STEPS} */ (event.key)];
    if (!step) return;
    event.preventDefault();
    onChange(by(panel, step[0], step[1]), panel.id);
  };
  return html`<button type="button" class=${`handle ${kind}`} aria-label=${t(`layout.${kind}Name`, { name: panel.title })} title=${t(`layout.${kind}Hint`)}
    onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onPointerCancel=${cancel} onKeyDown=${key}><${Icon} name=${kind} /></button>`;
}
