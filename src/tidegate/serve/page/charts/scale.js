// A colour scale with its numbers and unit: beside everything that is tinted.

import { painted, scaleColours } from "../colours.js";
import { el } from "../dom.js";
import { fixed } from "../numbers.js";
import { svgElement } from "./standalone.js";

/**
 * A scale to put beside a tint. `kind`: "diverging" (from -top by 0 to top) or "sequential" (from 0 to top). `label` says
 * what is tinted and `unit` in what it is counted. `ticks`: [[place from 0 to 1, text], ...] instead of the ends and the
 * middle. `missing`: what a cell without a value means, if there are any.
 */
export function colourScale({ kind, top = 1, unit = "", label = "", ticks = ticksOf(kind, top), missing = "" }) {
  const bar = el("span", { class: "scale-bar", "aria-hidden": "true" });
  painted(bar, () => {
    bar.style.setProperty("background-image", `linear-gradient(to right, ${scaleColours(kind).join(", ")})`);
  })();
  const numbers = ticks.map(([at, text]) => el("span", { style: { left: `${100 * at}%` } }, text));
  const said = `${label ? `${label}: ` : ""}colours from ${ticks[0][1]} to ${ticks.at(-1)[1]}${unit ? ` ${unit}` : ""}`;
  return el(
    "span",
    { class: "scale", role: "img", "aria-label": missing ? `${said}; grey: ${missing}` : said },
    label && el("span", { class: "scale-label" }, label),
    el("span", { class: "scale-body" }, bar, el("span", { class: "scale-ticks" }, ...numbers)),
    unit && el("span", { class: "scale-label" }, unit),
    missing && el("span", { class: "scale-missing" }, missing),
  );
}

/** The same for a drawing: `mark(x, y)` is a mark of Plot's, `height` the px that it needs. */
export function scaleMark({ kind, unit, ticks, missing }) {
  const wide = 160;
  const mark = (x, y) => () => {
    const colours = scaleColours(kind);
    const each = wide / colours.length;
    const rects = colours.map((fill, n) =>
      svgElement("rect", { x: x + n * each, y, width: each + 0.5, height: 12, fill }),
    );
    const anchors = ["start", ...ticks.slice(2).map(() => "middle"), "end"];
    const texts = ticks.map(([at, text], n) =>
      svgElement("text", { x: x + at * wide, y: y + 25, "text-anchor": anchors[n] }, text),
    );
    const beside = [unit, missing && `grey: ${missing}`].filter((it) => it).join("; ");
    const label = svgElement("text", { x: x + wide + 10, y: y + 11, "text-anchor": "start" }, beside);
    return svgElement("g", { fill: "var(--faint)" }, ...rects, ...texts, label);
  };
  return { height: 40, mark };
}

/** The ends and the middle of a scale: [[place from 0 to 1, text], ...]. `beyond`: whether some values are beyond its ends. */
export function ticksOf(kind, top, beyond = false) {
  const values = kind === "diverging" ? [-top, 0, top] : [0, top / 2, top];
  const texts = values.map((it) => (it === 0 ? "0" : fixed(it, Math.max(0, 1 - Math.floor(Math.log10(top))))));
  if (beyond) texts[2] = `≥ ${texts[2]}`;
  if (beyond && kind === "diverging") texts[0] = `≤ ${texts[0]}`;
  return texts.map((text, n) => [n / 2, text]);
}
