// Memory: how much the state at each step could have changed each prediction, and how that falls with the distance.

import { answerOr, ask, isAvailable } from "../ask.js";
import { dataTable } from "../charts/data_table.js";
import { heatMap } from "../charts/heat_map.js";
import { lineChart } from "../charts/line_chart.js";
import { el, note, replaceChildren, spelled, statusLine, visible } from "../dom.js";
import { clamp, fixed, percent, short, unpack } from "../numbers.js";
import { choose, state } from "../state.js";
import { readings } from "../text/readings.js";
import { TextView } from "../textview.js";

const STEPS = 120; // in one answer of the server,
const EVERY = 40; // which begins at a multiple of this

export async function show(root) {
  const { readings: read, refused } = await readings();
  const [first, ...others] = read;
  const text = el("div", { class: "main" });
  const status = statusLine("");
  const curves = el("div");
  const halfLives = el("div");
  const maps = el("div");
  const lead = [
    "How much the loss after step t would change if a state at an earlier step s changed a little: ",
    gradientFormula(),
    ", and the same for the other states. A network cannot learn what its gradient does not reach.",
  ];
  root.append(
    el("p", { class: "lead" }, ...lead),
    el(
      "div",
      { class: "columns" },
      el("div", {}, el("h2", {}, `${STEPS} steps around the cursor`), text, status.element),
      el("div", {}, el("h2", {}, "Mean gradient by distance"), curves, halfLives),
    ),
    el("h2", {}, `From each step to each prediction${others.length ? `, ${first.name}` : ""}`),
    maps,
  );
  const view = new TextView(text, {
    label: "The text; the steps that are measured are marked",
    height: "40vh",
    onCursor(n) {
      choose({ at: n });
      load().catch(status.fail);
    },
  });
  view.setText(first.tokens);
  view.setCursor(state.at);
  let shown = -1; // the first step that is shown or asked for
  let stopChart = () => {};

  async function load() {
    let place = view.cursor;
    if (!isAvailable("flow", questionAround(place, first))) {
      status.show("The report has the beginning of the text only; the live page has all of it.");
      if (shown >= 0) return;
      place = 0;
    }
    const asked = questionAround(place, first);
    if (asked.start === shown) return;
    shown = asked.start;
    const flow = await ask("flow", asked);
    const besides = others.map((it) =>
      answerOr(ask("flow", questionAround(it.tokenAt(first.placeOf(place)), it)), null),
    );
    const found = await Promise.all(besides);
    if (asked.start !== shown) return;
    view.setMarked(asked.start, asked.start + flow.pieces.length);
    const named = (states, { name }) => states.map((it) => ({ ...it, label: nameOf(it, others.length ? name : "") }));
    const states = named(flow.states, first);
    const missing = [...refused];
    found.forEach(([other, reason], n) => {
      if (other) states.push(...named(other.states, others[n]));
      else missing.push([others[n].name, reason]);
    });
    stopChart();
    replaceChildren(curves);
    stopChart = decayChart(curves, states);
    replaceChildren(
      halfLives,
      halfLifeTable(states),
      ...missing.map(([name, reason]) => note(`${name} cannot be shown beside it: ${reason}`)),
    );
    replaceChildren(maps, ...flow.states.map((it) => gradientMap(it, flow)));
  }

  await load().catch(status.fail);
  return () => {
    stopChart();
    view.stop();
  };
}

/** What the server is asked for a cursor in the text of a run: the steps around it. */
function questionAround(cursor, { run, answer: { steps } }) {
  const before = Math.floor(cursor / EVERY) * EVERY - EVERY;
  const start = clamp(before, 0, Math.max(0, Math.floor((steps - STEPS) / EVERY) * EVERY));
  return { start, text: state.text, run };
}

function nameOf({ name, layer }, run = "") {
  return `${run ? `${run}: ` : ""}${name}, layer ${layer}`;
}

function decayChart(root, states) {
  const longest = states.reduce((most, it) => (it.curve.length > most.length ? it.curve : most), []);
  const distances = longest.map((_, distance) => distance);
  const series = states.map((it) => ({ label: it.label, y: distances.map((n) => it.curve[n] ?? null) }));
  return lineChart(root, distances, series, {
    title: "Mean gradient by distance",
    log: true,
    xLabel: "distance t − s, steps",
    yLabel: "gradient norm",
    caption: "Mean norm over the predictions that reach back as far.",
  });
}

function halfLifeTable(states) {
  const rows = states.map((it) => [
    it.label,
    it.half_life === null ? "not reached" : `after ${fixed(it.half_life, 1)} steps`,
    it.rate < 1 ? `every ${short(Math.log(0.5) / Math.log(it.rate))} steps` : `grows by ${percent(it.rate - 1)} a step`,
    fixed(it.r2),
  ]);
  const columns = ["gradient with respect to", "first half gone", "later halves", "fit, r²"];
  const caption =
    "The first half is counted from distance 1. What is left then halves at the rate of a line fitted to the logarithm " +
    "of the curve.";
  return dataTable(columns, rows, { name: "How gradients fade", caption });
}

/** ‖∂L_t / ∂h_s‖ in MathML. */
function gradientFormula() {
  const of = (name, children) => {
    const element = document.createElementNS("http://www.w3.org/1998/Math/MathML", name);
    element.append(...children);
    return element;
  };
  const sign = (text) => of("mo", [text]);
  const indexed = (letter, index) => of("msub", [of("mi", [letter]), of("mi", [index])]);
  const partial = (letter, index) => of("mrow", [of("mi", ["∂"]), indexed(letter, index)]);
  return of("math", [of("mrow", [sign("‖"), partial("L", "t"), sign("/"), partial("h", "s"), sign("‖")])]);
}

function gradientMap(it, { start, pieces, decades }) {
  const box = el("div", {}, el("h3", {}, nameOf(it)));
  const { values, shape } = unpack(it.triangle);
  for (let t = 0; t < shape[0]; t++) values.fill(Number.NaN, t * shape[1] + t + 1, (t + 1) * shape[1]); // later states
  const sizeOf = (share) => it.top * 10 ** ((share - 1) * decades);
  const norm = (share) => (share <= 0 ? `less than ${short(sizeOf(0), 2)}` : short(sizeOf(share), 2));
  const place = (n) => `${visible(pieces[n])} (${start + n})`;
  heatMap(box, values, shape[0], shape[1], {
    kind: "sequential",
    height: 400,
    unit: "gradient norm",
    scaleTicks: [0, 0.5, 1].map((share) => [share, `${share ? "" : "≤ "}${short(sizeOf(share), 2)}`]),
    missing: "the state comes later",
    xLabel: "state after step s",
    yLabel: "prediction after step t",
    rowName: (t) => String(start + t),
    columnName: (s) => spelled(pieces[s]),
    label: `Gradients of ${it.name} in layer ${it.layer}, every prediction against every step`,
    rowLabel: (t) => `predicted after ${place(t)}`,
    columnLabel: (s) => `state after ${place(s)}`,
    cellText: (value) => `‖gradient‖ ${norm(value)}`,
  });
  return box;
}
