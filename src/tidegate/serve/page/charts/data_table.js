// A table of numbers, with its caption below it and a bar that copies or saves them.

import { el, table } from "../dom.js";
import { saveBar } from "./save.js";

/**
 * A table as a figure. `columns`, `rows`, `onRow` and `rest` as in `table` (dom.js); `name` says what it holds, for its files. What is
 * saved of a cell that is an element is its `data-value`, or its text.
 */
export function dataTable(columns, rows, { name, caption = "", ...options }) {
  const plain = (it) => (it instanceof Element ? (it.dataset.value ?? it.textContent) : it);
  const all = () => [columns.map((it) => it.name ?? it), ...rows.map((row) => row.map(plain))];
  return el(
    "figure",
    { class: "table" },
    table(columns, rows, { ...options, label: name }),
    el("figcaption", {}, el("span", {}, caption), saveBar(name, { rows: all })),
  );
}
