// Names at the ends of lines, at the right of the frame, moved apart where they would overlap.

import { svgElement } from "./standalone.js";

const LINE = 14; // px from one name to the next
const LETTER = 7.6; // px of a bold one of 12 px, about
const LONGEST = 26; // letters
const EARLY = 24; // px from the end of a line to the end of the frame

/** The space in px that the names need at the right: at most 45% of the width. */
export function labelSpace(labels, width) {
  return Math.min(0.45 * width, 18 + LETTER * Math.max(...labels.map((it) => shortened(it.text, width).length)));
}

/**
 * A mark that writes names. `labels`: [{text, x, y, fill, quiet}, ...], x and y as values of the axes. The name of a line
 * that ends before the frame does is written where it ends; without x, lines go all the way.
 */
export function endLabels(all) {
  return (_index, { x, y }, _values, { width, height, marginRight, marginTop, marginBottom }) => {
    const left = width - marginRight;
    const isEarly = (it) => it.x !== undefined && x(it.x) < left - EARLY;
    const labels = all.filter((it) => !isEarly(it));
    const places = apart(
      labels.map((it) => y(it.y)),
      [marginTop, height - marginBottom],
    );
    const group = svgElement("g", { class: "end-labels", "text-anchor": "start" });
    labels.forEach((it, n) => {
      const from = y(it.y);
      const fill = it.quiet ? "var(--faint)" : it.fill;
      if (Math.abs(places[n] - from) > 2)
        group.append(
          svgElement("path", { d: `M${left + 1} ${from}L${left + 7} ${places[n]}`, stroke: fill, fill: "none" }),
        );
      const look = { x: left + 9, y: places[n] + 4, fill, "font-weight": it.quiet ? null : 600 };
      group.append(svgElement("text", look, shortened(it.text, width)));
    });
    for (const it of all.filter(isEarly)) {
      const at = { x: x(it.x) + 5, y: y(it.y) - 5, fill: it.fill, "font-weight": 600 };
      const halo = { stroke: "var(--ground)", "stroke-width": 3, "paint-order": "stroke" };
      group.append(svgElement("text", { ...at, ...halo }, shortened(it.text, width)));
    }
    return group;
  };
}

function shortened(text, width) {
  const most = Math.min(LONGEST, Math.floor((0.45 * width - 18) / LETTER));
  const letters = [...text];
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : text;
}

/** The nearest places to those wished for, in their order, a line's height apart, and within a range if there is room. */
function apart(wished, [low, high]) {
  const order = wished.map((_, n) => n).sort((a, b) => wished[a] - wished[b]);
  const places = [...wished];
  let free = low;
  for (const n of order) {
    places[n] = Math.max(wished[n], free);
    free = places[n] + LINE;
  }
  let end = high;
  for (const n of order.toReversed()) {
    places[n] = Math.min(places[n], end);
    end = places[n] - LINE;
  }
  return places;
}
