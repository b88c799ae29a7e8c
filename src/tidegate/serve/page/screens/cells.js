// Cells: the text tinted by one unit's value; all units over what is seen, to pick one.

import { ask, known, live, unpack } from "../ask.js";
import { heatMap } from "../chart.js";
import { choice, el, fill, labelled, table, visible } from "../dom.js";
import { about, choose, listen, state } from "../state.js";
import { piecesOf, TextView } from "../textview.js";

const SEEN = 120; // steps of the map of all units

/** The choice of layer, gate or state, and unit: shared by the screens that look at one unit. */
export function pickers() {
  const run = about.runs[0];
  const layers = Array.from({ length: run.layers }, (_, n) => [String(n), `layer ${n}`]);
  const unit = el("input", {
    type: "number",
    min: "0",
    max: String(run.units - 1),
    value: String(state.unit),
    on: { change: () => choose({ unit: Math.max(0, Math.min(run.units - 1, Math.round(Number(unit.value)) || 0)) }) },
  });
  const layer = choice(layers, String(state.layer), (value) => choose({ layer: Number(value) }));
  const name = choice(run.names, state.name, (value) => choose({ name: value }));
  const stop = listen(() => {
    unit.value = state.unit;
    layer.value = String(state.layer);
    name.value = state.name;
  });
  return {
    row: el(
      "div",
      { class: "controls" },
      labelled("Layer", layer),
      labelled("Gate or state", name),
      labelled("Unit", unit),
    ),
    stop,
  };
}

// The size that one value in a hundred exceeds: a few large units would make all others pale.
function common(values, scale) {
  const sizes = values.map(Math.abs).sort();
  return sizes[Math.floor(0.99 * (sizes.length - 1))] || scale;
}

