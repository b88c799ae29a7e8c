// A forecaster: the series as it is known, what was expected of each value, and what is to come.

import { lineChart } from "../chart.js";
import { el, table } from "../dom.js";

export function show(root, found, _frames, stops) {
  const { levels, history, expected, ahead, true_values: truth } = found;
  const known = history.length,
    horizon = ahead[0].length,
    steps = Array.from({ length: known + horizon }, (_, n) => n - known + 1);
  // expected[k][t] is of the value after step t.
  const quantile = (k) => [null, ...expected[k].slice(0, known - 1), ...ahead[k]];
  const later = (values) => [...new Array(known).fill(null), ...values],
    last = levels.length - 1,
    middle = levels.indexOf(0.5);
  const percent = (level) => `${Math.round(100 * level)}%`;
  const series = [
    { label: "known", y: [...history, ...new Array(horizon).fill(null)] },
    { label: "median", y: quantile(middle) },
    { label: percent(levels[0]), y: quantile(0) },
    { label: percent(levels[last]), y: quantile(last) },
  ];
  if (truth !== null) series.push({ label: "what came", y: later(truth) });
  const chart = el("div"),
    numbers = el("div");
  root.append(
    el(
      "p",
      { class: "lead" },
      "The series, with the median and the interval that should hold 8 of 10 values. Up to step 0 each value is forecast from the true ones before it; after that the network goes on from its own draws, and gets less sure.",
    ),
    chart,
    el("h2", {}, "What is to come"),
    numbers,
  );
  stops.push(
    lineChart(chart, steps, series, {
      xLabel: "steps from the last known value",
      yLabel: "value, in the series' own units",
      height: 320,
      bands: [[3, 2]],
    }),
  );
  const rows = ahead[0].map((_, n) => [
    n + 1,
    ...ahead.map((it) => it[n]),
    ...(truth === null ? [] : [truth[n], truth[n] >= ahead[0][n] && truth[n] <= ahead[last][n] ? "inside" : "outside"]),
  ]);
  const inside =
    truth === null
      ? ""
      : ` ${rows.filter((it) => it.at(-1) === "inside").length} of ${rows.length} values that came lie between ${percent(levels[0])} and ${percent(levels[last])}.`;
  numbers.append(
    el("p", { class: "told" }, inside),
    table(
      [
        "step ahead",
        ...levels.map((it) => (it === 0.5 ? "median" : percent(it))),
        ...(truth === null ? [] : ["what came", `${percent(levels[0])} to ${percent(levels[last])}`]),
      ],
      rows,
    ),
  );
  return null;
}
