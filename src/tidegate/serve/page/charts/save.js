// Copy · CSV · SVG: a small bar at every table and figure, which copies or saves its numbers and its drawing.

import { inLight } from "../colours.js";
import { button, el } from "../dom.js";
import { about, state } from "../state.js";

/**
 * A bar for a table or figure. `name` says which. `rows()`: its numbers as rows of cells, the first of which are the
 * columns' names. `svg()`: an SVG element, drawn in light colours. What is not given has no button.
 */
export function saveBar(name, { rows = null, svg = null }) {
  const said = el("span", { "aria-live": "polite" });
  const action = (text, label, act) => button(text, act, { title: label, "aria-label": `${label}: ${name}` });
  const saveCsv = () => download(fileName(name, "csv"), "text/csv", csv(rows()));
  const saveSvg = () => download(fileName(name, "svg"), "image/svg+xml", svgText(inLight(svg)));
  return el(
    "div",
    { class: "save" },
    said,
    rows && action("Copy", "Copy the numbers", () => copy(rows(), said)),
    rows && action("CSV", "Save as CSV", saveCsv),
    svg && action("SVG", "Save as SVG", saveSvg),
  );
}

async function copy(rows, said) {
  const text = rows.map((row) => row.map((it) => String(it ?? "").replace(/[\t\n\r]+/g, " ")).join("\t")).join("\n");
  try {
    await navigator.clipboard.writeText(text);
    said.textContent = "copied";
  } catch {
    said.textContent = "the browser does not allow it: save as CSV";
  }
  setTimeout(() => said.replaceChildren(), 3000);
}

/** Rows as RFC 4180 has them. */
function csv(rows) {
  const cell = (it) => {
    const text = String(it ?? "");
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function svgText(svg) {
  return new XMLSerializer().serializeToString(svg);
}

function fileName(name, ending) {
  const parts = [about.runs[0].name, state.screen, name].map((it) => it.replace(/[^\p{L}\p{N}]+/gu, "-"));
  return `${parts.join("-").replace(/-+/g, "-").replace(/^-|-$/g, "").slice(0, 100)}.${ending}`;
}

function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser may still be reading it
}
