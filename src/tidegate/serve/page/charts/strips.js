// Several values over the same steps, one strip each, over the text itself; one line marks the cursor in all.

import { clamp, fixed, range } from "../numbers.js";
import { d3, figure, Plot, plotted } from "./figure.js";
import { svgElement } from "./standalone.js";

const LETTER = 8; // px of a letter of the text, about
const LONGEST = 9; // letters of a text; longer ones are cut
const HIGH = 44; // px of a strip
const LEFT = 56;
const RIGHT = 16;
const TOP = 24;
const APART = 16;
const MUTED = { fill: "var(--faint)", stroke: null };

/**
 * Draw strips. `strips`: [{name, values, low, high, colour}, ...], values over all steps; `texts`: a short text for each step.
 * Options: `title`, `caption`, `at` (the step of the cursor), `onPick(step)`. Returns `move(step)` and `stop`.
 */
export function stripChart(root, strips, texts, { title, caption = "", at, onPick }) {
  const cut = texts.map((it) => ([...it].length > LONGEST ? `${[...it].slice(0, LONGEST - 1).join("")}…` : it));
  const pitch = LETTER * cut.reduce((most, it) => Math.max(most, [...it].length), 1) + 2; // px of a step
  const view = { at, start: 0, count: 0, line: null };

  function draw(width) {
    const count = Math.min(texts.length, Math.max(8, Math.floor((width - LEFT - RIGHT) / pitch)));
    if (count !== view.count) Object.assign(view, { count, start: centred(view.at, count, texts.length) });
    return drawStrips(width, strips, cut, { ...view, title });
  }

  function drawOnPage(width) {
    const { svg, cursor, toStep } = draw(width);
    view.line = cursor;
    cursor(view.at);
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("role", "application");
    svg.setAttribute("aria-label", `${title}; a click or the left and right arrow keys move the cursor`);
    svg.addEventListener("click", (event) => onPick(toStep(event)));
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      onPick(clamp(view.at + step, 0, texts.length - 1));
    });
    return svg;
  }

  const saved = (width) => {
    const { svg, cursor } = drawStrips(Math.max(width, LEFT + RIGHT + view.count * pitch), strips, cut, {
      ...view,
      title,
    });
    cursor(view.at);
    return svg;
  };
  const rows = () => [
    ["step", "text", ...strips.map((it) => it.name)],
    ...range(view.count).map((n) => {
      const step = view.start + n;
      return [step, texts[step], ...strips.map((it) => it.values[step])];
    }),
  ];
  const drawn = figure(root, drawOnPage, { name: title, caption, rows, saved });
  return {
    stop: drawn.stop,
    move(step) {
      view.at = step;
      const inside = step >= view.start + 1 && step < view.start + view.count - 1;
      if (inside || view.count === texts.length) return view.line?.(step);
      view.start = centred(step, view.count, texts.length);
      drawn.redraw();
    },
  };
}

/** The first of `count` steps around one. */
function centred(step, count, all) {
  return clamp(step - Math.floor(count / 2), 0, Math.max(0, all - count));
}

function drawStrips(width, strips, texts, { start, count, title }) {
  const steps = range(count).map((n) => start + n);
  const height = TOP + strips.length * (HIGH + APART) + 20;
  const top = (k) => TOP + k * (HIGH + APART);
  const toX = d3.scaleLinear([start - 0.5, start + count - 0.5], [LEFT, width - RIGHT]);
  const marks = strips.map((strip, k) => oneStrip(strip, { steps, toX, top: top(k) }));
  const line = svgElement("path", { stroke: "var(--accent)", "stroke-width": 1.5, fill: "none" });
  const words = { x: (it) => toX(it), y: 12, text: (it) => texts[it], fontFamily: "var(--mono)", fontSize: 13 };
  const svg = plotted({
    width,
    height,
    margin: 0,
    ariaLabel: title,
    x: { axis: null, domain: [0, width], range: [0, width] },
    y: { axis: null, domain: [0, height], range: [0, height] },
    marks: [
      ...marks,
      Plot.text(steps, { ...words, fill: "var(--ink)", className: "texts" }),
      Plot.text(
        steps.filter((it) => it % 10 === 0),
        { x: (it) => toX(it), y: height - 8, text: String, ...MUTED },
      ),
      () => line,
    ],
  });
  const written = svg.querySelectorAll(".texts text");
  return {
    svg,
    toStep(event) {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * width;
      return clamp(Math.round(toX.invert(x)), start, start + count - 1);
    },
    cursor(step) {
      line.setAttribute("d", `M${toX(step)} ${TOP - 6}V${height - 18}`);
      written.forEach((it, n) => {
        it.classList.toggle("chosen", steps[n] === step);
      });
    },
  };
}

function oneStrip({ name, values, low, high, colour }, { steps, toX, top }) {
  const toY = d3.scaleLinear([low, high], [top + HIGH, top]).clamp(true);
  const [left, right] = toX.range();
  const zero = toY(clamp(0, low, high));
  const look = { x: (it) => toX(it), y1: zero, y2: (it) => toY(values[it]), fill: colour };
  const ends = [low, high].map((it) => [it, toY(it)]);
  return [
    Plot.ruleY([toY(low), toY(high)], { x1: left, x2: right, stroke: "var(--line)" }),
    Plot.ruleY([zero], { x1: left, x2: right, stroke: "var(--faint)", strokeOpacity: 0.6 }),
    Plot.areaY(steps, { ...look, fillOpacity: 0.3, curve: "step" }),
    Plot.line(steps, { x: look.x, y: look.y2, stroke: colour, strokeWidth: 1.5, curve: "step" }),
    Plot.text([name], { x: left - 40, y: top + HIGH / 2, fontWeight: 600, fontSize: 14, fill: colour }),
    Plot.text(ends, {
      x: left - 6,
      y: (it) => it[1],
      text: (it) => endText(it[0]),
      textAnchor: "end",
      fontSize: 11,
      ...MUTED,
    }),
  ];
}

function endText(value) {
  return Number.isInteger(value) ? fixed(value, 0) : fixed(value, 1);
}
