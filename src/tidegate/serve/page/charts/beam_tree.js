// The tree of a beam search: a column for each token that was written, the likeliest on top.

import { el, statusLine, visible } from "../dom.js";
import { fixed } from "../numbers.js";
import { saveBar } from "./save.js";
import { standalone, svgElement } from "./standalone.js";

const HEIGHT = 34;
const APART = 10;
const ACROSS = 34;
const LONGEST = 18; // characters of a token
const SIGNS = { kept: "", finished: " ■", dropped: " ×", cut: " …" };
const FATES = {
  kept: "kept: it went on",
  finished: "■ finished: the text ended here and was taken",
  dropped: "× dropped: others were likelier, or the search was over",
  cut: "… cut: the limit of length came",
};
const ARROWS = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"];

/** Draw a tree: {width, leaves, branches: [[step, parent, token, log p, score, fate], ...]}. */
export function beamTree(root, { width, leaves, branches }) {
  const path = (n) => (n < 0 ? [] : [...path(branches[n][1]), n]);
  const best = new Set(leaves.length ? path(leaves[0]) : []);
  const columns = branchesByStep(branches);
  const { places, wide, tall } = layout(columns, branches);
  const name = `Beam search of width ${width}`;
  const svg = svgElement("svg", {
    class: "tree",
    width: wide,
    height: tall,
    viewBox: `0 0 ${wide} ${tall}`,
    tabindex: "0",
    role: "application",
    "aria-label": `${name}: ${branches.length} continuations; arrow keys go from one to another`,
  });
  const current = statusLine();
  const thick = (n) => (best.has(n) ? " best" : "");
  const nodes = branches.map((branch, n) => node(branch, n, places[n], thick(n)));
  const edges = branches.map((branch, n) => edge(branch, places[branch[1]], places[n], thick(n)));
  svg.append(svgElement("g", {}, ...edges.filter((it) => it !== null)), ...nodes);
  let here = null;

  function go(n) {
    if (here !== null) nodes[here].classList.remove("cursor");
    here = n;
    nodes[n].classList.add("cursor");
    const [, , , logP, score, fate] = branches[n];
    const text = path(n).map((it) => visible(branches[it][2]));
    const numbers = `log p of the last token ${logP.toFixed(3)}, of all ${score.toFixed(3)} nats`;
    current.show(`${text.join(" ")}: ${numbers}; ${FATES[fate]}`);
    reveal(svg.parentElement, places[n]);
  }

  nodes.forEach((it, n) => {
    it.addEventListener("click", () => go(n));
  });
  svg.addEventListener("keydown", (event) => {
    if (!ARROWS.includes(event.key)) return;
    event.preventDefault();
    const to = here === null ? (path(leaves[0] ?? 0)[0] ?? 0) : neighbour(event.key, here, branches, columns, places);
    if (to !== null) go(to);
  });
  const rows = () => [
    ["step", "parent", "token", "log p", "score", "fate"],
    ...branches.map(([step, parent, token, logP, score, fate]) => [step, parent, visible(token), logP, score, fate]),
  ];
  const save = saveBar(name, { rows, svg: () => standalone(svg.cloneNode(true), name) });
  root.append(el("div", { class: "scrolled" }, svg), el("div", { class: "foot" }, current.element, save), legend());
}

function branchesByStep(branches) {
  const columns = [];
  branches.forEach(([step], n) => {
    columns[step] ??= [];
    columns[step].push(n);
  });
  return columns;
}

function shortened(token) {
  const characters = [...visible(token)];
  return characters.length > LONGEST ? `${characters.slice(0, LONGEST - 1).join("")}…` : characters.join("");
}

function layout(columns, branches) {
  const places = [];
  let x = 4;
  for (const column of columns) {
    const wide = Math.max(52, ...column.map((n) => 9 * [...shortened(branches[n][2])].length + 30));
    column.forEach((n, row) => {
      places[n] = { x, y: 4 + row * (HEIGHT + APART), wide, row };
    });
    x += wide + ACROSS;
  }
  const tall = Math.max(...columns.map((it) => it.length)) * (HEIGHT + APART) + 4;
  return { places, wide: x, tall };
}

function node([, , token, logP, , fate], n, { x, y, wide }, thick) {
  const middle = x + wide / 2;
  const rx = fate === "finished" ? HEIGHT / 2 : 3;
  return svgElement(
    "g",
    { class: `node ${fate}${thick}`, "data-n": n },
    svgElement("rect", { x, y, width: wide, height: HEIGHT, rx }),
    svgElement("text", { x: middle, y: y + 15, class: "token" }, shortened(token) + SIGNS[fate]),
    svgElement("text", { x: middle, y: y + 28, class: "number" }, fixed(logP)),
  );
}

function edge([, parent, , , , fate], from, to, thick) {
  if (parent < 0) return null;
  const start = from.x + from.wide;
  const half = (start + to.x) / 2;
  const [high, low] = [from.y + HEIGHT / 2, to.y + HEIGHT / 2];
  const d = `M${start} ${high} C${half} ${high} ${half} ${low} ${to.x} ${low}`;
  return svgElement("path", { class: `edge ${fate}${thick}`, d });
}

/** The branch that an arrow key leads to, or null. */
function neighbour(key, here, branches, columns, places) {
  const [step, parent] = branches[here];
  const { row } = places[here];
  if (key === "ArrowUp") return columns[step][row - 1] ?? null;
  if (key === "ArrowDown") return columns[step][row + 1] ?? null;
  const to = key === "ArrowLeft" ? parent : branches.findIndex((it) => it[1] === here);
  return to < 0 ? null : to;
}

function reveal(box, { x, wide }) {
  if (x < box.scrollLeft || x + wide > box.scrollLeft + box.clientWidth) box.scrollLeft = x - 20;
}

function legend() {
  const fates = Object.entries(FATES).map(([fate, text]) => el("li", { class: fate }, text));
  return el("ul", { class: "legend" }, ...fates, el("li", { class: "best" }, "thick: the text that was chosen"));
}
