// Which gate or state is matched, and on the live page how: from which value on a unit is on, and where it must be off.

import { inAddress } from "../../address_settings.js";
import { live } from "../../ask.js";
import { choice, el, labelled } from "../../dom.js";
import { about, choose, state } from "../../state.js";
import { layerOptions } from "../../unit_picker.js";

const THRESHOLD = "0.3"; // the server's default, as those of the steps before and after
const MARGIN = "1";

/** `element`; `chosen()`: layer and name; `threshold`: a number, which can be set; `question(start, stop)` for the server. */
export function matchControls(token, onChange) {
  const run = about.runs[0];
  // A report has the states only; a gate that was chosen on another screen is replaced by the last state.
  const names = live ? run.names : run.states;
  const number = (name, value, props) =>
    inAddress(name, el("input", { type: "number", value, ...props, on: { change: onChange } }));
  const threshold = number("threshold", THRESHOLD, { step: "any" });
  const before = number("before", MARGIN, { min: "0", step: "1" });
  const after = number("after", MARGIN, { min: "0", step: "1" });
  const layer = choice(layerOptions(run.layers), String(state.layer), (value) => choose({ layer: Number(value) }));
  const name = choice(names, names.includes(state.name) ? state.name : names.at(-1), (value) =>
    choose({ name: value }),
  );
  const chosen = () => ({ layer: Number(layer.value), name: name.value });
  const liveControls = [
    labelled("On means at least", threshold),
    labelled(`Off for so many ${token}s before`, before),
    labelled("and after", after),
  ];
  return {
    element: el(
      "div",
      { class: "controls" },
      labelled("Layer", layer),
      labelled("Gate or state", name),
      live ? liveControls : null,
    ),
    chosen,
    follow() {
      layer.value = String(state.layer);
      if (names.includes(state.name)) name.value = state.name;
    },
    get threshold() {
      return Number(threshold.value);
    },
    /** Set the threshold; it is in the address once it is `final`. */
    setThreshold(value, isFinal) {
      threshold.value = String(value);
      if (isFinal) threshold.dispatchEvent(new Event("change"));
    },
    question(start, stop) {
      const asked = { start, stop, ...chosen(), text: state.text };
      if (Number(threshold.value) !== Number(THRESHOLD)) asked.threshold = threshold.value;
      if (before.value !== MARGIN) asked.before = before.value;
      if (after.value !== MARGIN) asked.after = after.value;
      return asked;
    },
  };
}
