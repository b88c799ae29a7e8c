// A series and its forecast: bands around the median, what was known, and what came.

import { short, tickLabels } from "../numbers.js";
import { endLabels, labelSpace } from "./end_labels.js";
import { d3, figure, Plot, plotted } from "./figure.js";
import { wholeTicks } from "./ticks.js";

const TICK = 90; // px of the x axis for each of its numbers, at least
const MUTED = { fill: "var(--faint)", stroke: null };

/**
 * Draw points [{x, known, came, low, lower, median, upper, high}, ...] in order of x, where x is the number of steps from
 * the last known value; what is null is not drawn. Options: `name`, `yLabel`, `caption`, `bands`: texts for the outer and
 * the inner band; `rows()`: the numbers to copy or save. Returns a function that ends it.
 */
export function forecastChart(root, points, { name, yLabel, caption, bands, rows }) {
  const draw = (width) => drawn(width, points, { name, yLabel, bands });
  return figure(root, draw, { name, caption, rows }).stop;
}

function drawn(width, points, { name, yLabel, bands }) {
  const height = 340;
  const last = points.at(-1);
  const labels = [
    { text: `${bands[0]}`, y: last.high, quiet: true },
    { text: "median", y: last.median, fill: "var(--series-1)" },
    { text: "what came", y: points.findLast((it) => Number.isFinite(it.came))?.came, fill: "var(--ink)" },
  ].filter((it) => Number.isFinite(it.y));
  const values = points.flatMap((it) => [it.known, it.came, it.low, it.high]).filter(Number.isFinite);
  const [low, high] = d3.extent(values);
  const extra = high > low ? 0.05 * (high - low) : Math.abs(high) / 10 || 1;
  const yTicks = d3.ticks(low - extra, high + extra, 6);
  const yTexts = tickLabels(yTicks);
  const marginRight = labelSpace(labels, width);
  const xTicks = wholeTicks([points[0].x, last.x], Math.max(2, Math.floor((width - marginRight) / TICK)));
  const xTexts = tickLabels(xTicks);
  const area = (y1, y2, fillOpacity) =>
    Plot.areaY(points, { x: "x", y1, y2, fill: "var(--series-1)", fillOpacity, defined: (it) => it[y1] !== null });
  const line = (y, look) => Plot.line(points, { x: "x", y: (it) => it[y] ?? Number.NaN, ...look });
  return plotted({
    width,
    height,
    marginTop: 28,
    marginLeft: 16 + 7 * Math.max(...yTexts.map((it) => it.length)),
    marginRight,
    marginBottom: 40,
    ariaLabel: `${name}: known values, ${bands[0]} around the median of the forecast, and what came`,
    x: { domain: [points[0].x, last.x] },
    y: { domain: [low - extra, high + extra] },
    marks: [
      Plot.gridY(yTicks, { stroke: "var(--line)", strokeOpacity: 1 }),
      Plot.axisY(yTicks, { text: (it) => yTexts[yTicks.indexOf(it)], tickSize: 0, label: null, ...MUTED }),
      Plot.axisX(xTicks, { text: (it) => xTexts[xTicks.indexOf(it)], tickSize: 4, label: null, ...MUTED }),
      Plot.text([yLabel], { frameAnchor: "top-left", dy: -20, dx: -8, ...MUTED }),
      Plot.text(["steps from the last known value"], { frameAnchor: "bottom", dy: 34, ...MUTED }),
      Plot.ruleX([0], { stroke: "var(--faint)" }),
      Plot.text([[0, "forecast from here"]], {
        x: "0",
        text: "1",
        frameAnchor: "top",
        dy: -8,
        dx: 4,
        textAnchor: "start",
        ...MUTED,
      }),
      area("low", "high", 0.16),
      area("lower", "upper", 0.22),
      line("median", { stroke: "var(--series-1)", strokeWidth: 1.75 }),
      line("known", { stroke: "var(--ink)", strokeWidth: 1.5 }),
      line("came", { stroke: "var(--ink)", strokeWidth: 1.5, strokeDasharray: "4 3" }),
      endLabels(labels),
      pointing(points, bands),
    ],
  });
}

/** A line at the x under the pointer, and the numbers there. */
function pointing(points, [outer, inner]) {
  const lines = (it) =>
    [
      `step ${short(it.x, 6)}`,
      it.known === null ? null : `known ${short(it.known, 4)}`,
      it.came === null ? null : `came ${short(it.came, 4)}`,
      it.median === null ? null : `median ${short(it.median, 4)}`,
      it.lower === null ? null : `${inner} ${short(it.lower, 4)} to ${short(it.upper, 4)}`,
      it.low === null ? null : `${outer} ${short(it.low, 4)} to ${short(it.high, 4)}`,
    ].filter(Boolean);
  const at = (it) => it.median ?? it.known ?? it.came;
  const there = points.filter((it) => Number.isFinite(at(it)));
  return [
    Plot.ruleX(there, Plot.pointerX({ x: "x", stroke: "var(--faint)", strokeOpacity: 0.6 })),
    Plot.tip(
      there,
      Plot.pointerX({
        x: "x",
        y: at,
        title: (it) => lines(it).join("\n"),
        stroke: "var(--line)",
        fill: "var(--ground)",
      }),
    ),
  ];
}
