// A few named numbers as bars from zero, one of them this model's or this unit's own.

import { el } from "../dom.js";
import { readable } from "../numbers.js";
import { saveBar } from "./save.js";

/** A figure of bars: `rows` of {name, value, role}, "own" or "other"; `signed` numbers are changes. */
export function namedBars(rows, { caption, unit, signed = false }) {
  const values = rows.map((it) => it.value);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const place = (value) => (100 * (value - low)) / (high - low || 1);
  const texts = readable(values).map((it, n) => (signed && values[n] > 0 ? `+${it}` : it));
  const row = ({ name, value, role }, n) => {
    const [from, to] = [place(Math.min(0, value)), place(Math.max(0, value))];
    const style = { "margin-left": `${from.toFixed(2)}%`, width: `${(to - from).toFixed(2)}%` };
    return el(
      "tr",
      { class: role },
      el("th", { scope: "row" }, name),
      el("td", { class: "length" }, el("span", { style })),
      el("td", { class: "number" }, texts[n]),
    );
  };
  const cells = () => [["name", unit], ...rows.map((it) => [it.name, it.value])];
  return el(
    "figure",
    {},
    el("table", { class: "named-bars", "aria-label": caption }, el("tbody", {}, ...rows.map(row))),
    el("figcaption", {}, el("span", {}, `${caption}; ${unit}`), saveBar(caption, { rows: cells })),
  );
}
