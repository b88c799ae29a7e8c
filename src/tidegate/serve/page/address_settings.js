// Settings of the screen that is shown, such as a threshold: a control begins as the address has it, and writes there.

import { choose, state } from "./state.js";

const LONGEST = 2000; // characters; a longer value, a pasted prompt say, is not put into an address

/**
 * Let the address hold what is set by a control (a field, list or checkbox), by a name, unless it is `normal`. Returns
 * the control.
 */
export function inAddress(name, control, normal = valueIn(control)) {
  const wanted = state[name];
  if (wanted !== undefined) {
    if (control.type === "checkbox") control.checked = wanted === "on";
    else control.value = wanted;
    if (control.localName === "select" && control.selectedIndex < 0) control.value = normal; // no such choice
  }
  const write = () => {
    const value = valueIn(control);
    choose({ [name]: value === normal || value.length > LONGEST ? undefined : value });
  };
  control.addEventListener("change", write);
  write();
  return control;
}

function valueIn(control) {
  if (control.type === "checkbox") return control.checked ? "on" : "";
  return control.value;
}
