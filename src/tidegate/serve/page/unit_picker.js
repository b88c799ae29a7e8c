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
  const within = (layer, unit) => clamp(unit, 0, run.sizes[layer] - 1);
  const chooseUnit = () => choose({ unit: within(state.layer, Math.round(Number(unit.value)) || 0) });
  const unit = el("input", { type: "number", min: "0", on: { change: chooseUnit } });
  const layer = choice(layerOptions(run.layers), "", (value) =>
    choose({ layer: Number(value), unit: within(Number(value), state.unit) }),
  );
  const name = choice(run.names, "", (value) => choose({ name: value }));
  const show = () => {
    unit.max = run.sizes[state.layer] - 1;
    unit.value = state.unit;
    layer.value = String(state.layer);
    name.value = state.name;
  };
  show();
  const controls = [labelled("Layer", layer), labelled("Gate or state", name), labelled("Hidden unit", unit)];
  return { row: el("div", { class: "controls" }, ...controls), stop: listen(show) };
}
