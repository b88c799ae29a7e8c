// Gates: one hidden unit's gates and states around the cursor; how saturated all gates are; memory times.

import { ask, latest } from "../ask.js";
import { lineChart } from "../charts/line_chart.js";
import { scatter } from "../charts/scatter.js";
import { el, failure, replaceChildren, statusLine, table, visible } from "../dom.js";
import { clamp, grouped, percent, range, unpack } from "../numbers.js";
import { about, choose, listen, state } from "../state.js";
import { TextView, tokensOf } from "../textview.js";
import { unitPicker } from "../unit_picker.js";

const AROUND = 60; // steps to either side of the cursor
const LISTED = 12; // hidden units with the longest memory

export async function show(root) {
  const run = about.runs[0];
  const tokens = tokensOf(await ask("text", { text: state.text, run: 0 }));
  const picker = unitPicker();
  const text = el("div", { class: "main" });
  const status = statusLine("");
  const gateChart = el("div");
  const stateChart = el("div");
  const plots = el("div", { class: "tiles" });
  const times = el("div");
  const lead =
    "The gates and states of one hidden unit around the cursor; below, how open the gates of all hidden units are, " +
    "and how long they remember.";
  const headings = ["Gates of the hidden unit", "Its states"].map((it) => el("h2", {}, it));
  root.append(
    el("p", { class: "lead" }, lead),
    picker.row,
    el(
      "div",
      { class: "columns" },
      el("div", {}, text, status.element),
      el("div", {}, headings[0], gateChart, headings[1], stateChart),
    ),
    el("h2", {}, "Share of steps near an end of the range; each point is a hidden unit"),
    plots,
    times,
  );
  const view = new TextView(text, {
    label: "The text, tinted by the hidden unit's values",
    height: "50vh",
    onCursor(n) {
      choose({ at: n });
      drawCurves();
    },
  });
  view.setText(tokens);
  view.setCursor(state.at);
  const questions = latest();
  // The hidden unit that is shown, with the values of each gate and state; another may have been asked for by now.
  const shown = { layer: 0, unit: 0, values: null };
  let stopCharts = [];
  let saturation = null;
  let marks = []; // functions that mark a hidden unit in a plot

  function tint() {
    const { values, scale } = shown.values[state.name];
    view.setTint(values, "diverging", scale);
  }

  async function loadUnit() {
    const { layer, unit } = state;
    const isLatest = questions.begin();
    try {
      const asked = { text: state.text, run: 0, layer, direction: 0, unit };
      const answers = await Promise.all(run.names.map((name) => ask("strip", { ...asked, name })));
      if (!isLatest()) return;
      const values = Object.fromEntries(run.names.map((name, n) => [name, unpack(answers[n])]));
      Object.assign(shown, { layer, unit, values });
      tint();
      drawCurves();
    } catch (error) {
      if (isLatest()) status.fail(error);
    }
  }

  function drawCurves() {
    if (!shown.values) return;
    for (const stop of stopCharts) stop();
    replaceChildren(gateChart);
    replaceChildren(stateChart);
    const from = clamp(view.cursor - AROUND, 0, tokens.length);
    const to = clamp(view.cursor + AROUND, 0, tokens.length);
    const steps = range(to - from).map((n) => from + n);
    const draw = (place, names, title, height) => {
      const series = names.map((name) => ({
        label: name,
        y: Array.from(shown.values[name].values.subarray(from, to)),
      }));
      return lineChart(place, steps, series, { title, xLabel: "step", yLabel: "value", height });
    };
    const unit = `unit ${shown.layer}/${shown.unit}`;
    const gates = run.names.filter((it) => !run.states.includes(it));
    stopCharts = gates.length ? [draw(gateChart, gates, `Gates of ${unit}`, 200)] : [];
    stopCharts.push(draw(stateChart, run.states, `States of ${unit}`, 180));
    const values = run.names.map((name) => `${name} ${shown.values[name].values[view.cursor].toFixed(2)}`);
    const place = `After ${visible(tokens[view.cursor])} at step ${grouped(view.cursor)}`;
    status.show(`${place}, ${unit}: ${values.join(", ")}`);
  }

  function showLayer() {
    if (!saturation) return;
    const summary = saturation.unsquashed ? el("p", {}, saturation.unsquashed) : saturationTable(saturation.squashed);
    replaceChildren(plots, summary);
    marks = saturation.squashed.filter((it) => it.layer === state.layer).map((it) => saturationPlot(plots, it));
    replaceChildren(times, ...memoryTimes(saturation));
  }

  const stopListening = listen((changed) => {
    if (changed.has("layer")) showLayer();
    else if (changed.has("unit")) for (const mark of marks) mark(state.unit);
    if (changed.has("layer") || changed.has("unit")) loadUnit();
    else if (changed.has("name") && shown.values) tint();
  });
  const loadSaturation = async () => {
    try {
      saturation = await ask("gates", { text: state.text, run: 0 });
      showLayer();
    } catch (error) {
      replaceChildren(plots, failure(error));
    }
  };
  await Promise.all([loadUnit(), loadSaturation()]);
  return () => {
    questions.cancel();
    for (const stop of stopCharts) stop();
    stopListening();
    picker.stop();
    view.stop();
  };
}

function saturationTable(squashed) {
  const rows = squashed.map(({ layer, name, shares, bounds }) => [
    `${layer}`,
    name,
    `${percent(shares[0])} below ${bounds[0]}`,
    `${percent(shares[1])} above ${bounds[1]}`,
  ]);
  const caption = "Over all hidden units and steps of this text";
  return el("div", {}, table(["layer", "gate", "", ""], rows, { caption }));
}

function saturationPlot(root, { layer, name, low, high, bounds }) {
  const box = el("div");
  root.append(box);
  return scatter(
    box,
    low.map((share, n) => [share, high[n]]),
    {
      title: `${name}, layer ${layer}`,
      xLabel: `share of steps below ${bounds[0]}`,
      yLabel: `above ${bounds[1]}`,
      chosen: state.unit,
      label: (n) => `unit ${n}: ${percent(low[n])} below, ${percent(high[n])} above`,
      onPick: (n) => choose({ unit: n, name }),
    },
  );
}

function memoryTimes({ memory, why }) {
  const title = "How long hidden units remember";
  if (why) return [el("h2", {}, title), el("p", {}, why)];
  const explained = `${title}: steps until a value has faded to 1/e, from the mean log of the share that is kept`;
  return [el("h2", {}, explained), ...memory.filter((it) => it.layer === state.layer).map(memoryTable)];
}

function memoryTable({ layer, state: name, steps }) {
  const order = steps.map((it, n) => [it ?? Infinity, n]).sort((a, b) => b[0] - a[0]);
  const median = order[Math.floor(order.length / 2)][0];
  const rows = order
    .slice(0, LISTED)
    .map(([it, n]) => [`unit ${layer}/${n}`, Number.isFinite(it) ? it.toFixed(1) : "all of them"]);
  const caption = `The longest; half of the hidden units keep less than ${median.toFixed(1)} steps`;
  return table([`${name} of`, "steps"], rows, { caption, onRow: (n) => choose({ unit: order[n][1], name }) });
}