export async function show(root) {
  const said = await ask("text", { text: state.text, run: 0 });
  const pieces = piecesOf(said),
    picked = pickers();
  const text = el("div", { class: "main" }),
    map = el("div", { class: "map" }),
    value = el("p", { class: "told", "aria-live": "polite" });
  const finder = el("section", { class: "finder" });
  root.append(
    el(
      "p",
      { class: "lead" },
      "The text, tinted by one unit: red above zero, blue below. Pick a unit from what the finder found, by number, or from the map below.",
    ),
    el("div", { class: "beside wide" }, el("div", {}, picked.row, text, value), finder),
    el("h2", {}, "All units"),
    map,
  );
  const view = new TextView(text, {
    label: "The text, tinted by the unit's value",
    height: "45vh",
    onCursor: (n) => {
      choose({ at: n });
      tell();
    },
  });
  view.setText(pieces);
  view.setCursor(state.at);
  // An answer that another question has overtaken is not shown.
  let strip = null,
    drawn = "",
    rows = null,
    tinted = 0,
    held = 0;

  function tell() {
    if (strip)
      value.textContent = `unit ${strip.layer}/${strip.unit} ${strip.name} after ${visible(pieces[view.cursor])}: ${strip.values[view.cursor].toFixed(3)} (the scale ends at ±${strip.scale.toFixed(2)})`;
  }

  async function tint() {
    const { layer, name, unit } = state,
      mine = ++tinted;
    try {
      const got = await ask("strip", { text: state.text, run: 0, layer, direction: 0, name, unit });
      if (mine !== tinted) return;
      strip = { layer, name, unit, ...unpack(got) };
      value.classList.remove("wrong");
      view.setTint(strip.values, "diverging", strip.scale);
      tell();
    } catch (error) {
      if (mine !== tinted) return;
      strip = null;
      view.setTint(null);
      wrong(error);
    }
  }

  async function all() {
    const { layer, name } = state;
    let start = Math.max(0, Math.min(view.seen[0], said.steps - SEEN));
    let asked = {
      text: state.text,
      run: 0,
      layer,
      direction: 0,
      name,
      start,
      stop: Math.min(start + SEEN, said.steps),
    };
    if (!known("window", asked)) asked = { ...asked, start: (start = 0), stop: Math.min(SEEN, said.steps) };
    const key = JSON.stringify(asked);
    if (key === drawn) return;
    drawn = key;
    let got;
    try {
      got = await ask("window", asked);
    } catch (error) {
      if (key !== drawn) return;
      [drawn, rows] = ["", null];
      fill(map, el("p", { class: "wrong" }, error.message));
      return;
    }
    if (key !== drawn) return;
    const {
      shape: [steps, units],
      scale,
      values,
    } = unpack(got);
    const turned = new Float32Array(values.length);
    for (let t = 0; t < steps; t++) for (let u = 0; u < units; u++) turned[u * steps + t] = values[t * units + u];
    fill(map);
    rows = heatMap(map, turned, units, steps, {
      scale: common(values, scale),
      height: Math.max(160, Math.min(420, 2 * units)),
      label: `${name} of all units of layer ${layer}`,
      marked: state.unit,
      rowLabel: (u) => `unit ${u}`,
      columnLabel: (t) => `${start + t} ${visible(pieces[start + t])}`,
      onPick: (u, t) => {
        choose({ unit: u, at: start + t });
        view.setCursor(start + t);
        tell();
      },
    });
  }

  async function holds(detector) {
    const mine = ++held;
    let found;
    try {
      found = await ask("holds", { detector, text: state.text, run: 0 });
    } catch (error) {
      if (mine === held) wrong(error);
      return;
    }
    if (mine !== held) return;
    const { kind, values } = found;
    view.setClasses((n) =>
      values[n] === null ? null : (kind === "yes/no" ? values[n] > 0.5 : values[n] > 0) ? "holds" : null,
    );
  }

  function pick(finding, own) {
    choose({ layer: finding.layer, name: finding.name, unit: finding.unit });
    if (own) {
      held++;
      view.setClasses(null);
    } else holds(finding.detector);
  }

  const score = (it, value) => (it.kind === "yes/no" ? `AUC ${value.toFixed(2)}` : `r ${value.toFixed(2)}`);

  function results(said, own) {
    const rows = said.found.map((it) => [
      it.detector,
      `${it.layer}/${it.unit} ${it.name}${it.sign < 0 ? " (low)" : ""}`,
      score(it, it.score),
      it.untrained.toFixed(2),
      it.shuffled.toFixed(2),
    ]);
    const first = said.found[0];
    const tried = first
      ? `${first.values.toLocaleString("en")} values × ${first.detectors} ${first.detectors > 1 ? "detectors" : "detector"} tried on ${said.searched.toLocaleString("en")} held-out ${about.runs[0].unit}s at most; chosen on one half, scored on the other.`
      : "";
    return [
      table(["goes with", "unit", "score", "untrained", "shuffled"], rows, { onRow: (n) => pick(said.found[n], own) }),
      el("p", { class: "told" }, tried + (said.absent.length ? ` Not in that text: ${said.absent.join(", ")}.` : "")),
    ];
  }

  async function find(pattern) {
    const own = pattern !== "",
      place = own ? mine : built;
    fill(place, el("p", { class: "told" }, "Searching all units, untrained twins and shuffled labels …"));
    try {
      fill(place, ...results(await ask("found", own ? { pattern } : {}), own));
    } catch (error) {
      fill(place, el("p", { class: "wrong" }, error.message));
    }
  }

  const built = el("div"),
    mine = el("div");
  const regex = el("input", {
    type: "text",
    placeholder: "a regular expression",
    "aria-label": "A regular expression of your own",
    on: {
      keydown: (event) => {
        if (event.key === "Enter" && regex.value) find(regex.value);
      },
    },
  });
  fill(
    finder,
    el("h2", {}, "What the finder found"),
    built,
    live
      ? el(
          "div",
          { class: "controls" },
          regex,
          el("button", { on: { click: () => regex.value && find(regex.value) } }, "Find its unit"),
        )
      : null,
    mine,
    el(
      "p",
      { class: "told" },
      "Underlined: where the detector holds. Untrained and shuffled are the controls: the best of the same search in three untrained twins, and for labels moved along the text.",
    ),
  );

  const wrong = (error) => {
    value.textContent = error.message;
    value.classList.add("wrong");
  };
  const stop = listen((changed) => {
    if (["layer", "name", "unit"].some((it) => changed.has(it))) tint();
    if (changed.has("unit")) rows?.mark(state.unit);
    if (["layer", "name"].some((it) => changed.has(it))) all();
  });
  let later = 0;
  view.box.addEventListener(
    "scroll",
    () => {
      clearTimeout(later);
      later = setTimeout(all, 200);
    },
    { passive: true },
  );
  await tint();
  await all();
  find("");
  return () => {
    tinted++;
    clearTimeout(later);
    stop();
    picked.stop();
    view.stop();
  };
}
