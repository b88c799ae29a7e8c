// Colours of numbers. The scales come from the server, so that page, terminal and figures show the same.

import { about } from "./state.js";

/** The colour of a curve; curves are told apart by their dashes besides. */
export function curve(n) {
  return about.palette.lines[n % about.palette.lines.length];
}

/** Whether the page is dark. */
export function dark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** The entry of a scale for a number: [background, text]. Diverging: -1 .. 1; sequential: 0 .. 1. */
export function shade(kind, value) {
  const scale = about.palette[dark() ? "dark" : "light"][kind];
  const share = kind === "diverging" ? (value + 1) / 2 : value;
  const at = Math.round(Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0.5)) * (scale.length - 1));
  return scale[at];
}

/** `paint` paints an element: it is called again whenever the page turns light or dark, and what the element holds stays. */
export function painted(element, paint) {
  element.classList.add("painted");
  element.addEventListener("repaint", paint);
  return paint;
}

/** The page turned light or dark: everything that has colours of its own is painted anew. */
export function repaint() {
  for (const element of document.querySelectorAll(".painted")) element.dispatchEvent(new Event("repaint"));
}
