// Curves of all hidden units over some steps, and a threshold that is dragged over them.

import { clamp, range, short, tickLabels } from "../numbers.js";
import { d3, figure, Plot, plotted } from "./figure.js";
import { svgElement } from "./standalone.js";

const HEIGHT = 240; // px
const LEFT = 48;
const RIGHT = 72; // with the number at the threshold
const TOP = 24;
const BOTTOM = 24; // with the text
const LETTER = 8; // px of a letter of the text, about
const WIDE = 4; // size of values beyond which the axis is logarithmic away from 0, as most are near 0
const MUTED = { fill: "var(--faint)", stroke: null };

/**
 * Draw curves. `values` of `units` hidden units at each step, row after row; the first step is `first`, `texts` has what is
 * read at each, and the steps from `selected[0]` up to `selected[1]` are marked. Options: `title`, `caption`, `name` (of
 * what is drawn), `threshold`; `onThreshold(value, isFinal)`, null where it is fixed; `onPick(unit)`. Returns
 * `show(unitsThatAreOn, chosenUnit)`, `choose(unit)`, `move(threshold)` and `stop`.
 */
export function thresholdChart(root, data, { title, caption = "", onThreshold, onPick }) {
  const view = { on: new Set(), chosen: -1, threshold: data.threshold };
  const [low, high] = d3.nice(...d3.extent(data.values), 20);
  let shown = null;

  function draw(width) {
    const drawn = drawCurves(width, data, { title, domain: [low, high], isFixed: !onThreshold });
    drawn.show(view);
    return drawn;
  }

  function set(value, isFinal) {
    const places = clamp(Math.ceil(-Math.log10(shown.moved(value, 1) - value)), 0, 6); // as many as a pixel tells apart
    view.threshold = clamp(Number(value.toFixed(places)), low, high);
    shown.show(view);
    onThreshold(view.threshold, isFinal);
  }

  function drawOnPage(width) {
    shown = draw(width);
    const { svg, handle, unitAt } = shown;
    svg.setAttribute("role", "group");
    svg.addEventListener("click", (event) => {
      if (!handle.contains(event.target)) onPick(unitAt(event, view.on));
    });
    if (onThreshold) {
      slide(shown, set);
      handle.setAttribute("tabindex", "0");
      handle.setAttribute("role", "slider");
      handle.setAttribute("aria-label", "Threshold");
      handle.setAttribute("aria-orientation", "vertical");
      handle.setAttribute("aria-valuemin", low);
      handle.setAttribute("aria-valuemax", high);
      handle.addEventListener("keydown", (event) => {
        const px = { PageUp: 10, PageDown: -10, ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
        const to = { Home: low, End: high }[event.key] ?? shown.moved(view.threshold, px);
        if (Number.isNaN(to)) return;
        event.preventDefault();
        set(to, true);
      });
    }
    return svg;
  }

  const rows = () => [
    ["step", "text", ...range(data.units).map((unit) => `unit ${unit}`)],
    ...data.texts.map((text, n) => [
      data.first + n,
      text,
      ...data.values.subarray(n * data.units, (n + 1) * data.units),
    ]),
  ];
  const saved = (width) => draw(width).svg;
  const drawn = figure(root, drawOnPage, { name: title, caption, rows, saved });
  return {
    stop: drawn.stop,
    choose(unit) {
      view.chosen = unit;
      shown?.show(view);
    },
    show(on, chosen) {
      Object.assign(view, { on, chosen });
      shown?.show(view);
    },
    move(threshold) {
      view.threshold = threshold;
      shown?.show(view);
    },
  };
}

/** Let a pointer drag the threshold. */
function slide({ svg, handle, valueAt }, set) {
  handle.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    event.preventDefault();
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    const grip = valueAt(event.clientY) - Number(svg.dataset.threshold); // it does not jump to the pointer
    const move = (to) => set(valueAt(to.clientY) - grip, false);
    const end = (to) => {
      handle.removeEventListener("pointermove", move);
      set(to.type === "pointerup" ? valueAt(to.clientY) - grip : Number(svg.dataset.threshold), true);
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", end, { once: true });
    handle.addEventListener("pointercancel", end, { once: true });
  });
}

