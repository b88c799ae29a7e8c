// A drawing of the page as a file of its own: what style sheets say of it is written into its elements.

import { el } from "../dom.js";

const STYLES = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-opacity",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
];
const NAMESPACE = "http://www.w3.org/2000/svg";
const MARGIN = 10; // px, and the title's line
const TITLE = 24;

/** The SVG element as a document with a title and a white ground, in the colours of the theme that is set. */
export function standalone(svg, title) {
  const holder = el("div", { class: "visually-hidden" }, svg);
  document.body.append(holder);
  const styles = [svg, ...svg.querySelectorAll("*")].map((it) => [it, stylesOf(it)]);
  holder.remove();
  for (const [element, written] of styles) {
    for (const name of ["class", "style"]) element.removeAttribute(name);
    for (const [name, value] of written) element.setAttribute(name, value);
  }
  const [width, height] = ["width", "height"].map((it) => Number(svg.getAttribute(it)));
  const [wide, tall] = [width + 2 * MARGIN, height + 2 * MARGIN + TITLE];
  const inner = svgElement("g", { transform: `translate(${MARGIN} ${MARGIN + TITLE})` }, ...svg.childNodes);
  const heading = { x: MARGIN, y: MARGIN + 13, "font-size": "14px", "font-weight": 600, "text-anchor": "start" };
  svg.replaceChildren(
    svgElement("title", {}, title),
    svgElement("rect", { width: wide, height: tall, fill: "#fff", stroke: "none" }),
    svgElement("text", { ...heading, stroke: "none", fill: "#1b1b1b" }, title),
    inner,
  );
  for (const [name, value] of Object.entries({ width: wide, height: tall, viewBox: `0 0 ${wide} ${tall}` }))
    svg.setAttribute(name, value);
  for (const name of ["tabindex", "role", "aria-label"]) svg.removeAttribute(name);
  return svg;
}

// Every one of these styles is inherited: it is written where it differs from that of the element around.
function stylesOf(element) {
  const style = getComputedStyle(element);
  const around = element.ownerSVGElement && getComputedStyle(element.parentElement);
  const written = STYLES.filter((name) => !around || style[name] !== around[name]).map((name) => [name, style[name]]);
  if (style.opacity !== "1") written.push(["opacity", style.opacity]);
  if (style.display === "none") written.push(["display", "none"]);
  return written;
}

/** An SVG element with attributes; null ones are left out. */
export function svgElement(tag, attributes = {}, ...children) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}
