// Memory: how much the state at each step could have changed each prediction, and how that falls with the distance.

import { ask, isAvailable } from "../ask.js";
import { heatMap } from "../charts/heat_map.js";
import { lineChart } from "../charts/line_chart.js";
import { el, replaceChildren, statusLine, table, visible } from "../dom.js";
import { clamp, unpack } from "../numbers.js";
import { choose, state } from "../state.js";
import { TextView, tokensOf } from "../textview.js";

const STEPS = 120; // in one answer of the server,
const EVERY = 40; // which begins at a multiple of this

export async function show(root) {
  const answer = await ask("text", { text: state.text, run: 0 });
  const text = el("div", { class: "main" });
  const status = statusLine("");
  const curves = el("div");
  const halfLives = el("div");
  const maps = el("div", { class: "columns" });
  const lead =
    "How much the surprise at one step would change if a state at an earlier step changed a little: ‖dL_t/dh_s‖, and " +
    "the same for the other states. A network cannot learn what its gradient does not reach.";
  root.append(
    el("p", { class: "lead" }, lead),
    el(
      "div",
      { class: "columns" },
      el("div", {}, el("h2", {}, `${STEPS} steps around the cursor`), text, status.element),
      el("div", {}, el("h2", {}, "Mean gradient against distance"), curves, halfLives),
    ),
    el("h2", {}, "From which step (across) to which prediction (down)"),
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
  view.setText(tokensOf(answer));
  view.setCursor(state.at);
  let shown = -1; // the first step that is shown or asked for
  let stopChart = () => {};

  async function load() {
    let start = startAround(view.cursor, answer.steps);
    if (!isAvailable("flow", { start, text: state.text })) {
      status.show("The report has the beginning of the text only; the live page has all of it.");
      if (shown >= 0) return;
      start = 0;
    }
    if (start === shown) return;
    shown = start;
    const flow = await ask("flow", { start, text: state.text });
    if (start !== shown) return;
    view.setMarked(start, start + flow.pieces.length);
    stopChart();
    replaceChildren(curves);
    stopChart = decayChart(curves, flow.states);
    replaceChildren(halfLives, halfLifeTable(flow.states));
    replaceChildren(maps, ...flow.states.map((it) => gradientMap(it, flow)));
  }

  await load().catch(status.fail);
  return () => {
    stopChart();
    view.stop();
  };
}

/** The first of the steps that the server is asked for, for a cursor. */
function startAround(cursor, steps) {
  const before = Math.floor(cursor / EVERY) * EVERY - EVERY;
  return clamp(before, 0, Math.max(0, Math.floor((steps - STEPS) / EVERY) * EVERY));
}

function nameOf({ name, layer }) {
  return `${name}, layer ${layer}`;
}

function decayChart(root, states) {
  const distances = states[0].curve.map((_, distance) => distance);
  const series = states.map((it) => ({ label: nameOf(it), y: it.curve }));
  const title = "Mean gradient against distance";
  return lineChart(root, distances, series, { title, log: true, xLabel: "distance, steps", yLabel: "gradient norm" });
}

function halfLifeTable(states) {
  const rows = states.map((it) => [
    nameOf(it),
    it.half_life === null ? "not reached" : it.half_life.toFixed(1),
    `${it.rate.toFixed(3)}${it.rate > 1 ? " (grows)" : ""}`,
    it.r2.toFixed(2),
  ]);
  const caption = "Half-life from distance 1; the factor is that of a line fitted to the logarithm";
  return table(["state", "half-life, steps", "factor per step", "r²"], rows, { caption });
}

function gradientMap(it, { start, pieces, decades }) {
  const title = `${nameOf(it)}: the largest is ${it.top.toPrecision(3)}; the scale spans ${decades} decades`;
  const box = el("div", {}, el("h3", {}, title));
  const { values, shape } = unpack(it.triangle);
  const norm = (share) => (share <= 0 ? "less" : (it.top * 10 ** ((share - 1) * decades)).toPrecision(2));
  const place = (n) => `${visible(pieces[n])} (${start + n})`;
  heatMap(box, values, shape[0], shape[1], {
    kind: "sequential",
    height: 320,
    label: `Gradients of ${it.name} in layer ${it.layer}, every prediction against every step`,
    rowLabel: (t) => `predicted after ${place(t)}`,
    columnLabel: (s) => `state after ${place(s)}`,
    cellText: (value) => `‖gradient‖ ${norm(value)}`,
  });
  return box;
}