function drawCurves(width, { values, units, first, texts, selected, name }, { title, domain, isFixed }) {
  const steps = range(texts.length).map((n) => first + n);
  const xDomain = [first - 0.5, first + texts.length - 0.5];
  const toX = d3.scaleLinear(xDomain, [LEFT, width - RIGHT]);
  const { toY, ticks, labels } = vertical(domain);
  const valueAfter = (step, unit) => values[(step - first) * units + unit];
  const curves = range(units).map((unit) => {
    const points = steps.map((step) => `${toX(step).toFixed(1)} ${toY(valueAfter(step, unit)).toFixed(1)}`);
    return svgElement("path", { d: `M${points.join("L")}`, class: "unit-curve" });
  });
  const below = svgElement("g", {}, ...curves);
  const above = svgElement("g", { class: "on" });
  const { handle, place } = thresholdHandle(width, isFixed);
  const letters = Math.floor((toX(1) - toX(0)) / LETTER);
  const svg = plotted({
    width,
    height: HEIGHT,
    margin: 0,
    marginLeft: LEFT,
    marginRight: RIGHT,
    marginTop: TOP,
    marginBottom: BOTTOM,
    ariaLabel: title,
    x: { domain: xDomain, axis: null },
    y: { domain: [0, HEIGHT], range: [0, HEIGHT], axis: null },
    marks: [
      Plot.ruleY(ticks, { y: toY, stroke: "var(--line)" }),
      Plot.text(ticks, { y: toY, text: (_, n) => labels[n], frameAnchor: "left", dx: -8, textAnchor: "end", ...MUTED }),
      Plot.rectX([selected], {
        x1: selected[0] - 0.5,
        x2: selected[1] - 0.5,
        fill: "var(--accent)",
        fillOpacity: 0.08,
      }),
      Plot.text([name], { frameAnchor: "top-left", dy: -20, dx: -LEFT + 8, ...MUTED }),
      () => below,
      () => above,
      Plot.text(letters ? steps : [], {
        x: (it) => it,
        frameAnchor: "bottom",
        dy: 18,
        text: (it) => shortTo(texts[it - first], letters),
        fontFamily: "var(--mono)",
        fontSize: 13,
        fill: (it) => (it >= selected[0] && it < selected[1] ? "var(--ink)" : "var(--faint)"),
      }),
      () => handle,
    ],
  });
  const toPlot = (clientX, clientY) => {
    const box = svg.getBoundingClientRect();
    return [((clientX - box.left) / box.width) * width, ((clientY - box.top) / box.height) * HEIGHT];
  };
  return {
    svg,
    handle,
    valueAt: (clientY) => toY.invert(toPlot(0, clientY)[1]),
    moved: (value, px) => toY.invert(toY(value) - px),
    /** The hidden unit whose curve is nearest to a press; of those that are on, if there are any. */
    unitAt({ clientX, clientY }, on) {
      const [x, y] = toPlot(clientX, clientY);
      const step = clamp(Math.round(toX.invert(x)), first, first + texts.length - 1);
      const among = on.size ? [...on] : range(units);
      const distance = (unit) => Math.abs(toY(valueAfter(step, unit)) - y);
      return among.reduce((best, unit) => (distance(unit) < distance(best) ? unit : best));
    },
    show({ on, chosen, threshold }) {
      curves.forEach((it, unit) => {
        const isOn = on.has(unit);
        const to = isOn ? above : below;
        if (it.parentNode !== to) to.append(it);
        it.classList.toggle("chosen", unit === chosen && isOn);
      });
      if (on.has(chosen)) above.append(curves[chosen]); // over the others
      svg.dataset.threshold = threshold;
      place(clamp(toY(threshold), TOP, HEIGHT - BOTTOM), threshold);
    },
  };
}

/** The vertical axis: linear, or logarithmic away from 0. */
function vertical(domain) {
  const across = [HEIGHT - BOTTOM, TOP];
  if (Math.max(...domain.map(Math.abs)) <= WIDE) {
    const ticks = d3.ticks(...domain, 5);
    return { toY: d3.scaleLinear(domain, across), ticks, labels: tickLabels(ticks) };
  }
  const sizes = [0, 1, 3, 10, 30, 100, 300, 1000];
  const both = [...sizes.slice(1).map((it) => -it), ...sizes];
  const ticks = both.filter((it) => it >= domain[0] && it <= domain[1]);
  return { toY: d3.scaleSymlog(domain, across), ticks, labels: ticks.map((it) => short(it)) };
}

/** The line of the threshold with its number, and a stripe that is wide enough to be pressed. */
function thresholdHandle(width, isFixed) {
  const number = svgElement("text", { x: width - RIGHT + 8, dy: "0.32em", "text-anchor": "start" });
  const across = { x1: LEFT, x2: width - RIGHT, y1: 0, y2: 0 };
  const handle = svgElement(
    "g",
    { class: isFixed ? "threshold" : "threshold movable" },
    svgElement("rect", { x: LEFT, y: -12, width: width - LEFT, height: 24, class: "reach" }),
    svgElement("line", across),
    number,
  );
  return {
    handle,
    place(y, threshold) {
      handle.setAttribute("transform", `translate(0 ${y})`);
      handle.setAttribute("aria-valuenow", threshold);
      number.textContent = `≥ ${short(threshold)}`;
    },
  };
}

function shortTo(text, letters) {
  const all = [...text];
  return all.length > letters ? `${all.slice(0, Math.max(1, letters - 1)).join("")}${letters > 1 ? "…" : ""}` : text;
}
