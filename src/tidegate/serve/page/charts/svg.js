// Charts as standalone SVG: axes with ticks, labels. Attributes only: the page's policy allows no inline styles.

export const INK = "#333";
export const GRID = "#ddd";
const NAMESPACE = "http://www.w3.org/2000/svg";
export const CHARACTER = 6.5; // px of a character at 11 px, about
const LONGEST = 30; // characters of a tick's label

/** An SVG element with attributes; null ones are left out. */
export function svgElement(tag, attributes = {}, ...children) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** A text at a place, of 11 px if no other `font-size` is given. */
export function svgText(x, y, text, attributes = {}) {
  return svgElement("text", { x: round(x), y: round(y), fill: INK, "font-size": 11, ...attributes }, text);
}

/** A coordinate as short as can be seen. */
export function round(value) {
  return Math.round(value * 100) / 100;
}

/** Round numbers from `low` to `high`, about `count` of them. */
export function ticks(low, high, count = 6) {
  const rough = (high - low) / count;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((it) => it * power).find((it) => it >= rough);
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first) + 1 }, (_, n) => Number(((first + n) * step).toPrecision(12)));
}

/** A tick on a logarithmic axis, whose numbers are decimal logarithms. */
export function logLabel(value) {
  return Number.isInteger(value) ? `1e${value}` : String(Number((10 ** value).toPrecision(2)));
}

function shortened(label) {
  const characters = [...label];
  return characters.length > LONGEST ? `${characters.slice(0, LONGEST - 1).join("")}…` : label;
}

/**
 * An SVG document with a frame and two axes. `x` and `y`: {low, high, label, ticks: [[value, label], ...]}; y grows
 * upwards, from `low` at the bottom. `right` and `below` reserve space in px. Returns the document, the frame, and
 * functions that map values to places.
 */
export function plot({ title, width, height, x, y, right = 16, below = 0 }) {
  const yTicks = y.ticks.map(([value, label]) => [value, shortened(String(label))]);
  const longest = Math.max(0, ...yTicks.map(([, label]) => [...label].length));
  const left = 36 + longest * CHARACTER;
  const frame = { left, top: 34, width, height, right: left + width, bottom: 34 + height };
  const [wide, tall] = [frame.right + right, frame.bottom + 46 + below].map(Math.ceil);
  const toX = (value) => round(frame.left + ((value - x.low) / (x.high - x.low)) * width);
  const toY = (value) => round(frame.bottom - ((value - y.low) / (y.high - y.low)) * height);
  const middle = { "text-anchor": "middle" };
  const svg = svgElement(
    "svg",
    { width: wide, height: tall, viewBox: `0 0 ${wide} ${tall}`, "font-family": "system-ui, sans-serif" },
    svgElement("title", {}, title),
    svgElement("rect", { width: wide, height: tall, fill: "#fff" }),
    svgText(frame.left, 20, title, { "font-size": 13, "font-weight": 600 }),
    ...x.ticks.flatMap(([value, label]) => [
      svgElement("path", { d: `M${toX(value)} ${frame.top}V${frame.bottom + 4}`, stroke: GRID }),
      svgText(toX(value), frame.bottom + 16, shortened(String(label)), middle),
    ]),
    ...yTicks.flatMap(([value, label]) => [
      svgElement("path", { d: `M${round(frame.left - 4)} ${toY(value)}H${round(frame.right)}`, stroke: GRID }),
      svgText(frame.left - 7, toY(value) + 4, label, { "text-anchor": "end" }),
    ]),
    svgText(frame.left + width / 2, frame.bottom + 34, x.label, middle),
    svgText(0, 0, y.label, { ...middle, transform: `translate(14 ${round(frame.top + height / 2)}) rotate(-90)` }),
  );
  return { svg, frame, toX, toY };
}
