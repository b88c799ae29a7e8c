// The places of an example at which something was decided: tagged words, tokens written, or steps by number.

import { button, el, labelled, visible } from "../../dom.js";

/** Buttons for the places of an answer, or a field for the number of a step; nothing where there is one place. */
export function placePicker({ at, place, places, count }, onPick, isAvailable) {
  if (!place) return null;
  if (!places.length && (count < 2 || !isAvailable(1))) return null;
  if (!places.length) {
    const change = () => onPick(Math.max(0, Math.min(count - 1, Math.round(Number(field.value)) || 0)));
    const field = el("input", { type: "number", min: "0", max: String(count - 1), value: String(at), on: { change } });
    return el("div", { class: "controls" }, labelled(`The ${place}`, field));
  }
  const buttons = places.map(([read, said], n) => {
    const label = said ? `${visible(read)} ${said}` : visible(read);
    return button(label, () => onPick(n), { "aria-pressed": String(n === at), disabled: !isAvailable(n) });
  });
  return el("div", { class: "controls places", role: "group", "aria-label": `The ${place} that is meant` }, ...buttons);
}
