// Training: curves beside the baselines, and what the model wrote as it learned.

import { ask, orWhyNot } from "../ask.js";
import { lineChart } from "../chart.js";
import { el, fill } from "../dom.js";
import { about } from "../state.js";

export async function show(root) {
  const stops = [];
  const said = await ask("training", { run: 0 });
  const curves = el("div", { class: "columns" });
  const loss = el("div"),
    norms = el("div"),
    clipped = el("div"),
    rate = el("div");
  curves.append(
    el("section", {}, el("h2", {}, `Loss, nats per ${said.unit}`), loss),
    el("section", {}, el("h2", {}, "Gradient norm before clipping"), norms),
    el("section", {}, el("h2", {}, "Share of steps that were clipped"), clipped),
    el("section", {}, el("h2", {}, "Learning rate"), rate),
  );
  const best = said.best
    ? `Best on validation: ${said.best[1].toFixed(3)} nats per ${said.unit} at step ${said.best[0].toLocaleString("en")}.`
    : "";
  root.append(el("p", { class: "lead" }, best), curves);
  const steps = [...new Set([...said.train, ...said.validation].map((it) => it[0]))].sort((a, b) => a - b);
  const along = (rows, column) => {
    const known = new Map(rows.map((it) => [it[0], it[column]]));
    return steps.map((step) => known.get(step) ?? null);
  };
  const flat = Object.entries(said.baselines)
    .sort((a, b) => b[1] - a[1])
    .map(([label, value]) => ({ label, y: steps.map(() => value) }));
  const validation = { label: "validation", y: joined(along(said.validation, 1)) };
  stops.push(
    lineChart(loss, steps, [{ label: "training", y: joined(along(said.train, 1)) }, validation, ...flat], {
      xLabel: "step",
      yLabel: "nats",
    }),
  );
  const x = said.train.map((it) => it[0]);
  stops.push(
    lineChart(norms, x, [{ label: "norm", y: said.train.map((it) => it[2]) }], {
      log: true,
      xLabel: "step",
      yLabel: "norm",
    }),
  );
  stops.push(
    lineChart(clipped, x, [{ label: "share", y: said.train.map((it) => it[3]) }], { xLabel: "step", yLabel: "share" }),
  );
  stops.push(
    lineChart(rate, x, [{ label: "rate", y: said.train.map((it) => it[4]) }], { xLabel: "step", yLabel: "rate" }),
  );
  if (about.runs.length > 1) {
    const asked = await Promise.all(about.runs.map((_, run) => orWhyNot(ask("training", { run }), null)));
    const others = asked.flatMap(([answer], run) => (answer ? [{ run, answer }] : []));
    const all = [...new Set(others.flatMap((it) => it.answer.validation.map((row) => row[0])))].sort((a, b) => a - b);
    const place = el("div");
    root.append(
      el("h2", {}, "Validation of all runs"),
      place,
      ...asked.flatMap(([, refused], run) =>
        refused ? [el("p", { class: "wrong" }, `${about.runs[run].name}: ${refused}`)] : [],
      ),
    );
    const series = others.map(({ run, answer }) => {
      const known = new Map(answer.validation);
      return { label: about.runs[run].name, y: joined(all.map((step) => known.get(step) ?? null)) };
    });
    stops.push(lineChart(place, all, series, { xLabel: "step", yLabel: "nats" }));
  }
  if (said.samples.length) root.append(samples(said.samples));
  return () => stops.forEach((stop) => stop());
}

// A curve goes on over steps of which it says nothing: uPlot breaks at null, not at undefined.
function joined(y) {
  return y.map((it) => it ?? undefined);
}

function samples(rows) {
  const shown = el("pre", { class: "sample" }),
    where = el("output");
  const slider = el("input", {
    type: "range",
    min: "0",
    max: String(rows.length - 1),
    value: String(rows.length - 1),
    "aria-label": "Sample",
    on: { input: turn },
  });
  function turn() {
    const [step, text] = rows[Number(slider.value)];
    where.textContent = ` after step ${step.toLocaleString("en")}`;
    fill(shown, document.createTextNode(text));
  }
  turn();
  return el("section", {}, el("h2", {}, "What it wrote as it learned"), slider, where, shown);
}
