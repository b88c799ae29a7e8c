// Cells: the text tinted by one unit's value; all units over what is seen, to pick one.

import { ask, known, unpack } from "../ask.js";
import { choice, el, fill, labelled, visible } from "../dom.js";
import { heatMap } from "../chart.js";
import { about, choose, listen, state } from "../state.js";
import { piecesOf, TextView } from "../textview.js";

const SEEN = 120; // steps of the map of all units

/** The choice of layer, gate or state, and unit: shared by the screens that look at one unit. */
export function pickers() {
  const run = about.runs[0];
  const layers = Array.from({ length: run.layers }, (_, n) => [String(n), `layer ${n}`]);
  const unit = el("input", { type: "number", min: "0", max: String(run.units - 1), value: String(state.unit), on: { change: () => choose({ unit: Math.max(0, Math.min(run.units - 1, Math.round(Number(unit.value)) || 0)) }) } });
  const layer = choice(layers, String(state.layer), (value) => choose({ layer: Number(value) }));
  const name = choice(run.names, state.name, (value) => choose({ name: value }));
  const stop = listen(() => {
    unit.value = state.unit;
    layer.value = String(state.layer);
    name.value = state.name;
  });
  return { row: el("div", { class: "controls" }, labelled("Layer", layer), labelled("Gate or state", name), labelled("Unit", unit)), stop };
}

// The size that one value in a hundred exceeds: a few large units would make all others pale.
function common(values, scale) {
  const sizes = values.map(Math.abs).sort();
  return sizes[Math.floor(0.99 * (sizes.length - 1))] || scale;
}

export async function show(root) {
  const said = await ask("text", { text: state.text, run: 0 });
  const pieces = piecesOf(said), picked = pickers();
  const text = el("div", { class: "main" }), map = el("div", { class: "map" }), value = el("p", { class: "told" });
  root.append(picked.row, text, value, el("h2", {}, "All units"), map);
  const view = new TextView(text, { label: "The text, tinted by the unit's value", height: "45vh", onCursor: (n) => { choose({ at: n }); tell(); } });
  view.setText(pieces);
  view.setCursor(state.at);
  let strip = null, drawn = "";

  function tell() {
    if (strip) value.textContent = `unit ${state.layer}/${state.unit} ${state.name} after ${visible(pieces[view.cursor])}: ${strip.values[view.cursor].toFixed(3)} (the scale ends at ±${strip.scale.toFixed(2)})`;
  }

  async function tint() {
    const { layer, name, unit } = state;
    strip = unpack(await ask("strip", { text: state.text, run: 0, layer, direction: 0, name, unit }));
    view.setTint(strip.values, "diverging", strip.scale);
    tell();
  }

  async function all() {
    const { layer, name } = state;
    let start = Math.max(0, Math.min(view.seen[0], said.steps - SEEN));
    let asked = { text: state.text, run: 0, layer, direction: 0, name, start, stop: Math.min(start + SEEN, said.steps) };
    if (!known("window", asked)) asked = { ...asked, start: (start = 0), stop: Math.min(SEEN, said.steps) };
    const key = JSON.stringify([asked, state.unit]);
    if (key === drawn) return;
    drawn = key;
    const { shape: [steps, units], scale, values } = unpack(await ask("window", asked));
    const turned = new Float32Array(values.length);
    for (let t = 0; t < steps; t++) for (let u = 0; u < units; u++) turned[u * steps + t] = values[t * units + u];
    fill(map);
    heatMap(map, turned, units, steps, {
      scale: common(values, scale), height: Math.max(160, Math.min(420, 2 * units)), label: `${name} of all units of layer ${layer}`, marked: state.unit,
      rowLabel: (u) => `unit ${u}`, columnLabel: (t) => `${start + t} ${visible(pieces[start + t])}`,
      onPick: (u, t) => { choose({ unit: u, at: start + t }); view.setCursor(start + t); },
    });
  }

  const wrong = (error) => { value.textContent = error.message; };
  const stop = listen((changed) => {
    if (["layer", "name", "unit"].some((it) => changed.has(it))) tint().catch(wrong);
    if (["layer", "name"].some((it) => changed.has(it))) all().catch(wrong);
  });
  let later = 0;
  view.box.addEventListener("scroll", () => { clearTimeout(later); later = setTimeout(() => all().catch(wrong), 200); }, { passive: true });
  await tint();
  await all();
  return () => { clearTimeout(later); stop(); picked.stop(); view.stop(); };
}
