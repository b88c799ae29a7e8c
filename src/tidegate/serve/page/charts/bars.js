// Numbers as bars, with the number at the right.

import { el } from "../dom.js";
import { probability } from "../numbers.js";

/** A share from 0 to 1 as a bar in percent of its column, with a text at its right: the share, if none is given. */
export function bar(share, text = probability(share)) {
  const part = Math.max(0, Math.min(1, share));
  return el(
    "span",
    { class: "bar", data: { value: share }, style: { "--share": `${(100 * part).toFixed(2)}%` } },
    el("span", {}, text),
  );
}

/**
 * A number beside that of its control, as a bar: grey up to the control, then coloured up to the number. `scale` is where
 * the column ends.
 */
export function barBeyond(value, control, scale, text) {
  const part = (it) => `${(100 * Math.max(0, Math.min(1, it / (scale || 1)))).toFixed(2)}%`;
  const style = { "--share": part(value), "--control": part(Math.min(value, control)), "--mark": part(control) };
  return el("span", { class: "bar beyond", data: { value }, style }, el("span", {}, text));
}
