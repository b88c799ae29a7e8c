// Save as SVG: a button in the corner of a chart, which writes the chart into a file.

import { inLight } from "../colours.js";
import { button } from "../dom.js";
import { about, state } from "../state.js";

/** A button that saves what `draw()` returns, an SVG element, drawn in light colours. `name` says which chart it is. */
export function saveButton(name, draw) {
  const label = `Save as SVG: ${name}`;
  return button("Save as SVG", () => download(fileName(name), inLight(draw)), {
    class: "save",
    title: label,
    "aria-label": label,
  });
}

function fileName(name) {
  const parts = [about.runs[0].name, state.screen, name].map((it) => it.replace(/[^\p{L}\p{N}]+/gu, "-"));
  return `${parts.join("-").replace(/-+/g, "-").replace(/^-|-$/g, "").slice(0, 100)}.svg`;
}

function download(name, svg) {
  const blob = new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" });
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser may still be reading it
}
