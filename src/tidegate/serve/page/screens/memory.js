// Memory: which step's state could have changed which prediction, how that falls with distance, and how other cells do.

import { ask, known, unpack } from "../ask.js";
import { heatMap, lineChart } from "../chart.js";
import { el, fill, table, visible } from "../dom.js";
import { choose, state } from "../state.js";
import { piecesOf, TextView } from "../textview.js";

const STEPS = 120,
  EVERY = 40; // as the server cuts triangles

export async function show(root) {
  const said = await ask("text", { text: state.text, run: 0 });
  const pieces = piecesOf(said);
  const text = el("div", { class: "main" }),
    where = el("p", { class: "told", "aria-live": "polite" });
  const curves = el("div"),
    halves = el("div"),
    maps = el("div", { class: "columns" }),
    others = el("div");
  const overlaid = []; // what stops the curves of the overlay: they stay when the cursor moves
  let stops = [],
    start = -1,
    over = false;
  root.append(
    el(
      "p",
      { class: "lead" },
      "How much the surprise at one step would change if a state at an earlier step were nudged: ‖dL_t/dh_s‖, and the same for the other states. A network cannot learn what its gradient does not reach.",
    ),
    el(
      "div",
      { class: "columns" },
      el("div", {}, el("h2", {}, `The ${STEPS} steps that are looked at follow the cursor`), text, where),
      el("div", {}, el("h2", {}, "Mean gradient against distance"), curves, halves),
    ),
    el("h2", {}, "From which step (across) to which prediction (down)"),
    maps,
    others,
  );
  const view = new TextView(text, {
    label: "The text; the steps that are looked at are marked",
    height: "40vh",
    onCursor: (n) => {
      choose({ at: n });
      look().catch(wrong);
    },
  });
  view.setText(pieces);
  view.setCursor(state.at);
  const wrong = (error) => {
    where.textContent = error.message;
  };

  async function look() {
    let from = Math.max(
      0,
      Math.min(Math.floor(view.cursor / EVERY) * EVERY - EVERY, Math.floor((said.steps - STEPS) / EVERY) * EVERY),
    );
    if (!known("flow", { start: from, text: state.text })) {
      where.textContent = "The report has the beginning of the text only; the live page has all of it.";
      if (start >= 0) return;
      from = 0;
    }
    if (from === start) return;
    start = from;
    const found = await ask("flow", { start, text: state.text });
    if (from !== start) return;
    const count = found.pieces.length;
    view.setMarked(start, start + count);
    stops.forEach((stop) => stop());
    stops = [];
    fill(curves);
    fill(maps);
    const distances = found.states[0].curve.map((_, d) => d);
    const series = found.states.map((it) => ({ label: `${it.name}, layer ${it.layer}`, y: it.curve }));
    stops.push(
      lineChart(curves, distances, series, {
        log: true,
        xLabel: "distance, steps",
        yLabel: "gradient norm",
        height: 260,
      }),
    );
    const rows = found.states.map((it) => [
      `${it.name}, layer ${it.layer}`,
      it.half_life === null ? "not reached" : it.half_life.toFixed(1),
      `${it.rate.toFixed(3)}${it.rate > 1 ? " (grows)" : ""}`,
      it.r2.toFixed(2),
    ]);
    fill(
      halves,
      table(["state", "half-life, steps", "factor per step", "r²"], rows, {
        caption: `Half-life from distance 1; the factor is that of a line fitted to the logarithm`,
      }),
    );
    for (const it of found.states) {
      const box = el(
        "div",
        {},
        el(
          "h3",
          {},
          `${it.name}, layer ${it.layer}: the largest is ${it.top.toPrecision(3)}; ${found.decades} decades to nothing`,
        ),
      );
      maps.append(box);
      const { values, shape } = unpack(it.triangle);
      const norm = (share) => (share <= 0 ? "less" : (it.top * 10 ** ((share - 1) * found.decades)).toPrecision(2));
      heatMap(box, values, shape[0], shape[1], {
        kind: "sequential",
        scale: 1,
        height: 320,
        label: `Gradients of ${it.name} in layer ${it.layer}, every prediction against every step`,
        rowLabel: (t) => `predicted after ${visible(found.pieces[t])} (${start + t})`,
        columnLabel: (s) => `state after ${visible(found.pieces[s])} (${start + s})`,
        shown: (value) => `‖gradient‖ ${norm(value)}`,
      });
    }
  }

  function overlay() {
    const button = el(
      "button",
      { on: { click: () => compare(button) } },
      "Compare RNN, LSTM, GRU and a residual network",
    );
    const place = el("div", { class: "columns" });
    fill(others, el("h2", {}, "Theory, on the adding problem"), button, place);
    async function compare() {
      button.disabled = true;
      fill(place, el("p", { class: "told" }, "Training four small networks: some seconds …"));
      try {
        const found = await ask("overlay");
        if (over) return;
        fill(place);
        for (const steps of [...new Set(found.map((it) => it.steps))]) {
          const box = el("section", {}, el("h3", {}, steps ? `after ${steps} training steps` : "untrained"));
          place.append(box);
          const own = found.filter((it) => it.steps === steps),
            longest = Math.max(...own.map((it) => it.norms.length));
          const x = Array.from({ length: longest }, (_, d) => d);
          const series = own.map((it) => ({ label: `${it.name} ${it.state}`, y: x.map((d) => it.norms[d] ?? null) }));
          overlaid.push(
            lineChart(box, x, series, { log: true, xLabel: "distance: steps, or layers", yLabel: "gradient norm" }),
          );
        }
      } catch (error) {
        fill(place, el("p", { class: "wrong" }, error.message));
      }
    }
  }

  overlay();
  await look().catch(wrong);
  return () => {
    over = true;
    [...stops, ...overlaid].forEach((stop) => stop());
    view.stop();
  };
}
