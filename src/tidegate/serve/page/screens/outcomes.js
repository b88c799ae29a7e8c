// Mistakes: what a run gets wrong in its held-out examples, and what it takes for what. A cell opens its examples.

import { ask } from "../ask.js";
import { bar } from "../charts/bars.js";
import { confusionMatrix } from "../charts/confusion.js";
import { dataTable } from "../charts/data_table.js";
import { button, el, note, replaceChildren, spelled, visible } from "../dom.js";
import { fixed, grouped, percent, probability } from "../numbers.js";
import { choose, state } from "../state.js";
import { ALL, askOutcomes, askThumbnails, lossOf, markOf, nameOf } from "../steps/outcomes.js";

const WORST = 20; // examples in the table

export async function show(root) {
  const [answer, { names }, thumbnail] = await Promise.all([askOutcomes(), ask("examples"), askThumbnails()]);
  const shown = { names, answer, thumbnail };
  const { rows, answers } = answer;
  const judged = answers !== "numbers";
  root.append(el("p", { class: "summary" }, ...summary(answer)));
  const worst = rows.filter((it) => !it.right).sort((a, b) => (b.loss ?? -1) - (a.loss ?? -1));
  const side = el("div", { class: "mistakes" });
  const showWorst = () => {
    const title = judged ? "The worst mistakes" : "The largest errors";
    replaceChildren(side, el("h2", {}, title), examplesTable(worst.slice(0, WORST), title, shown));
  };
  showWorst();
  if (answers !== "labels") {
    root.append(side);
    return;
  }
  const confusion = await ask("confusion");
  const main = el("div");
  root.append(el("div", { class: "confused" }, main, side));
  main.append(el("h2", {}, "What is taken for what"));
  const of = new Map(rows.map((row) => [row.number, row]));
  const cells = new Map(confusion.cells.map((cell) => [`${cell[0]} ${cell[1]}`, cell]));
  const mark = confusionMatrix(main, {
    ...confusion,
    caption: `Rows are true labels, columns predicted ones; pick a number to see its examples.${leftOut(confusion)}`,
    onPick(r, c) {
      choose({ cell: `${r} ${c}` });
      showCell(r, c);
    },
  });
  function showCell(r, c) {
    mark(r, c);
    const [, , count, numbers] = cells.get(`${r} ${c}`);
    const [label, guess] = [confusion.labels[r], confusion.labels[c]].map(visible);
    const title = r === c ? `${label}, right` : `${label} taken for ${guess}`;
    const back = button("The worst of all", () => {
      choose({ cell: undefined });
      mark(-1);
      showWorst();
    });
    const found = numbers.map((n) => of.get(n)).filter(Boolean);
    const some = found.length < count ? `; the ${grouped(found.length)} examples with the largest loss` : "";
    replaceChildren(
      side,
      el("h2", {}, title),
      el("div", { class: "controls" }, back, note(`${grouped(count)} answers${some}`)),
      examplesTable(found, title, shown),
    );
  }
  if (cells.has(state.cell)) showCell(...state.cell.split(" ").map(Number));
  main.append(el("h2", {}, "Each label"), scoresTable(confusion.scores));
}

/** One sentence on all examples, with a button that lists the wrong ones. */
function summary({ part, total, rows, right, accuracy, answers }) {
  const tried = rows.length < total ? `${grouped(rows.length)} of ${grouped(total)}` : grouped(total);
  const about = `Tried: ${tried} ${part} examples. `;
  if (answers === "numbers") return [about, openList("List them by their error", "all")];
  const each = rows.some((it) => it.predictions > 1);
  const words = each
    ? `${percent(accuracy)} of their tags are right, and all tags of ${grouped(right)} examples. `
    : `${grouped(right)} (${percent(accuracy)}) are right. `;
  const wrong = rows.length - right;
  return [about, words, wrong ? openList(`List the ${grouped(wrong)} wrong ones`, "wrong") : null].filter(Boolean);
}

function openList(label, shown) {
  return button(label, () => choose({ ...ALL, screen: "steps", show: shown, order: "loss" }));
}

function leftOut({ labels, of, left_out: count }) {
  if (labels.length === of) return "";
  return ` The ${labels.length} labels of ${of} that are confused most; ${grouped(count)} answers are of others.`;
}

function examplesTable(rows, title, { names, answer: { answers, measure }, thumbnail }) {
  const open = (n) => choose({ screen: "steps", text: rows[n].number, at: rows[n].step });
  const read = (it) => {
    const name = nameOf(it, names[it.number]);
    return el("span", { class: "read", title: name }, thumbnail(it.number), name);
  };
  if (!rows.length) return note(answers === "numbers" ? "" : "None: all answers are right.");
  const caption = `Pick an example to see how the network read it. Loss: ${measure.replace("loss, ", "")}.`;
  if (answers === "numbers") {
    const cells = rows.map((it) => [read(it), lossOf(it)]);
    return dataTable(["example", "error"], cells, { name: title, caption: `Error: ${measure}.`, onRow: open });
  }
  const tokens = rows.some((it) => it.token);
  const cells = rows.map((it) => [
    el("span", { class: it.right ? null : "miss" }, markOf(it)),
    read(it),
    ...(tokens ? [spelled(it.token)] : []),
    spelled(it.truth),
    spelled(it.guess),
    it.p === null ? "" : probability(it.p),
    lossOf(it),
  ]);
  const place = tokens ? ["token"] : [];
  const columns = [{ name: "right or wrong", hidden: true }, "example", ...place, "true", "predicted", "p", "loss"];
  return dataTable(columns, cells, { name: title, caption, onRow: open });
}

function scoresTable(scores) {
  const rows = [...scores]
    .sort((a, b) => a[3] - b[3])
    .map(([label, precision, recall, f1, count]) => [
      visible(label),
      ...[f1, precision, recall].map((it) => bar(it, fixed(it, 3))),
      count,
    ]);
  const caption =
    "The lowest F1 first. Precision: of the answers with this label, the share that is right. Recall: of its occurrences, " +
    "the share that was found.";
  return dataTable(["label", "F1", "precision", "recall", "occurs"], rows, { name: "Scores of the labels", caption });
}
