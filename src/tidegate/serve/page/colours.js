// Colours of numbers. The scales come from the server, so that page and terminal show the same.

import { about } from "./state.js";

/** How many series have a colour of their own: --series-1 to --series-7 of theme.css. */
export const SERIES = 7;
const DASHES = [null, "6 3", "2 2", "8 3 2 3", "10 4", "1 3", "12 3 2 3 2 3"];

/** The colour of a series, which follows the theme: for styles and for attributes of SVG. */
export function curve(n) {
  return `var(--series-${(n % SERIES) + 1})`;
}

/** The dashes of a series as SVG has them, null for a solid line. No two of the first 49 have colour and dashes in common. */
export function dashes(n) {
  return DASHES[(n + Math.floor(n / SERIES)) % DASHES.length];
}

/** The backgrounds of a scale in the theme that is shown, lowest first. */
export function scaleColours(kind) {
  return about.palette[isDark() ? "dark" : "light"][kind].map(([background]) => background);
}

/** Whether the page is dark. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** The entry of a scale for a number: [background, text]. Diverging: -1 .. 1; sequential: 0 .. 1. */
export function shade(kind, value) {
  if (Number.isNaN(value)) return ["var(--missing)", "var(--ink)"];
  const scale = about.palette[isDark() ? "dark" : "light"][kind];
  const share = kind === "diverging" ? (value + 1) / 2 : value;
  return scale[Math.round(Math.min(1, Math.max(0, share)) * (scale.length - 1))];
}

/** A colour of theme.css, such as "--missing", in the theme that is shown: "rgb(...)". */
export function themeColour(name) {
  const probe = document.createElement("span");
  probe.style.setProperty("color", `var(${name})`);
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** What gives the bytes [red, green, blue, opacity] of a number on a scale, as in `shade`; what is not finite is grey. */
export function painter(kind) {
  const bytes = scaleColours(kind).map((it) => [...[1, 3, 5].map((at) => parseInt(it.slice(at, at + 2), 16)), 255]);
  const missing = [...themeColour("--missing").match(/\d+/g).map(Number), 255];
  const last = bytes.length - 1;
  return (value) => {
    if (!Number.isFinite(value)) return missing;
    const share = kind === "diverging" ? (value + 1) / 2 : value;
    return bytes[Math.round(Math.min(1, Math.max(0, share)) * last)];
  };
}

/** Register how an element is painted: `paint` is called again when the page turns light or dark. Returns `paint`. */
export function painted(element, paint) {
  element.classList.add("painted");
  element.addEventListener("repaint", paint);
  return paint;
}

/** Paint every registered element anew: the page has turned light or dark. */
export function repaint() {
  for (const element of document.querySelectorAll(".painted")) element.dispatchEvent(new Event("repaint"));
}

/** What `draw` returns, drawn in the colours of the light page. The page itself does not flash: it is painted later. */
export function inLight(draw) {
  const root = document.documentElement;
  const theme = root.dataset.theme;
  root.dataset.theme = "light";
  try {
    return draw();
  } finally {
    if (theme === undefined) delete root.dataset.theme;
    else root.dataset.theme = theme;
  }
}
