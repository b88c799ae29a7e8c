// A forecaster: the known series, what was forecast of each of its values, and the forecast of what comes after it.

import { inAddress } from "../address_settings.js";
import { dataTable } from "../charts/data_table.js";
import { forecastChart } from "../charts/forecast_chart.js";
import { choice, el, labelled, replaceChildren } from "../dom.js";
import { range, short } from "../numbers.js";

export function show(root, answer, _frames, stops) {
  const body = el("div");
  let stop = () => {};
  const lead =
    "Up to step 0 each value is forecast from the true ones before it; after that the network goes on from its own " +
    "draws, and becomes less sure.";
  const showTarget = (n) => {
    stop();
    replaceChildren(body);
    stop = drawTarget(body, { levels: answer.levels, ...answer.forecasts[n] });
  };
  root.append(el("p", { class: "lead" }, lead));
  let chosen = 0;
  if (answer.forecasts.length > 1) {
    const targets = answer.forecasts.map(({ name }, n) => [String(n), name]);
    const select = inAddress(
      "target",
      choice(targets, "0", (n) => showTarget(Number(n))),
    );
    chosen = Number(select.value);
    root.append(el("div", { class: "controls" }, labelled("Target", select)));
  }
  root.append(body);
  showTarget(chosen);
  stops.push(() => stop());
  return null;
}

/** Draw one target; returns a function that ends its chart. */
function drawTarget(body, forecast) {
  const { levels, ahead } = forecast;
  const bands = [bandName(levels, 0), bandName(levels, 1)];
  const name = forecast.name ? `Forecast of ${forecast.name}` : "Series and forecast";
  const unit = forecast.name || "value, in the units of the series";
  const points = pointsOf(forecast);
  const [columns, rows] = tableOf(forecast);
  const stop = forecastChart(body, points, {
    name,
    yLabel: unit,
    bands,
    caption: `${counted(forecast)}The bands hold ${bands[0]} and ${bands[1]} of the forecast's draws. The solid line is known, the dashed one what came.`,
    rows: () => [columns.map((it) => it.name ?? it), ...rows],
  });
  const table = dataTable(columns, rows, { name: `${name}, numbers` });
  const summary = el("summary", {}, `The ${ahead[0].length} steps of the forecast as a table`);
  body.append(el("details", { class: "folded" }, summary, table));
  return stop;
}

function bandName(levels, n) {
  const [low, high] = [levels[n], levels[levels.length - 1 - n]].map(percentage);
  return `${low} to ${high}`;
}

function percentage(level) {
  return `${Math.round(100 * level)}%`;
}

/** The points of the chart; expected[k][t] is of the value after step t. */
function pointsOf({ levels, history, expected, ahead, true_values: truth }) {
  const known = history.length;
  const middle = levels.indexOf(0.5);
  const quantile = (k, n) => (n < known ? (expected[k][n - 1] ?? null) : ahead[k][n - known]);
  return range(known + ahead[0].length).map((n) => ({
    x: n - known + 1,
    known: n < known ? history[n] : null,
    came: n < known ? null : (truth?.[n - known] ?? null),
    low: quantile(0, n),
    lower: quantile(1, n),
    median: quantile(middle, n),
    upper: quantile(levels.length - 2, n),
    high: quantile(levels.length - 1, n),
  }));
}

/** How many of the true values the outer band holds, and how far off the median is. */
function counted({ levels, ahead, true_values: truth }) {
  if (truth === null) return "";
  const known = range(truth.length).filter((n) => truth[n] !== null); // a value of the series may be missing
  if (!known.length) return "";
  const [low, high] = [ahead[0], ahead[levels.length - 1]];
  const inside = known.filter((n) => truth[n] >= low[n] && truth[n] <= high[n]).length;
  const median = ahead[levels.indexOf(0.5)];
  const error = known.reduce((sum, n) => sum + Math.abs(median[n] - truth[n]), 0) / known.length;
  const share = Math.round((100 * inside) / known.length);
  const band = bandName(levels, 0);
  return (
    `${inside} of ${known.length} values that came (${share}%) are within ${band}; the median is off by ` +
    `${short(error)} on average. `
  );
}

function tableOf({ levels, ahead, true_values: truth }) {
  const last = levels.length - 1;
  const names = levels.map((it) => (it === 0.5 ? "median" : percentage(it)));
  const isInside = (n) => truth[n] >= ahead[0][n] && truth[n] <= ahead[last][n];
  const comparison = (n) => (truth[n] === null ? ["missing", ""] : [truth[n], isInside(n) ? "inside" : "outside"]);
  const rows = range(ahead[0].length).map((n) => [
    n + 1,
    ...ahead.map((it) => it[n]),
    ...(truth === null ? [] : comparison(n)),
  ]);
  return [["step ahead", ...names, ...(truth === null ? [] : ["what came", bandName(levels, 0)])], rows];
}
