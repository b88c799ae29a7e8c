// Figures that Observable Plot draws: anew at another width, with a caption below, and saved as a file of their own.

import "../vendor/d3.min.js";
import "../vendor/plot.umd.min.js";
import { painted } from "../colours.js";
import { el } from "../dom.js";
import { saveBar } from "./save.js";
import { standalone } from "./standalone.js";

export const d3 = globalThis.d3;
export const Plot = globalThis.Plot;
const SAVED = 720; // px, the width of a file
const NARROWEST = 280; // px

/**
 * Add a figure. `draw(width)` returns its SVG element; it is called again at another width and when the page turns light
 * or dark. Options: `name`, for files; `caption`, text or elements; `rows()`, its numbers (save.js); `under`, an element
 * between drawing and caption; `saved(width)`, if a file has another drawing. Returns `redraw` and `stop`.
 */
export function figure(root, draw, { name, caption = "", rows = null, under = null, saved = draw }) {
  const box = el("div", { class: "chart" });
  const save = saveBar(name, { rows, svg: () => standalone(saved(SAVED), name) });
  root.append(el("figure", {}, box, under, el("figcaption", {}, el("div", {}, caption), save)));
  let width = 0;
  const redraw = () => box.replaceChildren(draw(width));
  const fit = () => {
    const now = box.clientWidth; // 0 where it is not seen
    if (!now || Math.max(NARROWEST, now) === width) return;
    width = Math.max(NARROWEST, now);
    redraw();
  };
  const watch = new ResizeObserver(fit);
  watch.observe(box);
  painted(box, () => width && redraw());
  fit();
  return { redraw: () => width && redraw(), stop: () => watch.disconnect() };
}

/**
 * What Plot draws, without the style sheet that it brings along, which the page's policy forbids (charts.css has it), and
 * without the names of its marks: to screen readers the chart is one picture with one name.
 */
export function plotted(options) {
  const svg = Plot.plot({ className: "plot", style: { fontSize: "12px", fontFamily: "inherit" }, ...options });
  svg.querySelector("style").remove();
  svg.setAttribute("role", "img");
  for (const mark of svg.querySelectorAll("g[aria-label]")) mark.removeAttribute("aria-label");
  return svg;
}
