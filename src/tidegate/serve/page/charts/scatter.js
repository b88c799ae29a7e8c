// Points of a square from 0 to 1 each way.

import { el, statusLine } from "../dom.js";
import { figure, Plot, plotted } from "./figure.js";
import { svgElement } from "./standalone.js";

const LARGEST = 300; // px
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
const MUTED = { fill: "var(--faint)", stroke: null };

/**
 * Draw points [x, y]. Options: `title`, `xLabel`, `yLabel`, `label(n)`, `onPick(n)`, `chosen`. Arrow keys go through
 * the points in order, Enter picks one. Returns a function that marks another point as the chosen one.
 */
export function scatter(root, points, { title, xLabel, yLabel, label, onPick, chosen }) {
  const line = statusLine();
  let shown = null;
  const drawOnPage = (width) => {
    shown = drawPoints(width, points, { title, xLabel, yLabel });
    shown.choose(chosen);
    listen(shown);
    return shown.svg;
  };
  const saved = (width) => {
    const drawn = drawPoints(width, points, { title, xLabel, yLabel });
    drawn.choose(chosen);
    return drawn.svg;
  };

  function listen({ svg, dots, ring }) {
    dots.forEach((dot, n) => {
      dot.addEventListener("pointerenter", () => line.show(label(n)));
      dot.addEventListener("click", () => onPick(n));
    });
    let here = null;
    svg.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      const picks = event.key === "Enter" || event.key === " ";
      if (!step && !picks) return;
      event.preventDefault();
      if (picks) return here !== null && onPick(here);
      here = here === null ? (chosen ?? 0) : (here + step + points.length) % points.length;
      for (const name of ["cx", "cy"]) ring.setAttribute(name, dots[here].getAttribute(name));
      ring.setAttribute("visibility", "visible");
      line.show(label(here));
    });
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("role", "application");
    const said = `${title}: ${yLabel} against ${xLabel}, ${points.length} hidden units`;
    svg.setAttribute("aria-label", `${said}; arrow keys go from one to another, Enter picks one`);
  }

  const rows = () => [["hidden unit", xLabel, yLabel], ...points.map(([x, y], n) => [n, x, y])];
  const caption = el("strong", {}, title);
  figure(root, drawOnPage, { name: title, caption, rows, under: line.element, saved });
  return (n) => {
    chosen = n;
    shown?.choose(n);
  };
}

function drawPoints(width, points, { title, xLabel, yLabel }) {
  const size = Math.min(width, LARGEST);
  const ring = svgElement("circle", {
    r: 7,
    fill: "none",
    stroke: "var(--ink)",
    "stroke-width": 2,
    visibility: "hidden",
  });
  const ticks = [0, 0.5, 1];
  const svg = plotted({
    width: size,
    height: size,
    marginTop: 24,
    marginRight: 12,
    marginLeft: 32,
    marginBottom: 40,
    ariaLabel: title,
    x: { domain: [0, 1] },
    y: { domain: [0, 1] },
    marks: [
      Plot.gridX(ticks, { stroke: "var(--line)", strokeOpacity: 1 }),
      Plot.gridY(ticks, { stroke: "var(--line)", strokeOpacity: 1 }),
      Plot.axisX(ticks, { label: null, tickSize: 0, ...MUTED }),
      Plot.axisY(ticks, { label: null, tickSize: 0, ...MUTED }),
      Plot.text([xLabel], { frameAnchor: "bottom", dy: 34, ...MUTED }),
      Plot.text([yLabel], { frameAnchor: "top-left", dy: -18, dx: -24, ...MUTED }),
      Plot.line(
        points.length
          ? [
              [0, 1],
              [1, 0],
            ]
          : [],
        { stroke: "var(--line)" },
      ),
      Plot.dot(points, { x: (it) => it[0], y: (it) => it[1], r: 3, fill: "var(--accent)", fillOpacity: 0.55 }),
      () => ring,
    ],
  });
  const dots = [...svg.querySelectorAll("circle")].filter((it) => it !== ring);
  return {
    svg,
    dots,
    ring,
    choose(n) {
      dots.forEach((dot, k) => {
        dot.setAttribute("r", k === n ? 5 : 3);
        dot.classList.toggle("chosen", k === n);
      });
    },
  };
}
