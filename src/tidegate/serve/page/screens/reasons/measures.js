// Three measures over the steps of an example: tinted tokens, or curves where inputs are numbers.

import { lineChart } from "../../charts/line_chart.js";
import { colourScale } from "../../charts/scale.js";
import { painted, shade } from "../../colours.js";
import { el, note, visible } from "../../dom.js";
import { range, signed } from "../../numbers.js";

const MEASURES = [
  ["gradient_input", "Gradient × input", "What each step adds if the decision were a linear function of the inputs."],
  [
    "integrated",
    "Integrated gradients",
    "That gradient along the whole way from no input to this one: the parts sum to the whole.",
  ],
  ["erased", "Erasure", "What is lost with zeros in place of that one step: measured, not derived."],
];

/** Elements that show the measures of an answer. */
export function measures(answer) {
  const { read, steps } = answer;
  if (!read.length) {
    const box = el("div");
    const series = MEASURES.map(([name, title]) => ({ label: title, y: answer.measures[name] }));
    lineChart(box, range(steps), series, { xLabel: "step", yLabel: answer.unit, height: 260 });
    return [box, ...MEASURES.map(([, title, meaning]) => note(`${title}: ${meaning}`))];
  }
  return [el("div", { class: "three" }, ...MEASURES.map((it) => tinted(answer, ...it)))];
}

function tinted({ read, measures: all, unit }, name, title, meaning) {
  const values = all[name].map((it) => it ?? 0);
  const top = Math.max(1e-6, ...values.map(Math.abs));
  const isText = read.every((it) => [...it].length === 1);
  const pieces = read.map((token, n) => {
    const piece = el("span", { class: "piece", title: `${signed(values[n], 3)} ${unit}` }, visible(token));
    painted(piece, () => {
      const [background, ink] = shade("diverging", values[n] / top);
      piece.style.setProperty("background-color", background);
      piece.style.setProperty("color", ink);
    })();
    return piece;
  });
  return el(
    "section",
    { class: "unit-examples" },
    el("h3", {}, title),
    el("p", { class: isText ? "text" : "words" }, ...pieces),
    colourScale({ kind: "diverging", top, unit }),
    note(meaning),
  );
}
