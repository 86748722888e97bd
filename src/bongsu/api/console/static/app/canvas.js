// A canvas that fits its box at the screen's real resolution, and the colours of the theme for it.
import { useEffect, useRef, useState } from "./ui.js";
import { dark } from "./settings.js";

/**
 * @param {(context: CanvasRenderingContext2D, width: number, height: number, paint: (name: string) => string) => void} draw
 * @param {unknown[]} changes what makes it draw again, beside size and theme
 * @returns {{ref: {current: HTMLCanvasElement | null}, redraw: () => void, width: number}}
 */
export function useCanvas(draw, changes) {
  const ref = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const newest = useRef(draw);
  newest.current = draw;
  const [width, setWidth] = useState(0);
  const redraw = () => {
    const canvas = ref.current;
    const context = canvas?.getContext("2d");
    if (!canvas || !context || canvas.clientWidth === 0) return;
    const scale = devicePixelRatio || 1;
    const [wide, high] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(wide * scale) || canvas.height !== Math.round(high * scale)) {
      canvas.width = Math.round(wide * scale);
      canvas.height = Math.round(high * scale);
    }
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, wide, high);
    const style = getComputedStyle(canvas);
    context.font = `11px ${style.fontFamily}`;
    newest.current(context, wide, high, (name) => style.getPropertyValue(`--${name}`));
  };
  useEffect(() => {
    const resized = new ResizeObserver(() => setWidth(ref.current?.clientWidth ?? 0));
    if (ref.current) resized.observe(ref.current);
    return () => resized.disconnect();
  }, []);
  useEffect(redraw, [...changes, width, dark.value]);
  return { ref, redraw, width };
}
