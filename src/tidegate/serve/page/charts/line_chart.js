// Curves over one x axis, with their names at their ends.

import { curve, dashes } from "../colours.js";
import { note } from "../dom.js";
import { short, tickLabels } from "../numbers.js";
import { namesAlong, shortened } from "./cell_axes.js";
import { endLabels, labelSpace } from "./end_labels.js";
import { d3, figure, Plot, plotted } from "./figure.js";
import { logTicks, wholeTicks } from "./ticks.js";

const FEW = 24; // numbers of a curve, which are drawn as points as well
const TICK = 72; // px of the x axis for each of its numbers, at least

/**
 * Draw curves over one x. `series`: [{label, y: [numbers or null]}, ...]; null is a gap, undefined is a step without a
 * value, over which the curve goes on. Options: `title`, `caption`, `log` (logarithmic y), `xLabel`, `yLabel`, `height`;
 * `domain`: [lowest, highest] y; `fromZero`: y begins at 0; `baselines`: [{label, value}, ...], thin lines; `bands`: pairs of series with the area
 * between them filled; `xNames`: a short text for each x, below the axis. Returns a function that ends it.
 */
export function lineChart(root, x, series, options = {}) {
  const { title = "", caption = "", xLabel = "", yLabel = "", log = false, baselines = [] } = options;
  const curves = series.map(({ label, y }, n) => ({ label, n, points: pointsOf(x, y, log) }));
  if (!curves.some((it) => it.points.some(([, y]) => Number.isFinite(y)))) {
    root.append(note(`${title ? `${title}: there` : "There"} is nothing to draw yet.`));
    return () => {};
  }
  const name = title || `${yLabel} against ${xLabel}`;
  const rows = () => [
    [xLabel || "x", ...series.map((it) => it.label), ...baselines.map((it) => it.label)],
    ...Array.from(x, (at, n) => [at, ...series.map((it) => it.y[n]), ...baselines.map((it) => it.value)]),
  ];
  const draw = (width) => drawLines(width, { ...options, name, x: Array.from(x), series, curves, baselines });
  return figure(root, draw, { name, caption, rows }).stop;
}

/** The points [x, y] of a curve; y is NaN at gaps and where a logarithmic axis has no place. */
function pointsOf(x, y, log) {
  const found = [];
  for (let n = 0; n < x.length; n++) {
    if (y[n] === undefined) continue;
    const drawn = y[n] !== null && Number.isFinite(y[n]) && !(log && y[n] <= 0);
    found.push([x[n], drawn ? y[n] : Number.NaN]);
  }
  return found;
}

function drawLines(width, chart) {
  const { name, x, curves, baselines, bands = [], height = 240, xLabel = "", yLabel = "", log = false } = chart;
  const labels = curves.map(({ label, n, points }) => ({ text: label, ...lastOf(points), fill: curve(n) }));
  labels.push(...baselines.map(({ label, value }) => ({ text: `${label} ${short(value)}`, y: value, quiet: true })));
  const shown = curves.length + baselines.length > 1 ? labels.filter((it) => it.y !== undefined) : [];
  const yDomain = chart.domain ?? extent(curves, baselines, log);
  if (chart.fromZero) yDomain[0] = 0;
  const yTicks = log ? logTicks(yDomain) : d3.ticks(...yDomain, Math.max(2, Math.round(height / 50)));
  const yTexts = log ? yTicks.map((it) => short(it)) : tickLabels(yTicks);
  const xDomain = d3.extent(x);
  if (xDomain[0] === xDomain[1]) xDomain[1] += 1;
  const marginRight = shown.length ? labelSpace(shown, width) : 28; // half of the last number of the axis
  const marginLeft = 16 + 7 * Math.max(...yTexts.map((it) => it.length));
  const xTicks = xAxis(chart, xDomain, width - marginLeft - marginRight);
  // As `text`: of a function `tickFormat` Plot shows what d3 finds worth it on a logarithmic axis, not all.
  const textOf = (ticks, texts) => (value) => texts[ticks.indexOf(value)];
  return plotted({
    width,
    height,
    marginTop: 28,
    marginLeft,
    marginRight,
    marginBottom: 10 + xTicks.size + (xLabel ? 18 : 0),
    ariaLabel: `${name}: ${labels.map((it) => it.text).join(", ")}`,
    x: { domain: xDomain },
    y: { domain: yDomain, type: log ? "log" : "linear" },
    marks: [
      Plot.gridY(yTicks, { stroke: "var(--line)", strokeOpacity: 1 }),
      Plot.axisY(yTicks, { text: textOf(yTicks, yTexts), tickSize: 0, label: null, ...MUTED }),
      Plot.axisX(xTicks.places, { text: textOf(xTicks.places, xTicks.texts), ...xTicks.look, ...MUTED }),
      Plot.text([yLabel], { frameAnchor: "top-left", dy: -20, dx: -8, ...MUTED }),
      Plot.text([xLabel], { frameAnchor: "bottom", dy: 22 + xTicks.size, ...MUTED }),
      baselines.map((it) => Plot.ruleY([it.value], { stroke: "var(--faint)", strokeOpacity: 0.6 })),
      bands.map(([upper, lower]) => band(curves[upper], curves[lower])),
      curves.map(lineMarks),
      endLabels(shown),
      pointing(chart),
    ],
  });
}

