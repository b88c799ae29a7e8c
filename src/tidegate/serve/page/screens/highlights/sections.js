// A section of a story: a heading, its parts by their kind, and links to where to look further.

import { dataTable } from "../../charts/data_table.js";
import { namedBars } from "../../charts/named_bars.js";
import { saveBar } from "../../charts/save.js";
import { colourScale } from "../../charts/scale.js";
import { painted, shade } from "../../colours.js";
import { el, spelled, visible } from "../../dom.js";
import { indented, indentedText } from "../../text/indentation.js";
import { addressOf, isThere } from "./stops.js";

export function sectionElement({ name, title, parts, links }) {
  const there = links.filter((it) => isThere(it.screen));
  const [seen, ...rest] = split(parts).map((some) => some.map((part) => PARTS[part.kind](part, title)));
  const ways = there.length ? el("p", { class: "ways" }, ...there.map(linkElement)) : null;
  const shown = rest.length
    ? [el("div", { class: "halves" }, el("div", {}, ...seen), el("div", {}, ...rest[0], ways))]
    : [...seen, ways];
  return el("section", { class: `about-${name}` }, el("h2", {}, title), ...shown);
}

/** A text and what leads to it stand beside what follows. */
function split(parts) {
  const text = parts.findIndex((it) => it.kind === "strip");
  return text < 0 ? [parts] : [parts.slice(0, text + 1), parts.slice(text + 1)];
}

function linkElement(link) {
  return el("a", { class: "button", href: addressOf(link) }, link.title);
}

const PARTS = { sentence, strip, bars, table, sample };

function sentence({ text, lead }) {
  return el("p", { class: lead ? "said lead-in" : "said" }, text);
}

/** A text, each token tinted by the unit's value; underlined where the property holds. */
function strip({ label, pieces, values, holds, top, property }) {
  const spans = pieces.map((piece, n) => {
    const props = { class: holds[n] ? "holds" : null, title: `${spelled(piece)}: ${values[n].toFixed(2)}` };
    return el("span", props, broken(piece));
  });
  const box = el(
    "p",
    { class: "strip", role: "group", "aria-label": `A text tinted by ${label}` },
    ...indented(pieces, spans),
  );
  painted(box, () => {
    spans.forEach((span, n) => {
      const [ground, ink] = shade("diverging", values[n] / top);
      span.style.backgroundColor = ground;
      span.style.color = ink;
    });
  })();
  const scale = colourScale({ kind: "diverging", top, label });
  const rows = () => [["text", label, property || "holds"], ...pieces.map((it, n) => [it, values[n], holds[n]])];
  const underlined = el("span", {}, holds.includes(true) ? `Underlined: ${property}` : "");
  return el("figure", {}, box, el("figcaption", {}, underlined, scale, saveBar(label, { rows })));
}

function broken(piece) {
  return piece.split("\n").map(visible).join("\n");
}

function bars({ caption, unit, bars: rows, signed }) {
  return namedBars(rows, { caption, unit, signed });
}

function table({ caption, columns, rows, code }, title) {
  const cell = (it, k) => (code.includes(k) ? el("code", { data: { value: it } }, spelled(it)) : it);
  return dataTable(
    columns,
    rows.map((row) => row.map(cell)),
    { name: title, caption },
  );
}

function sample({ prompt, text }) {
  return el(
    "pre",
    { class: "sample" },
    prompt ? el("span", { class: "prompt" }, prompt) : null,
    ...indentedText(text.replace(/^\n+/, "")),
  );
}
