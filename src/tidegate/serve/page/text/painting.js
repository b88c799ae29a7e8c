// The elements of a line of text: its tokens with their tints and marks, and what stands below each.

import { shade } from "../colours.js";
import { el, spelled, visible } from "../dom.js";

/** The element of a line. `look`: the layout and what is marked in it (see TextView). */
export function lineElement(look, line, row) {
  const element = el("div", { class: "line" });
  element.style.top = `${line * row}px`;
  element.style.height = `${row}px`;
  const [from, to] = look.layout.lines[line];
  for (let n = from; n < to; n++) element.append(look.rows ? column(look, n) : unit(look, n));
  return element;
}

function unit({ layout, rows, tints, classes, cursor, marked }, n) {
  const token = layout.tokens[n];
  const element = spanOf("unit", visible(layout.shown(n, rows > 0)));
  element.dataset.n = n;
  if (token === "\n" || token === "\t") element.classList.add("sign");
  if (tints && Number.isFinite(tints.values[n])) tint(element, tints.kind, tints.values[n] / tints.scale);
  const more = classes?.(n);
  if (more) element.classList.add(...more.split(" "));
  if (n === cursor) element.classList.add("cursor");
  if (marked && n >= marked[0] && n < marked[1]) element.classList.add("marked");
  return element;
}

function column(look, n) {
  const element = spanOf(look.layout.least ? "column word" : "column", "");
  element.style.width = `${look.layout.widths[n] * look.cell}px`;
  element.append(unit(look, n));
  for (const [text, share] of look.below?.(n) ?? []) {
    const line = spanOf("below", spelled(text));
    tint(line, "share", share);
    element.append(line);
  }
  return element;
}

// Not by `el`: a scroll makes thousands of them.
function spanOf(name, text) {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = text;
  return span;
}

function tint(element, kind, value) {
  const [background, ink] = shade(kind, value);
  element.style.backgroundColor = background;
  element.style.color = ink;
}

/** The width of a column and the height of a line, in px, of a text that has `rows` lines below each token. */
export function measured(inner, rows) {
  const probe = spanOf("unit", "x".repeat(20));
  const column = spanOf("column", "");
  column.append(spanOf("unit", "x"));
  for (let n = 0; n < rows; n++) column.append(spanOf("below", "x"));
  const line = el("div", { class: "line" }, probe, column);
  inner.append(line);
  const cell = probe.getBoundingClientRect().width / 20;
  const height = rows ? column.getBoundingClientRect().height + GAP : parseFloat(getComputedStyle(line).lineHeight);
  line.remove();
  return { cell, row: Math.ceil(height) };
}

const GAP = 4; // px between a token's last line and the next line's tokens
