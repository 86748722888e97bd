// Grafana's newer form of a dashboard (elements and a layout of them) in its older one (a list of panels), which is what is read.

/** @param {any} source @returns {any} what it was where it is of the older form */
export function classic(source) {
  const spec = source?.spec?.elements ? source.spec : source;
  if (!spec?.elements || !spec.layout) return source;
  return {
    title: spec.title,
    panels: [...laidOut(spec.layout, spec.elements, 0)],
    templating: { list: (spec.variables ?? []).map(variable) },
    annotations: { list: (spec.annotations ?? []).map((/** @type {any} */ one) => ({ builtIn: one.spec?.builtIn ? 1 : 0 })) },
    links: spec.links ?? [],
  };
}

const WIDTH = 24; // columns of theirs
const [AUTO_WIDTH, AUTO_HEIGHT] = [8, 8]; // of panels that they place by themselves: three side by side

/** @param {any} layout @param {Record<string, any>} elements @param {number} top @returns {any[]} */
function laidOut({ kind, spec = {} }, elements, top) {
  if (kind === "GridLayout") return (spec.items ?? []).map((/** @type {any} */ { spec: at = {} }) => placed(elements, at, { x: at.x ?? 0, y: top + (at.y ?? 0), w: at.width ?? 12, h: at.height ?? 8 }));
  if (kind === "AutoGridLayout") {
    const across = WIDTH / AUTO_WIDTH;
    return (spec.items ?? []).map((/** @type {any} */ { spec: at = {} }, /** @type {number} */ index) => placed(elements, at, { x: (index % across) * AUTO_WIDTH, y: top + Math.floor(index / across) * AUTO_HEIGHT, w: AUTO_WIDTH, h: AUTO_HEIGHT }));
  }
  let y = top; // rows, or tabs: each heads its own
  return (spec.rows ?? spec.tabs ?? []).flatMap((/** @type {any} */ { spec: part = {} }) => {
    const panels = laidOut(part.layout ?? {}, elements, y + 1);
    const row = { type: "row", title: part.title ?? "", collapsed: part.collapse === true, repeat: part.repeat?.value, gridPos: { x: 0, y, w: WIDTH, h: 1 }, panels: [] };
    y = panels.reduce((most, panel) => Math.max(most, panel.gridPos.y + panel.gridPos.h), y + 1);
    return [row, ...panels];
  });
}

/** @param {Record<string, any>} elements @param {any} at @param {{x: number, y: number, w: number, h: number}} gridPos */
function placed(elements, at, gridPos) {
  const element = elements[at.element?.name] ?? {};
  const { spec = {} } = element;
  const repeat = { repeat: at.repeat?.value, repeatDirection: at.repeat?.direction, maxPerRow: at.repeat?.maxPerRow };
  if (element.kind === "LibraryPanel") return { type: "library", title: spec.title, libraryPanel: spec.libraryPanel ?? {}, gridPos };
  const drawn = spec.vizConfig ?? {};
  const { queries = [], transformations = [], queryOptions = {} } = spec.data?.spec ?? {};
  return {
    ...repeat, id: spec.id, title: spec.title, description: spec.description, gridPos,
    type: drawn.group ?? drawn.kind, fieldConfig: drawn.spec?.fieldConfig, options: drawn.spec?.options,
    targets: queries.map((/** @type {any} */ { spec: one = {} }) => ({ refId: one.refId, hide: one.hidden, datasource: { type: one.query?.group ?? one.query?.kind }, ...one.query?.spec })),
    transformations: transformations.map((/** @type {any} */ one) => ({ id: one.group ?? one.kind ?? one.spec?.id })),
    timeFrom: queryOptions.timeFrom, timeShift: queryOptions.timeShift,
  };
}

/** @param {any} one */
function variable({ kind, spec = {} }) {
  const type = String(kind).replace(/Variable$/, "").toLowerCase();
  const query = type === "query" ? (spec.query?.spec ?? spec.query) : spec.query;
  return { ...spec, type: type === "text" ? "textbox" : type, query: query?.__legacyStringValue ?? query, definition: spec.definition };
}
