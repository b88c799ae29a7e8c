// The text with its errors coloured by what explains them, and how many errors each helper takes away.

import { ask, latest } from "../../ask.js";
import { bar } from "../../charts/bars.js";
import { button, choice, el, failure, labelled, note, replaceChildren, statusLine, table, visible } from "../../dom.js";
import { grouped, percent } from "../../numbers.js";
import { about, choose, state } from "../../state.js";
import { TextView, tokensOf } from "../../textview.js";

/** `isStopped()`: whether another screen is shown by now. */
export async function showErrors(root, stops, isStopped) {
  const text = el("div", { class: "main" });
  const tableBox = el("div");
  const status = statusLine();
  const next = button("Next error", goToNext, { disabled: true });
  const runs = choice(
    about.runs.map((it, n) => [String(n), it.name]),
    "0",
    (value) => load(Number(value)).catch((error) => replaceChildren(tableBox, failure(error))),
  );
  const controls = el("div", { class: "controls" }, about.runs.length > 1 ? labelled("Errors of", runs) : null, next);
  root.append(controls, text, status.element, tableBox);
  const view = new TextView(text, {
    label: "The text; errors are coloured by what explains them",
    height: "36vh",
    onCursor(n) {
      choose({ at: n });
      describe(n);
    },
  });
  stops.push(() => view.stop());
  const questions = latest();
  let answer = null; // errors and classes
  let errorAt = new Map(); // by place
  let onlyClass = null; // the class whose errors are shown, or null for all

  const isShown = (error) => error && (onlyClass === null || error[1] === onlyClass);

  function describe(n) {
    if (!answer) return;
    const error = errorAt.get(n);
    const token = `“${visible(view.tokens[n])}”`;
    if (!error) return status.show(`${token} is no error: the model gave it 0.5 or more.`);
    const [, kind, order, p, best] = error;
    const { name, family, meaning } = answer.classes[kind];
    const reason = family === "n-gram" ? `a ${order}-gram model expects it` : meaning;
    status.show(`${token} had p = ${p.toFixed(3)}; “${visible(best)}” was expected. ${name}: ${reason}.`);
  }

  function goToNext() {
    const places = answer.errors.filter(isShown).map((it) => it[0]);
    const to = places.find((n) => n > view.cursor) ?? places[0];
    if (to === undefined) return;
    view.setCursor(to);
    choose({ at: to });
    describe(to);
  }

  function pickClass(n) {
    onlyClass = onlyClass === n ? null : n;
    next.textContent = onlyClass === null ? "Next error" : `Next error: ${answer.classes[onlyClass].name}`;
    markClass();
    view.draw();
  }

  function markClass() {
    tableBox.querySelectorAll("tbody tr").forEach((row, n) => {
      row.classList.toggle("chosen", n === onlyClass);
      row.setAttribute("aria-pressed", String(n === onlyClass));
    });
  }

  async function load(run) {
    const isLatest = questions.begin();
    const read = await ask("text", { text: state.text, run });
    if (isStopped() || !isLatest()) return;
    view.setText(tokensOf(read));
    view.setCursor(state.at);
    answer = null;
    errorAt = new Map();
    onlyClass = null;
    next.disabled = true;
    view.setClasses(null);
    const progress = statusLine("Computing: counting n-grams and words of the training text, some seconds …");
    replaceChildren(tableBox, progress.element);
    const found = await ask("mistakes", { text: state.text, run });
    if (isStopped() || !isLatest()) return;
    if (found.refused) {
      replaceChildren(tableBox, note(`Errors cannot be explained here: ${found.refused}`));
      return;
    }
    answer = found;
    errorAt = new Map(found.errors.map((it) => [it[0], it]));
    const classOf = (error) => `err err-${found.classes[error[1]].family}`;
    view.setClasses((n) => (isShown(errorAt.get(n)) ? classOf(errorAt.get(n)) : null));
    next.disabled = !found.errors.length;
    const why = found.note ? note(`N-grams and words are ${found.note}.`) : null;
    replaceChildren(tableBox, classTable(found, about.runs[run].unit, pickClass), why);
    markClass();
    describe(view.cursor);
  }

  await load(0);
}

function classTable({ errors, classes, steps }, token, onRow) {
  const most = Math.max(1, ...classes.map((it) => it.removed));
  const rows = classes.map((it) => [
    el("span", { class: `unit err err-${it.family}` }, "Ab"),
    it.name,
    bar(it.removed / most, grouped(it.removed)),
    percent(it.remaining),
    percent(it.loss),
    it.meaning,
  ]);
  const share = percent(errors.length / Math.max(1, steps));
  const caption =
    `${grouped(errors.length)} errors in ${grouped(steps)} ${token}s (${share}), explained from top to bottom. ` +
    "Pick a row to see only its errors; again for all.";
  return table(
    [{ name: "colour", hidden: true }, "helper", "errors gone", "still wrong", "of the loss", "what it knows"],
    rows,
    {
      caption,
      onRow,
    },
  );
}
