// The tree of a beam search: a column for each token that was written, the likeliest on top.

import { el, visible } from "../dom.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 34,
  APART = 10,
  ACROSS = 34,
  LONGEST = 18;
const SIGNS = { kept: "", finished: " ■", dropped: " ×", cut: " …" };
const FATES = {
  kept: "kept: it went on",
  finished: "■ finished: the text ended here and was taken",
  dropped: "× dropped: others were likelier, or the search was over",
  cut: "… cut: the limit of length came",
};

function drawn(tag, props, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** `tree`: {width, leaves, branches: [[step, parent, token, log p, score, fate], ...]}. */
export function beamTree(root, { width, leaves, branches }) {
  const short = (token) => {
    const all = [...visible(token)];
    return all.length > LONGEST ? all.slice(0, LONGEST - 1).join("") + "…" : all.join("");
  };
  const path = (n) => (n < 0 ? [] : [...path(branches[n][1]), n]);
  const best = new Set(leaves.length ? path(leaves[0]) : []);
  const columns = [];
  branches.forEach(([step], n) => (columns[step] ??= []).push(n));
  const places = [];
  let x = 4;
  for (const column of columns) {
    const wide = Math.max(52, ...column.map((n) => 9 * [...short(branches[n][2])].length + 30));
    column.forEach((n, row) => {
      places[n] = { x, y: 4 + row * (HEIGHT + APART), wide, row };
    });
    x += wide + ACROSS;
  }
  const tall = Math.max(...columns.map((it) => it.length)) * (HEIGHT + APART) + 4;
  const svg = drawn("svg", {
    class: "tree",
    width: x,
    height: tall,
    viewBox: `0 0 ${x} ${tall}`,
    tabindex: "0",
    role: "application",
    "aria-label": `Beam search of width ${width}: ${branches.length} continuations; arrow keys go from one to another`,
  });
  const lines = drawn("g", {}),
    told = el("p", { class: "told", "aria-live": "polite" }, "\u00a0");
  const nodes = branches.map(([, parent, token, logP, , fate], n) => {
    const { x: left, y, wide } = places[n],
      middle = y + HEIGHT / 2,
      thick = best.has(n) ? " best" : "";
    if (parent >= 0) {
      const from = places[parent],
        start = from.x + from.wide,
        half = (start + left) / 2,
        at = from.y + HEIGHT / 2;
      lines.append(
        drawn("path", {
          class: `edge ${fate}${thick}`,
          d: `M${start} ${at} C${half} ${at} ${half} ${middle} ${left} ${middle}`,
        }),
      );
    }
    const node = drawn(
      "g",
      { class: `node ${fate}${thick}`, "data-n": n },
      drawn("rect", { x: left, y, width: wide, height: HEIGHT, rx: fate === "finished" ? HEIGHT / 2 : 3 }),
      drawn("text", { x: left + wide / 2, y: y + 15, class: "token" }, short(token) + SIGNS[fate]),
      drawn("text", { x: left + wide / 2, y: y + 28, class: "number" }, logP.toFixed(2).replace("-0.00", "0.00")),
    );
    node.addEventListener("click", () => go(n));
    return node;
  });
  svg.append(lines, ...nodes);
  let here = null;
  function go(n) {
    if (here !== null) nodes[here].classList.remove("cursor");
    here = n;
    nodes[n].classList.add("cursor");
    const [, , , logP, score, fate] = branches[n];
    const text = path(n)
      .map((it) => visible(branches[it][2]))
      .join(" ");
    told.textContent = `${text}: log p of the last token ${logP.toFixed(3)}, of all ${score.toFixed(3)} nats; ${FATES[fate]}`;
    const { x: left, wide } = places[n],
      box = svg.parentElement;
    if (left < box.scrollLeft || left + wide > box.scrollLeft + box.clientWidth) box.scrollLeft = left - 20;
  }
  svg.addEventListener("keydown", (event) => {
    if (!["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    if (here === null) return go(leaves[0] === undefined ? 0 : path(leaves[0])[0]);
    const [step, parent] = branches[here],
      column = columns[step],
      row = places[here].row;
    if (event.key === "ArrowUp" && row > 0) go(column[row - 1]);
    if (event.key === "ArrowDown" && row + 1 < column.length) go(column[row + 1]);
    if (event.key === "ArrowLeft" && parent >= 0) go(parent);
    const child = event.key === "ArrowRight" ? branches.findIndex((it) => it[1] === here) : -1;
    if (child >= 0) go(child);
  });
  const legend = el(
    "ul",
    { class: "legend" },
    ...Object.entries(FATES).map(([fate, text]) => el("li", { class: fate }, text)),
    el("li", { class: "best" }, "thick: the text that was chosen"),
  );
  root.append(el("div", { class: "scrolled" }, svg), told, legend);
}
