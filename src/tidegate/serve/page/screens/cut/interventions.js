// The controls of an intervention on the chosen hidden unit, and the interventions that were added before it.

import { inAddress } from "../../address_settings.js";
import { choice, el, labelled } from "../../dom.js";
import { choose, state } from "../../state.js";

const KINDS = [
  ["ablate", "ablate: set to 0"],
  ["set_to", "set to a value"],
  ["clamp", "clamp between two values"],
  ["swap", "swap with another hidden unit"],
];

/**
 * `controls`; `added`, `add()` and `clear()`: those added before; `all()`: them and the one that is set, as plain data.
 * `without`: a kind that cannot be chosen; `more()`: what else says which hidden unit is meant.
 */
export function interventionChooser(onChange, { without = "", more = () => ({}) } = {}) {
  const number = (name, value) => inAddress(name, el("input", { type: "number", step: "any", value }));
  const fields = {
    value: number("value", "0"),
    low: number("low", "-1"),
    high: number("high", "1"),
    other: number("other", "0"),
  };
  const labels = { value: "Value", low: "Lowest value", high: "Highest value", other: "Other hidden unit" };
  const boxes = Object.entries(fields).map(([name, field]) => [name, labelled(labels[name], field)]);
  const shown = { ablate: [], set_to: ["value"], clamp: ["low", "high"], swap: ["other"] };
  let added = addedBefore();
  const kinds = KINDS.filter(([name]) => name !== without);
  const changeKind = () => {
    show();
    onChange();
  };
  const select = inAddress("kind", choice(kinds, "ablate", changeKind));

  function show() {
    for (const [name, box] of boxes) box.hidden = !shown[select.value].includes(name);
  }

  function setAdded(interventions) {
    added = interventions;
    choose({ added: added.length ? JSON.stringify(added) : undefined });
    onChange();
  }

  function intervention() {
    const unit = { layer: state.layer, name: state.name, unit: state.unit };
    const [value, low, high, other] = Object.values(fields).map((it) => Number(it.value));
    const kind = select.value;
    if (kind === "swap") return { ...unit, other };
    if (kind === "clamp") return { ...unit, low, high, ...more() };
    const to = kind === "ablate" ? 0 : value;
    return { ...unit, low: to, high: to, ...more() };
  }

  show();
  return {
    controls: [labelled("Intervention", select), ...boxes.map(([, box]) => box)],
    get added() {
      return added;
    },
    add: () => setAdded([...added, intervention()]),
    clear: () => setAdded([]),
    all: () => [...added, intervention()],
  };
}

/** The interventions that the address holds. Whether they are possible the server says, as of all others. */
function addedBefore() {
  try {
    const found = JSON.parse(state.added ?? "[]");
    return Array.isArray(found) ? found.filter((it) => it?.constructor === Object) : [];
  } catch {
    return []; // an address that somebody has typed
  }
}
