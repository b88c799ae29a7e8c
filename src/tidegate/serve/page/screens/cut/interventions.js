// The controls of an intervention on the chosen hidden unit, and the interventions that were added before it.

import { choice, el, labelled } from "../../dom.js";
import { state } from "../../state.js";

const KINDS = [
  ["ablate", "ablate: set to 0"],
  ["set_to", "set to a value"],
  ["clamp", "clamp between two values"],
  ["swap", "swap with another hidden unit"],
];

/** `controls`; `added`, `add()` and `clear()`: those added before; `all()`: them and the one that is set, as plain data. */
export function interventionChooser(onChange) {
  const number = (value) => el("input", { type: "number", step: "any", value });
  const fields = {
    value: number("0"),
    low: number("-1"),
    high: number("1"),
    other: number("0"),
  };
  const labels = { value: "Value", low: "Lowest value", high: "Highest value", other: "Other hidden unit" };
  const boxes = Object.entries(fields).map(([name, field]) => [name, labelled(labels[name], field)]);
  const shown = { ablate: [], set_to: ["value"], clamp: ["low", "high"], swap: ["other"] };
  let kind = "ablate";
  let added = [];
  const select = choice(KINDS, kind, (chosen) => {
    kind = chosen;
    show();
    onChange();
  });

  function show() {
    for (const [name, box] of boxes) box.hidden = !shown[kind].includes(name);
  }

  function intervention() {
    const unit = { layer: state.layer, name: state.name, unit: state.unit };
    const [value, low, high, other] = Object.values(fields).map((it) => Number(it.value));
    if (kind === "swap") return { ...unit, other };
    if (kind === "clamp") return { ...unit, low, high };
    const to = kind === "ablate" ? 0 : value;
    return { ...unit, low: to, high: to };
  }

  show();
  return {
    controls: [labelled("Intervention", select), ...boxes.map(([, box]) => box)],
    get added() {
      return added;
    },
    add() {
      added.push(intervention());
      onChange();
    },
    clear() {
      added = [];
      onChange();
    },
    all: () => [...added, intervention()],
  };
}
