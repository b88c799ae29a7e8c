// Three measures over the steps of an example: tinted tokens or regions of an image, or curves where inputs are numbers.

import { lineChart } from "../../charts/line_chart.js";
import { colourScale } from "../../charts/scale.js";
import { painted, shade } from "../../colours.js";
import { el, note, visible } from "../../dom.js";
import { range, signed } from "../../numbers.js";
import { picture, unpackPictures } from "../../steps/pictures.js";

const MEASURES = [
  ["gradient_input", "Gradient × input", "What each step adds if the decision were a linear function of the inputs."],
  [
    "integrated",
    "Integrated gradients",
    "That gradient along the whole way from no input to this one: the parts sum to the whole.",
  ],
  ["erased", "Erasure", "What is lost with zeros in place of that one step: measured, not derived."],
];

/** Elements that show the measures of an answer. */
export function measures(answer) {
  const { read, steps, start } = answer;
  if (!read.length) {
    const box = el("div");
    const series = MEASURES.map(([name, title]) => ({ label: title, y: answer.measures[name] }));
    lineChart(
      box,
      range(steps).map((n) => start + n),
      series,
      { xLabel: "step", yLabel: answer.unit, height: 260 },
    );
    return [box, ...MEASURES.map(([, title, meaning]) => note(`${title}: ${meaning}`))];
  }
  const picture = answer.grid && answer.picture ? [whole(answer)] : [];
  return [...picture, el("div", { class: "three" }, ...MEASURES.map((it) => tinted(answer, ...it)))];
}

/** The image that was read, as large as the pictures of its regions. */
function whole({ picture: packed }) {
  const { height, width, channels, at } = unpackPictures(packed);
  return el("figure", { class: "regions-image" }, picture(at(0), height, width, channels, "The image"));
}

function tinted({ read, measures: all, unit, grid }, name, title, meaning) {
  const values = all[name].map((it) => it ?? 0);
  const top = Math.max(1e-6, ...values.map(Math.abs));
  const regions = grid ? grid[0] * grid[1] : 0;
  const isText = read.every((it) => [...it].length === 1);
  const pieces = read.map((token, n) => {
    const isRegion = n < regions;
    const about = `${signed(values[n], 3)} ${unit}`;
    const props = { class: isRegion ? "region" : "piece", title: isRegion ? `${token}: ${about}` : about };
    const piece = el("span", props, isRegion ? "" : visible(token));
    painted(piece, () => {
      const [background, ink] = shade("diverging", values[n] / top);
      piece.style.setProperty("background-color", background);
      piece.style.setProperty("color", ink);
    })();
    return piece;
  });
  return el(
    "section",
    { class: "unit-examples" },
    el("h3", {}, title),
    regions ? gridOf(grid, pieces.slice(0, regions), title) : null,
    el("p", { class: isText ? "text" : "words" }, ...pieces.slice(regions)),
    colourScale({ kind: "diverging", top, unit }),
    note(meaning),
  );
}

/** The regions of an image where they are in it. */
function gridOf([, columns], pieces, title) {
  const box = el(
    "div",
    { class: "regions", role: "img", "aria-label": `${title}, by regions of the image` },
    ...pieces,
  );
  box.style.setProperty("grid-template-columns", `repeat(${columns}, 1fr)`);
  return box;
}
