// Gates: one hidden unit's gates and states over the text; how saturated all gates are; memory times.

import { ask, latest } from "../ask.js";
import { bar } from "../charts/bars.js";
import { dataTable } from "../charts/data_table.js";
import { scatter } from "../charts/scatter.js";
import { stripChart } from "../charts/strips.js";
import { curve } from "../colours.js";
import { el, failure, note, replaceChildren, spelled, statusLine } from "../dom.js";
import { fixed, grouped, percent, unpack } from "../numbers.js";
import { about, choose, listen, state } from "../state.js";
import { TextView, tokensOf } from "../textview.js";
import { unitPicker } from "../unit_picker.js";

const LISTED = 12; // hidden units with the longest memory
const RANGES = { sigmoid: [0, 1], tanh: [-1, 1] };

export async function show(root) {
  const run = about.runs[0];
  const tokens = tokensOf(await ask("text", { text: state.text, run: 0 }));
  const picker = unitPicker();
  const text = el("div", { class: "main" });
  const status = statusLine("");
  const strips = el("div", {}, note("Loading …"));
  const shares = el("div", {}, note("Loading …"));
  const times = el("div");
  const lead =
    "The gates and states of one hidden unit, step by step; below, how open the gates of all hidden units are, and how " +
    "long they remember.";
  root.append(
    el("p", { class: "lead" }, lead),
    picker.row,
    text,
    status.element,
    strips,
    el("h2", {}, "How often gates are nearly shut or nearly open"),
    shares,
    times,
  );
  const view = new TextView(text, {
    label: "The text, tinted by the hidden unit's values",
    height: "30vh",
    onCursor: moveTo,
  });
  view.setText(tokens);
  view.setCursor(state.at);
  const questions = latest();
  // The hidden unit that is shown, with the values of each gate and state; another may have been asked for by now.
  const shown = { layer: 0, unit: 0, values: null };
  let chart = null;
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
      drawStrips();
      describe();
    } catch (error) {
      if (isLatest()) status.fail(error);
    }
  }

  function drawStrips() {
    if (!shown.values) return;
    chart?.stop();
    replaceChildren(strips);
    const kinds = Object.fromEntries((saturation?.squashed ?? []).map((it) => [it.name, it.kind]));
    const drawn = run.names.map((name) => {
      const { values, scale } = shown.values[name];
      const [low, high] = RANGES[kinds[name]] ?? [-rounded(scale), rounded(scale)];
      return { name, values, low, high, colour: run.states.includes(name) ? curve(1) : "var(--accent)" };
    });
    chart = stripChart(strips, drawn, tokens.map(spelled), {
      title: `Gates and states of unit ${shown.layer}/${shown.unit}`,
      caption: "Each value after it has read the character above it. Click to move the cursor.".replace(
        "character",
        run.unit,
      ),
      at: view.cursor,
      onPick: (n) => {
        view.setCursor(n);
        moveTo(n);
      },
    });
  }

  function describe() {
    const values = run.names.map((name) => `${name} ${fixed(shown.values[name].values[view.cursor])}`);
    const place = `After ${spelled(tokens[view.cursor])} at step ${grouped(view.cursor)}`;
    status.show(`${place}, unit ${shown.layer}/${shown.unit}: ${values.join(", ")}`);
  }

  function moveTo(n) {
    choose({ at: n });
    if (!shown.values) return;
    chart.move(n);
    describe();
  }

  function showLayer() {
    if (!saturation) return;
    const { squashed, unsquashed } = saturation;
    const plots = el("div", { class: "points" });
    replaceChildren(shares, unsquashed ? note(unsquashed) : saturationTable(squashed), plots);
    marks = squashed.filter((it) => it.layer === state.layer).map((it) => saturationPlot(plots, it));
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
      drawStrips(); // now that the ranges of the gates are known
    } catch (error) {
      replaceChildren(shares, failure(error));
    }
  };
  await Promise.all([loadUnit(), loadSaturation()]);
  return () => {
    questions.cancel();
    chart?.stop();
    stopListening();
    picker.stop();
    view.stop();
  };
}

/** A round number at or above a size. */
function rounded(size) {
  const power = 10 ** Math.floor(Math.log10(size || 1));
  return [1, 1.5, 2, 3, 4, 5, 7.5, 10].map((it) => it * power).find((it) => it >= (size || 1) * 0.999);
}

function saturationTable(squashed) {
  const rows = squashed.map(({ layer, name, shares, bounds }) => [
    layer,
    name,
    bar(shares[0], `${percent(shares[0])} below ${fixed(bounds[0], 1)}`),
    bar(shares[1], `${percent(shares[1])} above ${fixed(bounds[1], 1)}`),
  ]);
  const columns = ["layer", "gate", "nearly at the lower end", "nearly at the upper end"];
  const caption = "Share of steps, over all hidden units and this text.";
  return dataTable(columns, rows, { name: "How often gates are nearly shut or open", caption });
}

function saturationPlot(root, { layer, name, low, high, bounds }) {
  const box = el("div");
  root.append(box);
  return scatter(
    box,
    low.map((share, n) => [share, high[n]]),
    {
      title: `${name}, layer ${layer}`,
      xLabel: `share of steps below ${fixed(bounds[0], 1)}`,
      yLabel: `share above ${fixed(bounds[1], 1)}`,
      chosen: state.unit,
      label: (n) => `unit ${n}: ${percent(low[n])} below, ${percent(high[n])} above`,
      onPick: (n) => choose({ unit: n, name }),
    },
  );
}

function memoryTimes({ memory, why }) {
  const title = el("h2", {}, "How long hidden units remember");
  if (why) return [title, note(why)];
  return [title, ...memory.filter((it) => it.layer === state.layer).map(memoryTable)];
}

function memoryTable({ layer, state: name, steps }) {
  const order = steps.map((it, n) => [it ?? Infinity, n]).sort((a, b) => b[0] - a[0]);
  const median = order[Math.floor(order.length / 2)][0];
  const listed = order.slice(0, LISTED);
  const most = Math.max(1, ...listed.map((it) => it[0]).filter(Number.isFinite));
  const stepsBar = (it) => (Number.isFinite(it) ? bar(it / most, fixed(it, 1)) : bar(1, "all of them"));
  const rows = listed.map(([it, n]) => [`unit ${layer}/${n}`, stepsBar(it)]);
  const caption =
    `The ${rows.length} hidden units that keep ${name} longest: steps until a value has faded to 1/e, from the mean ` +
    `logarithm of the share that is kept. Half of all hidden units keep it for less than ${fixed(median, 1)} steps.`;
  const onRow = (n) => choose({ unit: order[n][1], name });
  return dataTable([`${name} of`, "steps"], rows, { name: `Memory of ${name}, layer ${layer}`, caption, onRow });
}
