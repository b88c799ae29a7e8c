// Shares as bars with their number.

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
