// A matrix as colours on a canvas, with the number under the pointer, and as SVG in a file.

import { isDark, painted, shade } from "../colours.js";
import { el, statusLine } from "../dom.js";
import { clamp, range } from "../numbers.js";
import { about } from "../state.js";
import { arrowStep } from "./keys.js";
import { saveBar } from "./save.js";
import { CHARACTER, GRID, plot, round, svgElement, svgText, ticks } from "./svg.js";

/**
 * Draw a matrix. `values`: row after row. Options: `kind` ("diverging", "sequential"), `scale`, `rowLabel(r)`,
 * `columnLabel(c)`, `cellText(value)`, `onPick(r, c)`, `height` in px, `label`, `marked` (a row). Returns `mark(row)`,
 * which moves the mark to another row.
 */
export function heatMap(root, values, rows, columns, options = {}) {
  const map = {
    values,
    rows,
    columns,
    kind: "diverging",
    scale: 1,
    rowLabel: String,
    columnLabel: String,
    cellText: (value) => Number(value.toPrecision(3)),
    label: "Heat map",
    ...options,
  };
  const { height = 260, onPick = null, marked = null } = options;
  const canvas = heatCanvas(map, onPick !== null);
  canvas.style.height = `${height}px`;
  painted(canvas, () => paint(canvas, map))();
  const cell = statusLine();
  const rowMark = el("div", { class: "row-mark", "aria-hidden": "true" });
  const mark = (row) => {
    rowMark.style.display = row === null ? "none" : "block";
    rowMark.style.top = `${(row / rows) * 100}%`;
    rowMark.style.height = `${Math.max(2, height / rows)}px`;
  };
  mark(marked);
  const describe = (row, column) => {
    const value = map.cellText(values[row * columns + column]);
    cell.show(`${map.rowLabel(row)} · ${map.columnLabel(column)}: ${value}`);
  };
  canvas.addEventListener("pointermove", (event) => describe(...cellAt(event, canvas, rows, columns)));
  let here = [marked ?? 0, 0];
  if (onPick) {
    const pick = (row, column) => {
      here = [row, column];
      mark(row);
      onPick(row, column);
    };
    canvas.addEventListener("click", (event) => pick(...cellAt(event, canvas, rows, columns)));
    canvas.addEventListener("keydown", (event) => {
      const step = arrowStep(event);
      if (!step) return;
      const to = [(here[0] + step[0] + rows) % rows, (here[1] + step[1] + columns) % columns];
      describe(...to);
      pick(...to);
    });
  }
  const save = saveBar(map.label, { svg: () => heatMapSvg(map) });
  root.append(el("div", { class: "heatbox" }, canvas, rowMark), el("div", { class: "foot" }, cell.element, save));
  return {
    mark(row) {
      here[0] = row;
      mark(row);
    },
  };
}

function heatCanvas({ rows, columns, label }, picks) {
  const name = picks ? `${label}; arrow keys move through it` : label;
  const role = picks ? "application" : "img";
  const size = { width: columns, height: rows };
  return el("canvas", { class: "heat", ...size, tabindex: picks ? "0" : null, role, "aria-label": name });
}

/** Paint a canvas with a pixel for each cell. */
function paint(canvas, { values, rows, columns, kind, scale }) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(Math.max(1, columns), Math.max(1, rows));
  const bytes = new Map(); // of a colour
  for (let n = 0; n < rows * columns; n++) {
    const [background] = shade(kind, values[n] / scale);
    if (!bytes.has(background)) {
      const channels = [1, 3, 5].map((at) => parseInt(background.slice(at, at + 2), 16));
      bytes.set(background, [...channels, 255]);
    }
    image.data.set(bytes.get(background), 4 * n);
  }
  context.putImageData(image, 0, 0);
}

function cellAt(event, canvas, rows, columns) {
  const box = canvas.getBoundingClientRect();
  const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
  const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
  return [clamp(row, 0, rows - 1), clamp(column, 0, columns - 1)];
}

/** The heat map as an SVG document: an image with a pixel for each cell, labelled axes, and the scale of colours. */
function heatMapSvg(map) {
  const { rows, columns, label, rowLabel, columnLabel } = map;
  const ends = scaleEnds(map);
  const longest = Math.max(...ends.map((it) => it.length));
  const canvas = el("canvas", { width: columns, height: rows });
  paint(canvas, map);
  const [width, height] = [640, clamp(16 * rows, 160, 420)];
  const { svg, frame } = plot({
    title: label,
    width,
    height,
    right: 44 + longest * CHARACTER,
    x: { low: -0.5, high: columns - 0.5, label: "", ticks: indexTicks(columns, 6, columnLabel) },
    y: { low: rows - 0.5, high: -0.5, label: "", ticks: indexTicks(rows, 10, rowLabel) },
  });
  const place = { x: round(frame.left), y: frame.top, width, height };
  svg.append(
    svgElement("image", {
      ...place,
      preserveAspectRatio: "none",
      "image-rendering": "pixelated",
      href: canvas.toDataURL("image/png"),
    }),
    svgElement("rect", { ...place, fill: "none", stroke: GRID }),
    ...colourBar(map.kind, ends, frame),
  );
  return svg;
}

function indexTicks(count, most, label) {
  const places = count <= most ? range(count) : ticks(0, count - 1, most).filter(Number.isInteger);
  return places.map((n) => [n, label(n)]);
}

/** What the lowest and the highest colour stand for. */
function scaleEnds({ kind, scale, cellText }) {
  return [kind === "diverging" ? -scale : 0, scale].map((it) => String(cellText(it)));
}

function colourBar(kind, [low, high], frame) {
  const colours = about.palette[isDark() ? "dark" : "light"][kind];
  const left = round(frame.right + 16);
  const each = frame.height / colours.length;
  return [
    ...colours.map(([fill], n) => {
      const y = round(frame.bottom - (n + 1) * each);
      return svgElement("rect", { x: left, y, width: 14, height: round(each + 0.5), fill });
    }),
    svgText(left + 20, frame.bottom, low),
    svgText(left + 20, frame.top + 9, high),
  ];
}
