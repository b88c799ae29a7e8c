// Attention: a table of shares with a label for every row and column.

import { painted, shade } from "../colours.js";
import { el, statusLine, visible } from "../dom.js";
import { heatMap } from "./heat_map.js";
import { arrowStep } from "./keys.js";
import { saveBar } from "./save.js";
import { CHARACTER, INK, svgElement, svgText } from "./svg.js";

const MOST = 8000; // cells of a table; more are drawn without their labels
const SQUARE = 18; // px of a cell in a file

/** Draw shares from 0 to 1, row after row. `describe(row, column, value)` is a sentence on one of them. */
export function matrix(root, values, rows, columns, { label, describe }) {
  if (rows.length * columns.length > MOST) {
    heatMap(root, values, rows.length, columns.length, {
      kind: "sequential",
      scale: 1,
      height: 400,
      label,
      rowLabel: (r) => visible(rows[r]),
      columnLabel: (c) => visible(columns[c]),
    });
    return;
  }
  const value = (r, c) => values[r * columns.length + c];
  const current = statusLine();
  let here = [0, 0];
  function show(r, c) {
    current.show(describe(r, c, value(r, c)));
  }
  function go(r, c) {
    cells[here[0]][here[1]].classList.remove("cursor");
    here = [(r + rows.length) % rows.length, (c + columns.length) % columns.length];
    cells[here[0]][here[1]].classList.add("cursor");
    show(...here);
  }
  const cells = rows.map((_, r) =>
    columns.map((_, c) =>
      el("td", {
        title: describe(r, c, value(r, c)),
        on: { pointerenter: () => show(r, c), click: () => go(r, c) },
      }),
    ),
  );
  const grid = labelledGrid(cells, rows, columns, label);
  painted(grid, () => {
    for (const [r, row] of cells.entries()) {
      for (const [c, cell] of row.entries()) {
        cell.style.setProperty("background-color", shade("sequential", value(r, c))[0]);
      }
    }
  })();
  grid.addEventListener("keydown", (event) => {
    const step = arrowStep(event);
    if (step) go(here[0] + step[0], here[1] + step[1]);
  });
  const save = saveBar(label, { svg: () => matrixSvg(value, rows, columns, label) });
  root.append(el("div", { class: "scrolled" }, grid), el("div", { class: "foot" }, current.element, save));
}

function areLong(labels) {
  return labels.some((it) => [...it].length > 2);
}

function labelledGrid(cells, rows, columns, label) {
  const turned = areLong(columns) ? "turned" : null;
  const head = columns.map((it) => el("th", { scope: "col", class: turned }, visible(it)));
  const body = rows.map((it, r) => el("tr", {}, el("th", { scope: "row" }, visible(it)), ...cells[r]));
  return el(
    "table",
    { class: "matrix", tabindex: "0", "aria-label": `${label}; arrow keys move through it` },
    el("thead", {}, el("tr", {}, el("td"), ...head)),
    el("tbody", {}, ...body),
  );
}

/** The matrix as an SVG document, with a square for each share. */
function matrixSvg(value, rows, columns, label) {
  const space = (labels) => 16 + CHARACTER * Math.max(2, ...labels.map((it) => [...visible(it)].length));
  const turned = areLong(columns);
  const left = Math.ceil(space(rows));
  const top = Math.ceil(30 + (turned ? space(columns) : 16));
  const width = Math.max(left + SQUARE * columns.length + 10, 160);
  const height = top + SQUARE * rows.length + 10;
  const columnLabel = (it, c) => {
    const x = left + SQUARE * (c + 0.5);
    if (!turned) return svgText(x, top - 6, visible(it), { "text-anchor": "middle" });
    return svgText(0, 0, visible(it), { transform: `translate(${x + 4} ${top - 4}) rotate(-90)` });
  };
  return svgElement(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}`, "font-family": "system-ui, sans-serif", fill: INK },
    svgElement("title", {}, label),
    svgElement("rect", { width, height, fill: "#fff" }),
    svgText(10, 18, label, { "font-size": 13, "font-weight": 600 }),
    ...columns.map(columnLabel),
    ...rows.map((it, r) => svgText(left - 6, top + SQUARE * r + 13, visible(it), { "text-anchor": "end" })),
    ...rows.flatMap((_, r) =>
      columns.map((_, c) => {
        const fill = shade("sequential", value(r, c))[0];
        const size = SQUARE - 1;
        return svgElement("rect", { x: left + SQUARE * c, y: top + SQUARE * r, width: size, height: size, fill });
      }),
    ),
  );
}
