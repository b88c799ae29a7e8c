// Curves (uPlot) and heat maps (a canvas), with their numbers under the pointer.

import { curve, dark, painted, shade } from "./colours.js";
import { el } from "./dom.js";
import uPlot from "./vendor/uPlot.esm.js";

const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [4, 4], [1, 4], [12, 4]];

/**
 * Curves over one x. `series`: [{label, y: [numbers or null]}, ...]. Returns what stops it.
 * Options: `log` (logarithmic y), `xLabel`, `yLabel`, `height`, `bands`: pairs of series between which it is filled.
 */
export function lineChart(root, x, series, { log = false, xLabel = "", yLabel = "", height = 260, bands = [] } = {}) {
  if (!series.some((it) => Array.from(it.y).some(Number.isFinite))) {
    // uPlot has no axes without a number
    root.append(el("p", { class: "told" }, "There is nothing to draw yet."));
    return () => {};
  }
  const box = el("div", {
    class: "chart",
    role: "img",
    "aria-label": `${yLabel} against ${xLabel}: ${series.map((it) => it.label).join(", ")}`,
  });
  root.append(box);
  const ink = () => (dark() ? "#ddd" : "#333"),
    grid = () => (dark() ? "#444" : "#ddd");
  const axis = { stroke: ink, grid: { stroke: grid }, ticks: { stroke: grid } };
  // A logarithmic axis is a straight one of logarithms: uPlot's own runs out of ticks over many decades.
  const number = (_chart, value) =>
    value === null || value === undefined ? "–" : Number((log ? 10 ** value : value).toPrecision(4)).toString();
  const options = {
    width: Math.max(280, box.clientWidth),
    height,
    scales: { x: { time: false } },
    axes: [
      { ...axis, label: xLabel },
      {
        ...axis,
        label: yLabel,
        size: 70,
        values: log
          ? (_chart, ticks) => ticks.map((it) => (Number.isInteger(it) ? `1e${it}` : Number((10 ** it).toPrecision(2))))
          : undefined,
      },
    ],
    series: [
      { label: xLabel || "x" },
      ...series.map((it, n) => ({
        label: it.label,
        stroke: curve(n),
        dash: DASHES[n % DASHES.length],
        width: 2,
        value: number,
        points: { show: it.y.length < 3 },
      })),
    ],
    bands: bands.map((pair) => ({ series: pair.map((n) => n + 1), fill: curve(pair[0]) + "2e" })),
  };
  // null is a gap; undefined is a step of which the curve says nothing, and it goes on.
  const clean = (y) =>
    Array.from(y, (it) =>
      it === undefined
        ? it
        : it === null || !Number.isFinite(it) || (log && it <= 0)
          ? null
          : log
            ? Math.log10(it)
            : it,
    );
  const chart = new uPlot(options, [Array.from(x), ...series.map((it) => clean(it.y))], box);
  const watch = new ResizeObserver(() => chart.setSize({ width: Math.max(280, box.clientWidth), height }));
  watch.observe(box);
  painted(box, () => chart.redraw(false));
  return () => {
    watch.disconnect();
    chart.destroy();
  };
}

/**
 * A matrix as colours. `values`: row after row. Options: `kind` ("diverging", "sequential"), `scale`, `rowLabel(r)`,
 * `columnLabel(c)`, `onPick(r, c)`, `height` in px, `label`, `marked` (a row). Returns `mark(row)`, which marks another.
 */
