// One hidden unit over examples: tokens tinted by its value, or its curve beside the property where inputs are numbers.

import { lineChart } from "../../charts/line_chart.js";
import { colourScale } from "../../charts/scale.js";
import { painted, shade } from "../../colours.js";
import { el, note, visible } from "../../dom.js";
import { fixed, range, unpack } from "../../numbers.js";

/** Elements that show a hidden unit over the examples of an answer; `finding`: what it goes with, or null. */
export function unitExamples({ examples, scale }, finding) {
  const shown = examples.map((it) => ({ ...it, ...unpack(it.values) }));
  if (!shown.length) return [note("There is no example to show.")];
  const label = finding?.detector ?? "";
  if (!shown[0].read.length) return shown.slice(0, 3).map((it) => curves(it, label));
  const holds = finding?.kind === "yes/no";
  const caption = holds ? `Underlined: “${label}” holds.` : "";
  return [
    el("div", { class: "unit-examples" }, ...shown.map((it) => tokens(it, scale, holds))),
    el("p", { class: "told" }, `Held-out examples, tinted by the unit's value after each step. ${caption}`),
    colourScale({ kind: "diverging", top: scale, label: "value of the unit" }),
  ];
}

function tokens({ read, values, label }, scale, holds) {
  const isText = read.every((it) => [...it].length === 1);
  const pieces = read.map((token, n) => {
    const classes = ["piece", holds && label[n] === 1 && "holds"].filter(Boolean).join(" ");
    const piece = el("span", { class: classes, title: fixed(values[n], 3) }, visible(token));
    const paint = painted(piece, () => {
      const [background, ink] = shade("diverging", values[n] / scale);
      piece.style.setProperty("background-color", background);
      piece.style.setProperty("color", ink);
    });
    paint();
    return piece;
  });
  return el("p", { class: isText ? "text" : "words" }, ...pieces);
}

/** Unit and property in deviations from their means, so that both have a place on one axis. */
function curves({ values, label }, name) {
  const box = el("div");
  const series = [{ label: "unit", y: standardised([...values]) }];
  if (name && label.some((it) => it !== null)) series.push({ label: name, y: standardised(label) });
  lineChart(box, range(values.length), series, { xLabel: "step", yLabel: "deviations from the mean", height: 160 });
  return box;
}

function standardised(values) {
  const known = values.filter((it) => it !== null);
  const mean = known.reduce((a, b) => a + b, 0) / known.length;
  const spread = Math.sqrt(known.reduce((a, b) => a + (b - mean) ** 2, 0) / known.length) || 1;
  return values.map((it) => (it === null ? null : (it - mean) / spread));
}
