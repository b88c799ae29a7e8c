// Points of a square from 0 to 1 each way.

import { el, statusLine } from "../dom.js";
import { saveBar } from "./save.js";
import { GRID, plot, svgElement, ticks } from "./svg.js";

const SIZE = 240;
const MARGIN = 10;
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/**
 * Draw points [x, y]. Options: `title`, `xLabel`, `yLabel`, `label(n)`, `onPick(n)`, `chosen`. Arrow keys go through
 * the points in order, Enter picks one. Returns a function that marks another point as the chosen one.
 */
export function scatter(root, points, { title, xLabel, yLabel, label, onPick, chosen }) {
  const svg = emptySquare(`${title}: ${yLabel} against ${xLabel}, ${points.length} hidden units`);
  const current = statusLine();
  const dots = points.map(([x, y], n) => {
    const dot = svgElement("circle", { cx: place(x), cy: place(1 - y), r: 3, class: "dot" });
    dot.append(svgElement("title", {}, label(n)));
    dot.addEventListener("pointerenter", () => current.show(label(n)));
    dot.addEventListener("click", () => onPick(n));
    return dot;
  });
  const choose = (n) => {
    chosen = n;
    dots.forEach((dot, k) => {
      dot.classList.toggle("chosen", k === n);
      dot.setAttribute("r", k === n ? 5 : 3);
    });
  };
  const ring = svgElement("circle", { r: 7, class: "ring" });
  svg.append(...dots, ring);
  moveByKeys(svg, points.length, {
    start: chosen ?? 0,
    onPick,
    onMove(n) {
      for (const name of ["cx", "cy"]) ring.setAttribute(name, dots[n].getAttribute(name));
      ring.classList.add("shown");
      current.show(label(n));
    },
  });
  choose(chosen);
  const save = saveBar(title, { svg: () => scatterSvg(points, { title, xLabel, yLabel, chosen }) });
  root.append(
    el("div", { class: "foot" }, el("h3", {}, title), save),
    el("div", { class: "axes" }, el("span", { class: "y" }, yLabel), svg),
    el("p", { class: "x" }, xLabel),
    current.element,
  );
  return choose;
}

function place(share) {
  return MARGIN + share * (SIZE - 2 * MARGIN);
}

function emptySquare(description) {
  const inner = SIZE - 2 * MARGIN;
  const end = SIZE - MARGIN;
  return svgElement(
    "svg",
    {
      class: "scatter",
      viewBox: `0 0 ${SIZE} ${SIZE}`,
      tabindex: "0",
      role: "application",
      "aria-label": `${description}; arrow keys go from one to another, Enter picks one`,
    },
    svgElement("rect", { x: MARGIN, y: MARGIN, width: inner, height: inner, class: "frame" }),
    svgElement("line", { x1: MARGIN, y1: MARGIN, x2: end, y2: end, class: "frame" }),
  );
}

function moveByKeys(element, count, { start, onMove, onPick }) {
  let here = null;
  element.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const picks = event.key === "Enter" || event.key === " ";
    if (!step && !picks) return;
    event.preventDefault();
    if (step) {
      here = here === null ? start : (here + step + count) % count;
      onMove(here);
    } else if (here !== null) onPick(here);
  });
}

/** The plot as an SVG document, with a circle for each point. */
function scatterSvg(points, { title, xLabel, yLabel, chosen }) {
  const axis = { low: 0, high: 1, ticks: ticks(0, 1, 5).map((it) => [it, String(it)]) };
  const x = { ...axis, label: xLabel };
  const y = { ...axis, label: yLabel };
  const { svg, frame, toX, toY } = plot({ title, width: 320, height: 320, x, y });
  svg.append(
    svgElement("path", { d: `M${frame.left} ${frame.top}L${frame.right} ${frame.bottom}`, stroke: GRID }),
    ...points.map(([px, py], n) => {
      const look = n === chosen ? { r: 5, fill: "#9c2b00" } : { r: 3, fill: "#00527f", "fill-opacity": 0.55 };
      return svgElement("circle", { cx: toX(px), cy: toY(py), ...look });
    }),
  );
  return svg;
}
