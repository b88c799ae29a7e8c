// Attention: a matrix of shares with a label for every row and column.

import { heatMap } from "../chart.js";
import { painted, shade } from "../colours.js";
import { el, visible } from "../dom.js";

const MOST = 8000; // cells of a table; more are drawn without their labels

/** Shares from 0 to 1, row after row. `tell(row, column, value)` says one in words. */
export function matrix(root, values, rows, columns, { label, tell }) {
  const told = el("p", { class: "told", "aria-live": "polite" }, "\u00a0"),
    wide = columns.length;
  const said = (r, c) => {
    told.textContent = tell(r, c, values[r * wide + c]);
  };
  if (rows.length * wide > MOST) {
    heatMap(root, values, rows.length, wide, {
      kind: "sequential",
      scale: 1,
      height: 400,
      label,
      rowLabel: (r) => visible(rows[r]),
      columnLabel: (c) => visible(columns[c]),
    });
    return;
  }
  const cells = rows.map((_, r) =>
    columns.map((_, c) => {
      const cell = el("td", {
        title: tell(r, c, values[r * wide + c]),
        on: { pointerenter: () => said(r, c), click: () => go(r, c) },
      });
      return cell;
    }),
  );
  const long = columns.some((it) => [...it].length > 2);
  const head = el(
    "tr",
    {},
    el("td"),
    ...columns.map((it) => el("th", { scope: "col", class: long ? "turned" : null }, visible(it))),
  );
  const body = rows.map((it, r) => el("tr", {}, el("th", { scope: "row" }, visible(it)), ...cells[r]));
  const grid = el(
    "table",
    { class: "matrix", tabindex: "0", "aria-label": `${label}; arrow keys move through it` },
    el("thead", {}, head),
    el("tbody", {}, ...body),
  );
  painted(grid, () =>
    cells.forEach((row, r) =>
      row.forEach((cell, c) =>
        cell.style.setProperty("background-color", shade("sequential", values[r * wide + c])[0]),
      ),
    ),
  )();
  let here = [0, 0];
  function go(r, c) {
    cells[here[0]][here[1]].classList.remove("cursor");
    here = [(r + rows.length) % rows.length, (c + wide) % wide];
    cells[here[0]][here[1]].classList.add("cursor");
    said(...here);
  }
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    go(here[0] + step[0], here[1] + step[1]);
  });
  root.append(el("div", { class: "scrolled" }, grid), told);
}
