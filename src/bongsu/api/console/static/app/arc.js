// The arc of active transactions: a spoke for each agent, in three bands by age, and sweeps that turn with the throughput,
// so that a server with few but fast requests is seen to work.
import { html, useEffect, useRef } from "./ui.js";
import { useCanvas } from "./canvas.js";
import { number } from "./format.js";
import { t } from "./i18n.js";
import { reducedMotion } from "./settings.js";
import { BANDS } from "./spot.js";
import { paused, range } from "./time.js";
import { Panel } from "./widgets.js";

const PAINTS = ["accent", "warn", "bad"];
const MOST_SPOKES = 60; // more would be thinner than a pixel or two; the busiest are shown
const LEAST_FULL = 10; // a spoke is full at this many, so that one request is not drawn as a crowd

/** @typedef {{name: string, bands: number[], total: number}} Spoke */

/** @param {{numbers: import("./spot.js").Spot, agents: import("./spot.js").Agent[]}} props */
export function Arc({ numbers, agents }) {
  const spokes = agents
    .map(({ oname, bands }) => ({ name: oname, bands, total: bands.reduce((a, b) => a + b, 0) }))
    .sort((a, b) => b.total - a.total || a.name.localeCompare(b.name))
    .slice(0, MOST_SPOKES);
  return html`<${Panel} title=${t("arc.title")}><${Drawing} spokes=${spokes} numbers=${numbers} /><//>`;
}

/** @param {{spokes: Spoke[], numbers: import("./spot.js").Spot}} props */
function Drawing({ spokes, numbers }) {
  const angle = useRef(0);
  const bands = BANDS.map((_, band) => spokes.reduce((sum, spoke) => sum + spoke.bands[band], 0));
  const { ref, redraw } = useCanvas((context, width, height, paint) => drawArc(context, width, height, paint, spokes, numbers, angle.current), [spokes, numbers]);
  useSweep(numbers.tps, (turn) => {
    angle.current = (angle.current + turn) % 1;
    redraw();
  });
  const sentence = t("arc.sentence", { total: number(numbers.actx), slow: number(bands[1]), stuck: number(bands[2]) });
  return html`<figure>
    <canvas ref=${ref} class="canvas arc" role="img" aria-label=${sentence}></canvas>
    <figcaption class="keys">
      <span><i class="key"></i>${t("arc.inTime")} <b>${number(bands[0])}</b></span>
      <span><i class="key slow"></i>${t("arc.slow")} <b>${number(bands[1])}</b></span>
      <span><i class="key stuck"></i>${t("arc.stuck")} <b>${number(bands[2])}</b></span>
    </figcaption>
  </figure>`;
}

/** Turns a second at a throughput: slow, medium, fast, and none at all when nothing moves. @param {number} tps */
const speedOf = (tps) => (tps <= 0 ? 0 : tps < 10 ? 0.12 : tps < 100 ? 0.3 : 0.6);

const FRAME_MS = 50; // 20 frames a second look smooth at this speed and cost a third of 60

/** @param {number} tps @param {(turn: number) => void} move */
function useSweep(tps, move) {
  const newest = useRef(move);
  newest.current = move;
  const speed = reducedMotion.value || paused.value || !range.value.live ? 0 : speedOf(tps);
  useEffect(() => {
    if (speed === 0) return undefined;
    let before = performance.now();
    let frame = 0;
    const turn = (/** @type {number} */ now) => {
      if (now - before >= FRAME_MS) {
        newest.current((speed * Math.min(200, now - before)) / 1000);
        before = now;
      }
      frame = requestAnimationFrame(turn); // rests by itself in a hidden tab
    };
    frame = requestAnimationFrame(turn);
    return () => cancelAnimationFrame(frame);
  }, [speed]);
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {(name: string) => string} paint @param {Spoke[]} spokes @param {import("./spot.js").Spot} numbers @param {number} angle */
function drawArc(context, width, height, paint, spokes, numbers, angle) {
  const [x, y] = [width / 2, height - 12];
  const outer = Math.min(width / 2 - 8, height - 24);
  const inner = outer * 0.52;
  context.lineCap = "butt";
  ring(context, x, y, (inner + outer) / 2, outer - inner, paint("grid"), 0, 1);
  const full = Math.max(LEAST_FULL, ...spokes.map((spoke) => spoke.total));
  spokes.forEach((spoke, index) => {
    const [from, to] = [index / spokes.length, (index + 1 - 0.06) / spokes.length];
    let start = inner;
    spoke.bands.forEach((count, band) => {
      const deep = ((outer - inner) * count) / full;
      if (deep > 0) ring(context, x, y, start + deep / 2, deep, paint(PAINTS[band]), from, to);
      start += deep;
    });
  });
  if (numbers.tps > 0) {
    for (const offset of [0, 0.5]) {
      const at = (angle + offset) % 1;
      ring(context, x, y, outer + 4, 3, paint("accent"), Math.max(0, at - 0.05), at);
    }
  }
  context.textAlign = "center";
  context.fillStyle = paint("text");
  context.font = context.font.replace("11px", "600 30px");
  context.fillText(number(numbers.actx), x, y - 14);
  context.font = context.font.replace(/^.*?30px/, "11px");
  context.fillStyle = paint("muted");
  context.fillText(`${number(numbers.tps)} TPS`, x, y + 2);
}

/** A piece of the half circle; 0 is at the left, 1 at the right. @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} radius @param {number} thick @param {string} paint @param {number} from @param {number} to */
function ring(context, x, y, radius, thick, paint, from, to) {
  context.beginPath();
  context.strokeStyle = paint;
  context.lineWidth = thick;
  context.arc(x, y, radius, Math.PI * (1 + from), Math.PI * (1 + to));
  context.stroke();
}
