// A forecaster: the known series, what was forecast of each of its values, and the forecast of what comes after it.

import { lineChart } from "../charts/line_chart.js";
import { choice, el, labelled, note, replaceChildren, table } from "../dom.js";
import { range } from "../numbers.js";

export function show(root, answer, _frames, stops) {
  const body = el("div");
  let drawn = [];
  const lead =
    "The series, with the median and the interval that should hold 8 of 10 values. Up to step 0 each value is " +
    "forecast from the true ones before it; after that the network goes on from its own draws, and becomes less sure.";
  const stop = () => {
    for (const it of drawn) it();
  };
  const showTarget = (n) => {
    stop();
    replaceChildren(body);
    drawn = [drawTarget(body, { levels: answer.levels, ...answer.forecasts[n] })];
  };
  root.append(el("p", { class: "lead" }, lead));
  if (answer.forecasts.length > 1) {
    const targets = answer.forecasts.map(({ name }, n) => [String(n), name]);
    root.append(
      el(
        "div",
        { class: "controls" },
        labelled(
          "Target",
          choice(targets, "0", (n) => showTarget(Number(n))),
        ),
      ),
    );
  }
  root.append(body);
  showTarget(0);
  stops.push(stop);
  return null;
}

/** Draw one target; returns a function that ends its chart. */
function drawTarget(body, forecast) {
  const chart = el("div");
  body.append(chart, el("h2", {}, "Forecast"), ...forecastTable(forecast));
  const known = forecast.history.length;
  const steps = range(known + forecast.ahead[0].length).map((n) => n - known + 1);
  const unit = forecast.name || "value, in the units of the series";
  const labels = { xLabel: "steps from the last known value", yLabel: unit };
  const title = forecast.name ? `Forecast of ${forecast.name}` : "Series and forecast";
  return lineChart(chart, steps, curves(forecast), { title, ...labels, height: 320, bands: [[3, 2]] });
}

function percentage(level) {
  return `${Math.round(100 * level)}%`;
}

function curves({ levels, history, expected, ahead, true_values: truth }) {
  const known = history.length;
  const later = (values) => [...new Array(known).fill(null), ...values];
  // expected[k][t] is of the value after step t.
  const quantile = (k) => [null, ...expected[k].slice(0, known - 1), ...ahead[k]];
  const last = levels.length - 1;
  const series = [
    { label: "known", y: [...history, ...new Array(ahead[0].length).fill(null)] },
    { label: "median", y: quantile(levels.indexOf(0.5)) },
    { label: percentage(levels[0]), y: quantile(0) },
    { label: percentage(levels[last]), y: quantile(last) },
  ];
  if (truth !== null) series.push({ label: "true values", y: later(truth) });
  return series;
}

function forecastTable({ levels, ahead, true_values: truth }) {
  const last = levels.length - 1;
  const isKnown = (n) => truth[n] !== null; // a value of the series may be missing
  const isInside = (n) => isKnown(n) && truth[n] >= ahead[0][n] && truth[n] <= ahead[last][n];
  const verdict = (n) => (isInside(n) ? "inside" : "outside");
  const comparison = (n) => (isKnown(n) ? [truth[n], verdict(n)] : ["missing", ""]);
  const steps = range(ahead[0].length);
  const rows = steps.map((n) => [n + 1, ...ahead.map((it) => it[n]), ...(truth === null ? [] : comparison(n))]);
  const [low, high] = [levels[0], levels[last]].map(percentage);
  const names = levels.map((it) => (it === 0.5 ? "median" : percentage(it)));
  const headers = ["step ahead", ...names, ...(truth === null ? [] : ["true value", `${low} to ${high}`])];
  const inside = truth === null ? 0 : steps.filter(isInside).length;
  const known = truth === null ? 0 : steps.filter(isKnown).length;
  const count = truth === null ? "" : ` ${inside} of ${known} true values are between ${low} and ${high}.`;
  return [note(count), table(headers, rows)];
}
