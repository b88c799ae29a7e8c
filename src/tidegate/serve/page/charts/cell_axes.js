// The axes of a heat map: names of columns along the top, of rows at the left; as many as there is room for.

import { range } from "../numbers.js";
import { svgElement } from "./standalone.js";

const LETTER = 7.3; // px of a letter of 12 px, about
const LONGEST = 14; // letters of a name
const LINE = 13; // px of a line of names

/**
 * The space that names need at the left and on top, and `marks(width, height)`, the mark that writes them into a frame of
 * that size. Names of columns that do not fit beside one another are turned; if they would still overlap, every n-th
 * column has its number instead.
 */
export function cellAxes({ rows, columns, order, rowName, columnName, xLabel, yLabel, cell = Infinity }, width) {
  const rowNames = order.map((row) => shortened(rowName(row)));
  const left = Math.ceil(12 + LETTER * longest(rowNames)) + (yLabel ? 16 : 0);
  const pitch = Math.min(cell, (width - left - 12) / columns);
  const names = range(columns).map((column) => shortened(columnName(column)));
  const { way, size } = namesAlong(names, pitch);
  const top = 8 + size + (xLabel ? 16 : 0);
  const marks = (across, down) => () => {
    const group = svgElement("g", { class: "cell-axes" });
    const add = (attributes, text) => group.append(svgElement("text", attributes, text));
    const high = down / rows;
    for (const n of every(rows, down / LINE)) {
      add({ x: left - 6, y: top + (n + 0.5) * high + 4, "text-anchor": "end" }, rowNames[n]);
    }
    const each = across / columns;
    const middle = (n) => left + (n + 0.5) * each;
    if (way === "turned") {
      for (const [n, it] of names.entries()) {
        add({ transform: `translate(${middle(n) + 4} ${top - 6}) rotate(-90)`, "text-anchor": "start" }, it);
      }
    } else if (way === "numbered") {
      for (const n of every(columns, across / 44)) add({ x: middle(n), y: top - 6 }, String(n));
    } else {
      for (const [n, it] of names.entries()) add({ x: middle(n), y: top - 6 }, it);
    }
    if (xLabel) add({ x: left, y: 11, "text-anchor": "start", class: "axis-name" }, xLabel);
    const at = `translate(11 ${top + down / 2}) rotate(-90)`;
    if (yLabel) add({ transform: at, class: "axis-name" }, yLabel);
    return group;
  };
  return { left, top, marks };
}

/**
 * How the names of columns are set along an axis with `pitch` px for each: beside one another, "turned" by a quarter, or
 * "numbered" where neither fits. `size`: px across the axis, along which turned names run.
 */
export function namesAlong(names, pitch) {
  const most = longest(names) * LETTER;
  if (most <= pitch + 1) return { way: "beside", size: LINE };
  return pitch >= LINE ? { way: "turned", size: Math.ceil(most) } : { way: "numbered", size: LINE };
}

function longest(names) {
  return Math.max(1, ...names.map((it) => [...it].length));
}

/** A name of at most 14 letters. */
export function shortened(name) {
  const letters = [...String(name)];
  return letters.length > LONGEST ? `${letters.slice(0, LONGEST - 1).join("")}…` : letters.join("");
}

/** Every n-th of `count` places such that at most `room` are named: n is 1, 2 or 5 times a power of ten. */
function every(count, room) {
  const steps = range(7).flatMap((power) => [1, 2, 5].map((it) => it * 10 ** power));
  const step = steps.find((it) => count <= it * Math.max(1, room));
  return range(Math.ceil(count / step)).map((n) => n * step);
}
