// Gates: one unit's gates and states around the cursor; how saturated every unit's gates are; memory times.

import { ask, unpack } from "../ask.js";
import { lineChart, scatter } from "../chart.js";
import { el, fill, table, visible } from "../dom.js";
import { about, choose, listen, state } from "../state.js";
import { piecesOf, TextView } from "../textview.js";
import { pickers } from "./cells.js";

const AROUND = 60; // steps to either side of the cursor

export async function show(root) {
  const run = about.runs[0],
    said = await ask("text", { text: state.text, run: 0 }),
    picked = pickers();
  const pieces = piecesOf(said);
  const text = el("div", { class: "main" }),
    inGates = el("div"),
    inStates = el("div"),
    where = el("p", { class: "told", "aria-live": "polite" });
  const plots = el("div", { class: "tiles" }),
    times = el("div");
  let charts = [],
    strips = null,
    tinted = 0,
    marks = [],
    found = null;
  root.append(
    el(
      "p",
      { class: "lead" },
      "One unit's gates and states at every step around the cursor; below, how open the gates of all units are, and how long units keep what they hold.",
    ),
    picked.row,
    el(
      "div",
      { class: "columns" },
      el("div", {}, text, where),
      el("div", {}, el("h2", {}, "Gates of the unit"), inGates, el("h2", {}, "Its states"), inStates),
    ),
    el("h2", {}, "Share of time near an end of the range, each point a unit"),
    plots,
    times,
  );
  const shown = {}; // the unit whose values `strips` has: a newer one may have been asked for
  const view = new TextView(text, {
    label: "The text, tinted by the unit's value",
    height: "50vh",
    onCursor: (n) => {
      choose({ at: n });
      course();
    },
  });
  view.setText(pieces);
  view.setCursor(state.at);

  async function unit() {
    const { layer, unit: which } = state,
      mine = ++tinted;
    let got;
    try {
      got = await Promise.all(
        run.names.map((name) => ask("strip", { text: state.text, run: 0, layer, direction: 0, name, unit: which })),
      );
    } catch (error) {
      if (mine === tinted) wrong(error);
      return;
    }
    if (mine !== tinted) return;
    [shown.layer, shown.unit] = [layer, which];
    strips = Object.fromEntries(run.names.map((name, n) => [name, unpack(got[n])]));
    view.setTint(strips[state.name].values, "diverging", strips[state.name].scale);
    course();
  }

  function course() {
    if (!strips) return;
    charts.forEach((stop) => stop());
    fill(inGates);
    fill(inStates);
    const from = Math.max(0, view.cursor - AROUND),
      to = Math.min(pieces.length, view.cursor + AROUND);
    const x = Array.from({ length: to - from }, (_, n) => from + n);
    const series = (names) =>
      names.map((name) => ({ label: name, y: Array.from(strips[name].values.subarray(from, to)) }));
    const gates = run.names.filter((it) => !run.states.includes(it));
    charts = [];
    if (gates.length)
      charts.push(lineChart(inGates, x, series(gates), { xLabel: "step", yLabel: "value", height: 200 }));
    charts.push(lineChart(inStates, x, series(run.states), { xLabel: "step", yLabel: "value", height: 180 }));
    where.classList.remove("wrong");
    const values = run.names.map((name) => `${name} ${strips[name].values[view.cursor].toFixed(2)}`).join(", ");
    where.textContent = `After ${visible(pieces[view.cursor])} at step ${view.cursor.toLocaleString("en")}, unit ${shown.layer}/${shown.unit}: ${values}`;
  }

  function saturation() {
    if (!found) return;
    marks = [];
    const percent = (share) => `${(100 * share).toFixed(1)}%`;
    const rows = found.squashed.map((it) => [
      `${it.layer}`,
      it.name,
      `${percent(it.shares[0])} below ${it.bounds[0]}`,
      `${percent(it.shares[1])} above ${it.bounds[1]}`,
    ]);
    fill(
      plots,
      found.unsquashed
        ? el("p", {}, found.unsquashed)
        : el("div", {}, table(["layer", "gate", "", ""], rows, { caption: "Over all units and steps of this text" })),
    );
    for (const it of found.squashed.filter((one) => one.layer === state.layer)) {
      const box = el("div");
      plots.append(box);
      const points = it.low.map((low, n) => [low, it.high[n]]);
      marks.push(
        scatter(box, points, {
          title: `${it.name}, layer ${it.layer}`,
          xLabel: `share of steps below ${it.bounds[0]}`,
          yLabel: `above ${it.bounds[1]}`,
          chosen: state.unit,
          label: (n) => `unit ${n}: ${percent(it.low[n])} below, ${percent(it.high[n])} above`,
          onPick: (n) => choose({ unit: n, name: it.name }),
        }),
      );
    }
    if (found.why) fill(times, el("h2", {}, "How long units remember"), el("p", {}, found.why));
    else {
      const own = found.memory.filter((it) => it.layer === state.layer);
      fill(
        times,
        el(
          "h2",
          {},
          "How long units remember: steps until a value has faded to 1/e, from the mean log of what is kept",
        ),
        ...own.map((it) => {
          const order = it.steps.map((steps, n) => [steps ?? Infinity, n]).sort((a, b) => b[0] - a[0]);
          const rows = order
            .slice(0, 12)
            .map(([steps, n]) => [`unit ${it.layer}/${n}`, Number.isFinite(steps) ? steps.toFixed(1) : "all of them"]);
          const middle = order[Math.floor(order.length / 2)][0];
          return table([`${it.state} of`, "steps"], rows, {
            caption: `The longest; half of the units keep less than ${middle.toFixed(1)} steps`,
            onRow: (n) => choose({ unit: order[n][1], name: it.state }),
          });
        }),
      );
    }
  }

  const wrong = (error) => {
    where.textContent = error.message;
    where.classList.add("wrong");
  };
  const stop = listen((changed) => {
    if (changed.has("layer")) saturation();
    else if (changed.has("unit")) marks.forEach((mark) => mark(state.unit));
    if (changed.has("layer") || changed.has("unit")) unit();
    else if (changed.has("name") && strips)
      view.setTint(strips[state.name].values, "diverging", strips[state.name].scale);
  });
  const told = ask("gates", { text: state.text, run: 0 }).then(
    (answer) => {
      found = answer;
      saturation();
    },
    (error) => fill(plots, el("p", { class: "wrong" }, error.message)),
  );
  await unit();
  await told;
  return () => {
    tinted++;
    charts.forEach((it) => it());
    stop();
    picked.stop();
    view.stop();
  };
}
