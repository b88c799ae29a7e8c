// A model with a value at every step: prediction and target of each target, their difference, and the inputs.

import { lineChart } from "../charts/line_chart.js";
import { el, note } from "../dom.js";
import { grouped, range, short } from "../numbers.js";

const DRAWN = 4; // targets and inputs with a chart

export function show(root, answer, _frames, stops) {
  const steps = range(answer.inputs[0].values.length);
  const lead =
    "What the model predicted at each step from the inputs up to it, what was true, and the difference, in the units of " +
    "the target. The first steps are predicted from a zero state.";
  root.append(el("p", { class: "lead" }, lead));
  if (answer.length > steps.length) {
    root.append(note(`The series has ${grouped(answer.length)} steps; the first ${grouped(steps.length)} are shown.`));
  }
  for (const target of answer.targets.slice(0, DRAWN)) {
    const curves = [
      { label: "predicted", y: target.predicted },
      { label: "target", y: target.known },
    ];
    draw(root, stops, steps, `Prediction of ${target.name}`, curves, { yLabel: target.name, height: 300 });
    if (target.error.some(Number.isFinite)) {
      const error = [{ label: "predicted - target", y: target.error }];
      const title = `Error of ${target.name}`;
      draw(root, stops, steps, title, error, { yLabel: "error", height: 180, caption: errorsOf(target) });
    }
  }
  root.append(leftOut(answer.targets, "target"), el("h2", {}, "Inputs"));
  for (const { name, values } of answer.inputs.slice(0, DRAWN)) {
    draw(root, stops, steps, `Input ${name}`, [{ label: name, y: values }], { yLabel: name, height: 180 });
  }
  root.append(leftOut(answer.inputs, "input"));
  return null;
}

function draw(root, stops, steps, title, curves, options) {
  const box = el("div");
  root.append(box);
  stops.push(lineChart(box, steps, curves, { title, xLabel: "step", ...options }));
}

/** How large the errors are, and where the largest is: in the units of the target. */
function errorsOf({ error }) {
  const known = range(error.length).filter((n) => Number.isFinite(error[n]));
  const square = known.reduce((sum, n) => sum + error[n] ** 2, 0) / known.length;
  const worst = known.reduce((most, n) => (Math.abs(error[n]) > Math.abs(error[most]) ? n : most));
  const far = `${error[worst] > 0 ? "above" : "below"} the target`;
  return (
    `Predicted minus target, of ${grouped(known.length)} steps whose target is known: root of the mean square ` +
    `${short(Math.sqrt(square))}; the largest at step ${grouped(worst)}, ${short(Math.abs(error[worst]))} ${far}.`
  );
}

function leftOut(columns, kind) {
  const names = columns.slice(DRAWN).map((it) => it.name);
  return names.length ? note(`Not drawn, ${kind}s: ${names.join(", ")}.`) : "";
}
