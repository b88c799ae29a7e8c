// A matrix as colours with labelled axes and its scale, and the number under the pointer.

import { painter } from "../colours.js";
import { statusLine } from "../dom.js";
import { clamp, range, short } from "../numbers.js";
import { cellAxes } from "./cell_axes.js";
import { figure, plotted } from "./figure.js";
import { arrowStep } from "./keys.js";
import { colourScale, scaleMark, ticksOf } from "./scale.js";
import { svgElement } from "./standalone.js";

const FITTING = 11; // px of a column in a file, in which the letters of a text fit
const WIDEST = 1600; // px of a file

/**
 * Draw a matrix. `values`: row after row; one that is not finite has no value, and is grey. Options:
 *
 * - `kind` ("diverging", "sequential"), `scale` (the number at the scale's end), `unit`, `scaleTicks` (as `ticks` of
 *   colourScale), `missing` (what it means that there is no value);
 * - `label`, `caption`, `xLabel`, `yLabel`; `height` in px; `cell`: a cell is at most so many px wide and high;
 * - `rowName(r)`, `columnName(c)`: short texts for the axes; `rowLabel(r)`, `columnLabel(c)`, `cellText(value)`: longer
 *   ones for the line below; `describe(r, c, value)` instead of these;
 * - `order`: the rows from top to bottom, where they are not as they come;
 * - `onPick(r, c)`; `marked`: a row.
 *
 * Returns `mark(row)`, which moves the mark to another row.
 */
export function heatMap(root, values, rows, columns, options = {}) {
  const map = {
    values,
    rows,
    columns,
    order: range(rows),
    kind: "diverging",
    scale: 1,
    rowName: String,
    columnName: String,
    rowLabel: options.rowName ?? String,
    columnLabel: options.columnName ?? String,
    cellText: (value) => short(value),
    missing: "no value",
    label: "Heat map",
    ...options,
  };
  const place = map.order.indexOf.bind(map.order); // of a row from the top
  const line = statusLine();
  const cursor = { row: options.marked ?? null, at: [options.marked ?? map.order[0], 0] };
  const describe = (row, column) => line.show(textOf(map, row, column));
  let shown = null; // the drawing on the page: its frame and its marks
  const draw = (width) => {
    const drawn = drawMap(width, map);
    drawn.mark(cursor.row === null ? null : place(cursor.row));
    return drawn;
  };
  const name = map.label;
  const saved = (width) => {
    const drawn = drawMap(Math.max(width, Math.min(WIDEST, FITTING * columns)), map, scaleMark(legend));
    drawn.mark(cursor.row === null ? null : place(cursor.row));
    return drawn.svg;
  };
  const numbers = () => [["", ...range(columns).map(map.columnLabel)], ...map.order.map((row) => rowOf(map, row))];
  const holes = values.some((it) => !Number.isFinite(it));
  const { kind, scale, unit } = map;
  const beyond = values.some((it) => Math.abs(it) > scale * 1.001);
  const ticks = map.scaleTicks ?? ticksOf(kind, scale, beyond);
  const legend = { kind, unit, ticks, missing: holes ? map.missing : "" };
  const caption = [map.caption && [map.caption, " "], colourScale(legend)].flat();

  function move(row, column, pick) {
    cursor.at = [row, column];
    describe(row, column);
    shown.cross(place(row), column);
    if (!pick || !map.onPick) return;
    mark(row);
    map.onPick(row, column);
  }

  function mark(row) {
    cursor.row = row;
    if (row !== null) cursor.at[0] = row;
    shown?.mark(row === null ? null : place(row));
  }

  function listen(drawn) {
    const { svg } = drawn;
    const at = (event) => {
      const [down, column] = drawn.cellAt(event);
      return [map.order[down], column];
    };
    svg.addEventListener("pointermove", (event) => {
      const [row, column] = at(event);
      describe(row, column);
      drawn.cross(place(row), column);
    });
    svg.addEventListener("pointerleave", () => drawn.cross(null));
    svg.addEventListener("click", (event) => move(...at(event), true));
    svg.addEventListener("keydown", (event) => {
      const step = arrowStep(event);
      if (!step) return;
      const down = (place(cursor.at[0]) + step[0] + rows) % rows;
      move(map.order[down], (cursor.at[1] + step[1] + columns) % columns, true);
    });
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("role", "application");
    svg.setAttribute("aria-label", `${name}; arrow keys move through it`);
  }

  const drawOnPage = (width) => {
    const focused = shown?.svg === document.activeElement && shown !== null;
    shown = draw(width);
    listen(shown);
    if (focused) requestAnimationFrame(() => shown.svg.focus());
    return shown.svg;
  };
  figure(root, drawOnPage, { name, caption, rows: numbers, saved, under: line.element });
  return { mark };
}

