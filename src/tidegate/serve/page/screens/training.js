// Training: curves beside the baselines, and samples of what the model wrote meanwhile.

import { inAddress } from "../address_settings.js";
import { answerOr, ask } from "../ask.js";
import { lineChart } from "../charts/line_chart.js";
import { el, failure, replaceChildren } from "../dom.js";
import { fixed, grouped } from "../numbers.js";
import { about } from "../state.js";
import { indentedText } from "../text/indentation.js";

export async function show(root) {
  const answer = await ask("training", { run: 0 });
  root.append(el("p", { class: "lead" }, bestText(answer)));
  const stops = curves(root, answer);
  if (about.runs.length > 1) stops.push(await validationOfAll(root));
  if (answer.samples.length) root.append(samples(answer.samples));
  return () => {
    for (const stop of stops) stop();
  };
}

function bestText({ best, loss: name }) {
  if (!best) return "";
  const [step, loss] = best;
  return `Best checkpoint: ${fixed(loss, 3)} ${name} on the validation split, at step ${grouped(step)}.`;
}

function curves(root, { train, validation, baselines, loss: name }) {
  const large = el("div");
  const columns = el("div", { class: "three" });
  root.append(large, columns);
  const draw = (title, x, series, options, root = columns) => {
    const place = el("div");
    root.append(el("section", {}, el("h2", {}, title), place));
    return lineChart(place, x, series, { title, xLabel: "step", ...options });
  };
  const steps = inOrder([...train, ...validation].map((it) => it[0]));
  const lines = Object.entries(baselines).map(([label, value]) => ({ label, value }));
  const loss = [
    { label: "training", y: along(steps, train) },
    { label: "validation", y: along(steps, validation) },
  ];
  const isDensity = [...train, ...validation].some((it) => it[1] < 0);
  const note = isDensity ? " The less, the better: the loss is minus a log density, which may be below 0." : "";
  const trained = train.map((it) => it[0]);
  const column = (label, n) => [{ label, y: train.map((it) => it[n]) }];
  return [
    draw(
      `Loss, ${name}`,
      steps,
      loss,
      {
        yLabel: name,
        baselines: lines,
        height: 360,
        caption: `On the training and the validation split. Thin lines: baselines on the validation split.${note}`,
      },
      large,
    ),
    draw("Gradient norm before clipping", trained, column("norm", 2), {
      log: true,
      yLabel: "norm",
      caption: "Norm of the gradient of all parameters, the mean since the last point.",
    }),
    draw("Share of steps that were clipped", trained, column("share", 3), {
      yLabel: "share of steps",
      fromZero: true,
      caption: "How often the gradient was longer than the bound, and was cut to it.",
    }),
    draw("Learning rate", trained, column("rate", 4), {
      yLabel: "rate",
      fromZero: true,
      caption: "The optimizer's step size.",
    }),
  ];
}

function inOrder(steps) {
  return [...new Set(steps)].sort((a, b) => a - b);
}

/** The second column of `rows` at each step; undefined, over which a curve goes on, where there is none. */
function along(steps, rows) {
  const values = new Map(rows);
  return steps.map((step) => values.get(step) ?? undefined);
}

/** Draw the validation loss of every run; what removes the chart. */
async function validationOfAll(root) {
  const answers = await Promise.all(about.runs.map((_, run) => answerOr(ask("training", { run }), null)));
  const title = "Validation of all runs";
  const place = el("div");
  root.append(el("h2", {}, title), place);
  const shown = [];
  answers.forEach(([answer, reason], run) => {
    const { name } = about.runs[run];
    if (reason) root.append(failure(`${name}: ${reason}`));
    else shown.push({ name, rows: answer.validation });
  });
  const steps = inOrder(shown.flatMap((it) => it.rows.map((row) => row[0])));
  const series = shown.map(({ name, rows }) => ({ label: name, y: along(steps, rows) }));
  const caption = "Loss on the validation split of each run, whenever it was measured.";
  return lineChart(place, steps, series, { title, caption, xLabel: "step", yLabel: about.runs[0].loss });
}

function samples(rows) {
  const sample = el("pre", { class: "sample scrolled" });
  const where = el("output");
  const last = String(rows.length - 1);
  const props = { type: "range", min: "0", max: last, value: last, "aria-label": "Sample", on: { input: show } };
  const slider = inAddress("sample", el("input", props));
  function show() {
    const [step, text] = rows[Number(slider.value)];
    where.textContent = ` after step ${grouped(step)}`;
    replaceChildren(sample, ...indentedText(text));
  }
  show();
  return el("section", {}, el("h2", {}, "Samples during training"), slider, where, sample);
}
