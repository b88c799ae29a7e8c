// The choice of a layer, a gate or state, and a hidden unit: shared by the screens that show one hidden unit.

import { choice, el, labelled } from "./dom.js";
import { clamp, range } from "./numbers.js";
import { about, choose, listen, state } from "./state.js";

/** [value, label] pairs for a list of layers. */
export function layerOptions(count) {
  return range(count).map((n) => [String(n), `layer ${n}`]);
}

/** `row`: the controls, which change what is chosen and follow it. `stop()` ends that. */
export function unitPicker() {
  const run = about.runs[0];
  const last = run.units - 1;
  const chooseUnit = () => choose({ unit: clamp(Math.round(Number(unit.value)) || 0, 0, last) });
  const unit = el("input", { type: "number", min: "0", max: String(last), on: { change: chooseUnit } });
  const layer = choice(layerOptions(run.layers), "", (value) => choose({ layer: Number(value) }));
  const name = choice(run.names, "", (value) => choose({ name: value }));
  const show = () => {
    unit.value = state.unit;
    layer.value = String(state.layer);
    name.value = state.name;
  };
  show();
  const controls = [labelled("Layer", layer), labelled("Gate or state", name), labelled("Hidden unit", unit)];
  return { row: el("div", { class: "controls" }, ...controls), stop: listen(show) };
}