function textOf({ values, columns, rowLabel, columnLabel, cellText, describe, missing }, row, column) {
  const value = values[row * columns + column];
  if (describe) return describe(row, column, value);
  const text = Number.isFinite(value) ? cellText(value) : missing;
  return `${rowLabel(row)} · ${columnLabel(column)}: ${text}`;
}

function rowOf({ values, columns, rowLabel }, row) {
  const numbers =
    values.subarray?.(row * columns, (row + 1) * columns) ?? values.slice(row * columns, (row + 1) * columns);
  return [rowLabel(row), ...Array.from(numbers, (it) => (Number.isFinite(it) ? Number(it.toPrecision(6)) : ""))];
}

/** The drawing, and what finds and marks its cells: places are counted from the top, and from the left. */
function drawMap(width, map, scale = null) {
  const { rows, columns, cell = Infinity, label } = map;
  const axes = cellAxes(map, width);
  const across = Math.min(width - axes.left - 12, cell * columns);
  const down = Math.min(map.height ?? clamp(16 * rows, 120, 420), cell * rows);
  const frame = { x: axes.left, y: axes.top, width: across, height: down };
  const image = svgElement("image", {
    ...frame,
    preserveAspectRatio: "none",
    "image-rendering": "pixelated",
    href: pixels(map).toDataURL("image/png"),
  });
  const outline = svgElement("rect", { ...frame, class: "outline" });
  const rowMark = svgElement("rect", { class: "row-mark" });
  const cross = svgElement("rect", { class: "cell-mark" });
  const svg = plotted({
    width: Math.ceil(axes.left + across + 12),
    height: Math.ceil(axes.top + down + 8 + (scale?.height ?? 0)),
    marginLeft: axes.left,
    marginTop: axes.top,
    marginRight: 12,
    marginBottom: 8 + (scale?.height ?? 0),
    ariaLabel: label,
    x: { domain: [-0.5, columns - 0.5], axis: null },
    y: { domain: [rows - 0.5, -0.5], axis: null },
    marks: [
      () => image,
      () => outline,
      axes.marks(across, down),
      () => rowMark,
      () => cross,
      scale?.mark(axes.left, axes.top + down + 16),
    ],
  });
  svg.classList.add("heat");
  const [each, high] = [across / columns, down / rows];
  const put = (rect, box) => {
    rect.setAttribute("visibility", box ? "visible" : "hidden");
    for (const [key, value] of Object.entries(box ?? {})) rect.setAttribute(key, value);
  };
  return {
    svg,
    mark: (row) =>
      put(rowMark, row === null ? null : { ...frame, y: axes.top + row * high, height: Math.max(2, high) }),
    cross: (row, column) =>
      put(
        cross,
        row === null
          ? null
          : {
              x: axes.left + column * each,
              y: axes.top + row * high,
              width: Math.max(2, each),
              height: Math.max(2, high),
            },
      ),
    cellAt(event) {
      const box = image.getBoundingClientRect();
      const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
      const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
      return [clamp(row, 0, rows - 1), clamp(column, 0, columns - 1)];
    },
  };
}

/** A canvas with a pixel for each cell. */
function pixels({ values, rows, columns, order, kind, scale }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.max(1, columns), Math.max(1, rows)];
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const colourOf = painter(kind);
  order.forEach((row, down) => {
    for (let column = 0; column < columns; column++) {
      image.data.set(colourOf(values[row * columns + column] / scale), 4 * (down * columns + column));
    }
  });
  context.putImageData(image, 0, 0);
  return canvas;
}