export function heatMap(root, values, rows, columns, options = {}) {
  const {
    kind = "diverging",
    scale = 1,
    rowLabel = String,
    columnLabel = String,
    onPick = null,
    height = 260,
    label = "Heat map",
    marked = null,
  } = options;
  const shown = options.shown ?? ((value) => Number(value.toPrecision(3)));
  const canvas = el("canvas", {
    class: "heat",
    width: columns,
    height: rows,
    tabindex: onPick ? "0" : null,
    role: onPick ? "application" : "img",
    "aria-label": onPick ? `${label}; arrow keys move through it` : label,
  });
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d"),
    image = context.createImageData(Math.max(1, columns), Math.max(1, rows));
  painted(canvas, () => {
    const known = new Map();
    for (let n = 0; n < rows * columns; n++) {
      const [background] = shade(kind, values[n] / scale);
      if (!known.has(background))
        known.set(
          background,
          [1, 3, 5].map((at) => parseInt(background.slice(at, at + 2), 16)),
        );
      const [red, green, blue] = known.get(background);
      image.data.set([red, green, blue, 255], 4 * n);
    }
    context.putImageData(image, 0, 0);
  })();
  const told = el("p", { class: "told", "aria-live": "polite" }, "\u00a0");
  const frame = el("div", { class: "heatbox" }, canvas);
  const line = el("div", { class: "row-mark", "aria-hidden": "true" });
  const mark = (row) => {
    line.style.display = row === null ? "none" : "block";
    line.style.top = `${(row / rows) * 100}%`;
    line.style.height = `${Math.max(2, height / rows)}px`;
  };
  frame.append(line);
  mark(marked);
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows),
      column = Math.floor(((event.clientX - box.left) / box.width) * columns);
    return [Math.max(0, Math.min(rows - 1, row)), Math.max(0, Math.min(columns - 1, column))];
  };
  const tell = (row, column) => {
    told.textContent = `${rowLabel(row)} · ${columnLabel(column)}: ${shown(values[row * columns + column])}`;
  };
  let here = [marked ?? 0, 0];
  canvas.addEventListener("pointermove", (event) => tell(...at(event)));
  if (onPick) {
    canvas.addEventListener("click", (event) => {
      here = at(event);
      mark(here[0]);
      onPick(...here);
    });
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      here = [(here[0] + step[0] + rows) % rows, (here[1] + step[1] + columns) % columns];
      tell(...here);
      mark(here[0]);
      onPick(...here);
    });
  }
  root.append(frame, told);
  return {
    mark: (row) => {
      here[0] = row;
      mark(row);
    },
  };
}

const SVG = "http://www.w3.org/2000/svg";

function drawn(tag, props, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * Points of a square from 0 to 1 each way. Options: `title`, `xLabel`, `yLabel`, `label(n)`, `onPick(n)`, `chosen`. Arrow keys
 * go through the points in order, Enter picks one. Returns a function that marks another point as the chosen one.
 */
export function scatter(root, points, { title, xLabel, yLabel, label, onPick, chosen }) {
  const size = 240,
    at = (share) => 10 + share * (size - 20);
  const svg = drawn("svg", {
    class: "scatter",
    viewBox: `0 0 ${size} ${size}`,
    tabindex: "0",
    role: "application",
    "aria-label": `${title}: ${yLabel} against ${xLabel}, ${points.length} units; arrow keys go from unit to unit, Enter picks one`,
  });
  svg.append(
    drawn("rect", { x: 10, y: 10, width: size - 20, height: size - 20, class: "frame" }),
    drawn("line", { x1: 10, y1: 10, x2: size - 10, y2: size - 10, class: "frame" }),
  );
  const told = el("p", { class: "told", "aria-live": "polite" }, "\u00a0");
  const dots = points.map(([x, y], n) => {
    const dot = drawn("circle", { cx: at(x), cy: at(1 - y), r: 3, class: "dot" }, drawn("title", {}, label(n)));
    dot.addEventListener("pointerenter", () => {
      told.textContent = label(n);
    });
    dot.addEventListener("click", () => onPick(n));
    return dot;
  });
  const choose = (n) =>
    dots.forEach((dot, k) => {
      dot.classList.toggle("chosen", k === n);
      dot.setAttribute("r", k === n ? 5 : 3);
    });
  const ring = drawn("circle", { r: 7, class: "ring" });
  let here = null;
  const go = (n) => {
    here = (n + points.length) % points.length;
    for (const name of ["cx", "cy"]) ring.setAttribute(name, dots[here].getAttribute(name));
    ring.classList.add("shown");
    told.textContent = label(here);
  };
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    if (!step) {
      if (here !== null) onPick(here);
    } else go(here === null ? (chosen ?? 0) : here + step);
  });
  svg.append(...dots, ring);
  choose(chosen);
  root.append(
    el("h3", {}, title),
    el("div", { class: "axes" }, el("span", { class: "y" }, yLabel), svg),
    el("p", { class: "x" }, xLabel),
    told,
  );
  return choose;
}