const MUTED = { fill: "var(--faint)", stroke: null };

function lineMarks({ points, n }) {
  const look = { x: (it) => it[0], y: (it) => it[1] };
  const finite = points.filter((it) => Number.isFinite(it[1]));
  const alone = points.filter((it, k) => Number.isFinite(it[1]) && isGap(points[k - 1]) && isGap(points[k + 1]));
  return [
    Plot.line(points, { ...look, stroke: curve(n), strokeWidth: 1.75, strokeDasharray: dashes(n) }),
    Plot.dot(finite.length <= FEW ? finite : alone, { ...look, fill: curve(n), r: 2.5 }),
  ];
}

function isGap(point) {
  return point === undefined || !Number.isFinite(point[1]);
}

function band(upper, lower) {
  const under = new Map(lower.points);
  const both = upper.points.filter(([x]) => under.has(x)).map(([x, y]) => [x, y, under.get(x)]);
  const [x, y1, y2] = [0, 1, 2].map((n) => (it) => it[n]);
  return Plot.areaY(both, { x, y1, y2, fill: curve(upper.n), fillOpacity: 0.18 });
}

/** A line at the x under the pointer, and the numbers of all curves there. */
function pointing({ x, series, xLabel = "", xNames = null }) {
  const there = x.map((at, n) => ({ at, n, first: series.map((it) => it.y[n]).find(Number.isFinite) }));
  const points = there.filter((it) => it.first !== undefined);
  const title = ({ at, n }) => {
    const values = series.map(({ label, y }) => {
      let last = n; // where the curve goes on without a value, the one before
      while (last > 0 && y[last] === undefined) last--;
      const place = last === n ? "" : ` (${xLabel} ${short(x[last], 6)})`;
      return Number.isFinite(y[last]) ? `${label} ${short(y[last], 4)}${place}` : null;
    });
    return [`${xLabel} ${short(at, 6)}${xNames ? ` ${xNames[n]}` : ""}`.trim(), ...values.filter((it) => it)].join(
      "\n",
    );
  };
  return [
    Plot.ruleX(points, Plot.pointerX({ x: "at", stroke: "var(--faint)", strokeOpacity: 0.6 })),
    Plot.tip(points, Plot.pointerX({ x: "at", y: "first", title, stroke: "var(--line)", fill: "var(--ground)" })),
  ];
}

/** Where a curve ends. */
function lastOf(points) {
  const [x, y] = points.findLast((it) => Number.isFinite(it[1])) ?? [];
  return { x, y };
}

function extent(curves, baselines, log) {
  const values = [...curves.flatMap((it) => it.points.map((point) => point[1])), ...baselines.map((it) => it.value)];
  const [low, high] = d3.extent(values.filter((it) => Number.isFinite(it) && !(log && it <= 0)));
  if (log) return low === high ? [low / 2, high * 2] : [low, high];
  const extra = high > low ? 0.05 * (high - low) : Math.abs(high) / 10 || 1;
  return [low - extra, high + extra];
}

/** Where the ticks of the x axis are, their texts, how they look, and the px that they need below the frame. */
function xAxis({ x, xNames }, domain, across) {
  const look = { label: null, tickSize: 4 };
  const names = xNames?.map(shortened);
  const { way, size } = names ? namesAlong(names, across / Math.max(1, x.length - 1)) : { way: "numbered", size: 14 };
  if (way === "beside") return { places: x, texts: names, look: { ...look, fontFamily: "var(--mono)" }, size };
  if (way === "turned") {
    return { places: x, texts: names, look: { ...look, tickRotate: -90, fontFamily: "var(--mono)" }, size };
  }
  const most = Math.max(2, Math.floor(across / TICK));
  const places = x.every(Number.isInteger) ? wholeTicks(domain, most) : d3.ticks(...domain, most);
  return { places, texts: tickLabels(places), look, size };
}
