// The PromQL editor: CodeMirror with completion from the server. 150 KB, so it is fetched when an editor is first shown.
import * as cm from "../vendor/promql-editor-0.314.0.min.js";
import { ROOT } from "./router.js";

const nonce = document.querySelector('meta[name="csp-nonce"]')?.getAttribute("content") ?? "";

const colours = cm.HighlightStyle.define([
  { tag: cm.tags.number, color: "var(--warn)" },
  { tag: cm.tags.string, color: "var(--code-string)" },
  { tag: [cm.tags.keyword, cm.tags.modifier, cm.tags.operatorKeyword], color: "var(--accent)" },
  { tag: [cm.tags.function(cm.tags.variableName), cm.tags.standard(cm.tags.variableName)], color: "var(--accent)" },
  { tag: cm.tags.labelName, color: "var(--code-label)" },
  { tag: cm.tags.comment, color: "var(--muted)", fontStyle: "italic" },
  { tag: cm.tags.invalid, color: "var(--bad)" },
]);

const look = cm.EditorView.theme({
  "&": { fontSize: "13px", backgroundColor: "transparent" },
  "&.cm-focused": { outline: "none" },
  ".cm-content": { fontFamily: "var(--mono)", caretColor: "var(--text)", padding: "5px 2px", minHeight: "28px" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-selectionBackground, &.cm-focused .cm-selectionBackground": { backgroundColor: "var(--accent-soft)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", border: "1px solid var(--border)", borderRadius: "6px", color: "var(--text)" },
  ".cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "320px" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--text)" },
  ".cm-completionDetail": { color: "var(--muted)", marginLeft: "10px", fontStyle: "normal" },
  ".cm-placeholder": { color: "var(--muted)" },
  ".cm-matchingBracket": { backgroundColor: "var(--accent-soft)" },
});

/**
 * @param {HTMLElement} parent
 * @param {{text: string, label: string, hint: string, onChange: (text: string) => void, onRun: () => void}} about
 * @returns {{set: (text: string) => void, focus: () => void, destroy: () => void}}
 */
export function mount(parent, { text, label, hint, onChange, onRun }) {
  const promql = new cm.PromQLExtension().setComplete({
    remote: { url: `${ROOT}/prometheus`, httpMethod: "GET", cache: { maxAge: 60_000 } },
  });
  const run = { key: "Enter", run: () => (onRun(), true), shift: cm.insertNewlineAndIndent };
  const view = new cm.EditorView({
    parent,
    state: cm.EditorState.create({
      doc: text,
      extensions: [
        cm.EditorView.cspNonce.of(nonce),
        look,
        cm.syntaxHighlighting(colours),
        cm.highlightSpecialChars(),
        cm.history(),
        cm.bracketMatching(),
        cm.closeBrackets(),
        cm.indentOnInput(),
        cm.autocompletion({ icons: false }),
        cm.keymap.of([...cm.closeBracketsKeymap, ...cm.completionKeymap]),
        cm.Prec.high(cm.keymap.of([{ key: "Ctrl-Enter", run: run.run }])),
        cm.keymap.of([run, ...cm.lintKeymap, ...cm.historyKeymap, ...cm.defaultKeymap]),
        cm.EditorView.lineWrapping,
        cm.EditorView.contentAttributes.of({ "aria-label": label, "data-search": "" }),
        cm.placeholder(hint),
        promql.asExtension(),
        cm.EditorView.updateListener.of((/** @type {any} */ update) => update.docChanged && onChange(update.state.doc.toString())),
      ],
    }),
  });
  return {
    set: (next) => next !== view.state.doc.toString() && view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } }),
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}
