// A confusion matrix: a table of counts, tinted by their share of the row. Cells can be picked.

import { painted, shade } from "../colours.js";
import { el, scrolled, visible } from "../dom.js";
import { grouped, percent } from "../numbers.js";
import { arrowStep } from "./keys.js";
import { saveBar } from "./save.js";
import { colourScale } from "./scale.js";

const NAME = "What is taken for what";

/**
 * Draw counts: `labels`, and `cells`: [[true label, guessed label, count, ...], ...] by number. `onPick(true, guess)`.
 * Returns `mark(true, guess)`, which marks a cell; -1 none.
 */
export function confusionMatrix(root, { labels, cells, caption, onPick }) {
  const counts = labels.map(() => labels.map(() => 0));
  for (const [row, column, count] of cells) counts[row][column] = count;
  const totals = counts.map((row) => row.reduce((sum, it) => sum + it, 0));
  const buttons = counts.map((row, r) => row.map((count, c) => cellButton(count, r, c)));
  let here = [0, 0];

  function cellButton(count, r, c) {
    const share = totals[r] ? ` (${percent(count / totals[r])})` : "";
    const relation = r === c ? "right" : `taken for ${visible(labels[c])}`;
    const said = `${visible(labels[r])} ${relation}: ${grouped(count)} of ${grouped(totals[r])}${share}`;
    return el(
      "button",
      {
        tabindex: r || c ? "-1" : "0",
        title: said,
        "aria-label": said,
        disabled: !count,
        on: { click: () => go(r, c, true), focus: () => go(r, c, false) },
      },
      count ? grouped(count) : "·",
    );
  }

  function go(r, c, picks) {
    buttons[here[0]][here[1]].tabIndex = -1;
    here = [r, c];
    buttons[r][c].tabIndex = 0;
    if (picks) onPick(r, c);
  }

  const body = labels.map((label, r) =>
    el("tr", {}, el("th", { scope: "row" }, visible(label)), ...buttons[r].map((it) => el("td", {}, it))),
  );
  const grid = el(
    "table",
    { class: "confusion", "aria-label": `${NAME}; arrow keys move through it` },
    el(
      "thead",
      {},
      el("tr", {}, el("td"), el("th", { scope: "colgroup", colspan: String(labels.length) }, "predicted")),
      el(
        "tr",
        {},
        el("th", { scope: "col" }, "true"),
        ...labels.map((it) => el("th", { scope: "col", class: "turned" }, el("span", {}, visible(it)))),
      ),
    ),
    el("tbody", {}, ...body),
  );
  grid.addEventListener("keydown", (event) => {
    const step = arrowStep(event);
    if (step) next(buttons, here, step)?.focus();
  });
  painted(grid, () => {
    for (const [r, row] of buttons.entries()) {
      for (const [c, cell] of row.entries()) tint(cell, counts[r][c] / (totals[r] || 1), r === c);
    }
  })();
  const rows = () => [["true", ...labels], ...counts.map((row, r) => [labels[r], ...row])];
  const scales = [
    colourScale({ kind: "share", label: "right", ticks: SHARES }),
    colourScale({ kind: "sequential", label: "wrong", ticks: SHARES, unit: "of the row" }),
  ];
  root.append(
    el(
      "figure",
      {},
      scrolled(grid),
      el(
        "figcaption",
        {},
        el("span", {}, caption, el("span", { class: "scales" }, ...scales)),
        saveBar(NAME, { rows }),
      ),
    ),
  );
  return function mark(r, c) {
    grid.querySelector(".chosen")?.classList.remove("chosen");
    buttons[r]?.[c]?.classList.add("chosen");
  };
}

const SHARES = [
  [0, "0%"],
  [0.5, "50%"],
  [1, "100%"],
];

function tint(cell, share, isRight) {
  const [background, ink] = shade(isRight ? "share" : "sequential", share);
  cell.style.setProperty("background-color", share ? background : "transparent");
  cell.style.setProperty("color", share ? ink : "");
}

/** The next cell with a count in the direction of an arrow key. */
function next(buttons, [row, column], [down, right]) {
  let [r, c] = [row + down, column + right];
  while (buttons[r]?.[c]?.disabled) [r, c] = [r + down, c + right];
  return buttons[r]?.[c];
}
