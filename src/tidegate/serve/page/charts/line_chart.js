// Curves over one x axis: drawn by uPlot on the page, and as SVG in a file.

import { curve, isDark, painted } from "../colours.js";
import { el, note } from "../dom.js";
import uPlot from "../vendor/uPlot.esm.js";
import { saveBar } from "./save.js";
import { INK, logLabel, plot, round, svgElement, svgText, ticks } from "./svg.js";

const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [4, 4], [1, 4], [12, 4]];
const NARROWEST = 280; // px

/**
 * Draw curves over one x. `series`: [{label, y: [numbers or null]}, ...]. Returns a function that removes the chart.
 * Options: `title`, `log` (logarithmic y), `xLabel`, `yLabel`, `height`, `bands`: pairs of series with the area between
 * them filled.
 */
export function lineChart(root, x, series, options = {}) {
  const { title = "", log = false, xLabel = "", yLabel = "", height = 260, bands = [] } = options;
  if (!series.some((it) => Array.from(it.y).some(Number.isFinite))) {
    root.append(note("There is nothing to draw yet.")); // uPlot has no axes without a number
    return () => {};
  }
  // A logarithmic axis is a straight one of logarithms: uPlot's own runs out of ticks over many decades.
  const data = [Array.from(x), ...series.map((it) => Array.from(it.y, (value) => cleaned(value, log)))];
  const labels = series.map((it) => it.label);
  const name = title || `${yLabel} against ${xLabel}`;
  const box = el("div", { class: "chart", role: "img", "aria-label": `${name}: ${labels.join(", ")}` });
  const chart = { name, data, labels, log, xLabel, yLabel, bands };
  root.append(el("div", { class: "corner" }, saveBar(name, { svg: () => lineChartSvg(chart) })), box);
  const width = () => Math.max(NARROWEST, box.clientWidth);
  const drawn = new uPlot(uPlotOptions(chart, width(), height), data, box);
  const watch = new ResizeObserver(() => drawn.setSize({ width: width(), height }));
  watch.observe(box);
  painted(box, () => drawn.redraw(false));
  return () => {
    watch.disconnect();
    drawn.destroy();
  };
}

// null is a gap; undefined is a step without a value, over which the curve goes on.
function cleaned(value, log) {
  if (value === undefined) return undefined;
  if (value === null || !Number.isFinite(value) || (log && value <= 0)) return null;
  return log ? Math.log10(value) : value;
}

function uPlotOptions({ data, labels, log, xLabel, yLabel, bands }, width, height) {
  const points = data[0].length;
  const axis = {
    stroke: () => (isDark() ? "#ddd" : INK),
    grid: { stroke: () => (isDark() ? "#444" : "#ddd") },
    ticks: { stroke: () => (isDark() ? "#444" : "#ddd") },
  };
  const legendValue = (_chart, value) =>
    value === null || value === undefined ? "–" : String(Number((log ? 10 ** value : value).toPrecision(4)));
  return {
    width,
    height,
    scales: { x: { time: false } },
    axes: [
      { ...axis, label: xLabel },
      { ...axis, label: yLabel, size: 70, values: log ? (_chart, values) => values.map(logLabel) : undefined },
    ],
    series: [
      { label: xLabel || "x" },
      ...labels.map((label, n) => ({
        label,
        stroke: curve(n),
        dash: DASHES[n % DASHES.length],
        width: 2,
        value: legendValue,
        points: { show: points < 3 },
      })),
    ],
    bands: bands.map((pair) => ({ series: pair.map((n) => n + 1), fill: `${curve(pair[0])}2e` })),
  };
}

/** The chart as an SVG document, with a point for every number. */
function lineChartSvg({ name, data: [x, ...curves], labels, log, xLabel, yLabel, bands }) {
  const xAxis = axis(x, xLabel, (value) => String(value), 0);
  const yAxis = axis(curves.flat(), yLabel, log ? logLabel : String, 0.05);
  const { svg, frame, toX, toY } = plot({
    title: name,
    width: 640,
    height: 320,
    x: xAxis,
    y: yAxis,
    below: 18 * labels.length,
  });
  const place = (n, y) => `${toX(x[n])},${toY(y)}`;
  for (const pair of bands) svg.append(...bandSvg(pair, curves, place));
  curves.forEach((y, n) => {
    const line = { stroke: curve(n), "stroke-width": 2, fill: "none" };
    const dash = DASHES[n % DASHES.length].join(" ") || null;
    for (const stretch of stretches(y)) {
      const points = stretch.map((at) => place(at, y[at]));
      const [cx, cy] = points[0].split(",");
      if (points.length === 1) svg.append(svgElement("circle", { cx, cy, r: 2, fill: curve(n), class: "point" }));
      else svg.append(svgElement("polyline", { ...line, "stroke-dasharray": dash, points: points.join(" ") }));
    }
    const at = frame.bottom + 54 + 18 * n;
    const mark = `M${round(frame.left)} ${at - 4}h30`;
    svg.append(svgElement("path", { ...line, "stroke-dasharray": dash, d: mark }));
    svg.append(svgText(frame.left + 38, at, labels[n]));
  });
  return svg;
}

function axis(values, label, tickLabel, margin) {
  const finite = values.filter(Number.isFinite);
  let low = finite.reduce((least, it) => Math.min(least, it), Infinity);
  let high = finite.reduce((most, it) => Math.max(most, it), -Infinity);
  const extra = high > low ? margin * (high - low) : Math.abs(high) / 10 || 1;
  [low, high] = [low - extra, high + extra];
  return { low, high, label, ticks: ticks(low, high).map((it) => [it, tickLabel(it)]) };
}

/** The places of the numbers of a curve, in stretches without a gap. */
function stretches(y) {
  const found = [];
  let gap = true;
  y.forEach((value, n) => {
    if (value === null) gap = true;
    else if (value !== undefined) {
      if (gap) found.push([]);
      found.at(-1).push(n);
      gap = false;
    }
  });
  return found;
}

function bandSvg([upper, lower], curves, place) {
  const both = curves[upper].map((it, n) => (Number.isFinite(it) && Number.isFinite(curves[lower][n]) ? 0 : null));
  return stretches(both).map((stretch) => {
    const there = stretch.map((n) => place(n, curves[upper][n]));
    const back = stretch.map((n) => place(n, curves[lower][n])).reverse();
    const d = `M${[...there, ...back].join("L")}Z`;
    return svgElement("path", { d, fill: curve(upper), "fill-opacity": 0.18 });
  });
}
