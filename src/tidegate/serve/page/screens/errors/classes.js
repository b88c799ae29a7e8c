// The text with the errors that one helper explains, and how many errors each helper takes away.

import { ask, latest } from "../../ask.js";
import { bar } from "../../charts/bars.js";
import { dataTable } from "../../charts/data_table.js";
import { button, choice, el, failure, labelled, note, replaceChildren, statusLine, visible } from "../../dom.js";
import { grouped, percent } from "../../numbers.js";
import { about, choose, state } from "../../state.js";
import { TextView, tokensOf } from "../../textview.js";
import { ALL, familiesOf, titleOf } from "./families.js";

/** `isStopped()`: whether another screen is shown by now. */
export async function showErrors(root, stops, isStopped) {
  const text = el("div", { class: "main" });
  const helpers = el("div", { class: "helpers", role: "group", "aria-label": "Which errors are coloured" });
  const tableBox = el("div");
  const status = statusLine();
  const next = button("Next error", goToNext, { disabled: true });
  const several = about.runs.length > 1;
  const first = several && state.run in about.runs ? Number(state.run) : 0;
  const runs = choice(
    about.runs.map((it, n) => [String(n), it.name]),
    String(first),
    (value) => {
      choose({ run: value });
      load(Number(value)).catch((error) => replaceChildren(tableBox, failure(error)));
    },
  );
  const controls = el("div", { class: "controls" }, several ? labelled("Errors of", runs) : null, next);
  root.append(controls, helpers, text, status.element, tableBox);
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
  let families = []; // those that explain any error
  let errorAt = new Map(); // by place
  let chosen = ALL; // the family, or the class by name, whose errors are coloured
  let previewed = null; // the same, while the pointer is on it

  function isShown(error) {
    if (!error) return false;
    const { name, family } = answer.classes[error[1]];
    return [ALL, family, name].includes(previewed ?? chosen);
  }

  function describe(n) {
    if (!answer) return;
    const error = errorAt.get(n);
    const token = `“${visible(view.tokens[n])}”`;
    if (!error) return status.show(`${token} is no error: the model gave it 0.5 or more.`);
    const [, kind, order, p, best] = error;
    const { family, meaning } = answer.classes[kind];
    const reason = family === "n-gram" ? `a ${order}-gram model expects it` : meaning;
    status.show(`${token} had p = ${p.toFixed(3)}; “${visible(best)}” was expected. ${titleOf(family)}: ${reason}.`);
  }

  function goToNext() {
    const places = answer.errors.filter(isShown).map((it) => it[0]);
    const to = places.find((n) => n > view.cursor) ?? places[0];
    if (to === undefined) return;
    view.setCursor(to);
    choose({ at: to });
    describe(to);
  }

  function pick(name) {
    chosen = name;
    choose({ helper: name });
    next.textContent = name === ALL ? "Next error" : `Next error: ${titleOf(familyOf(name))}`;
    for (const it of helpers.children) it.setAttribute("aria-pressed", String(it.dataset.family === name));
    tableBox.querySelectorAll("tbody tr").forEach((row, n) => {
      const isChosen = answer.classes[n].name === name;
      row.classList.toggle("chosen", isChosen);
      if (isChosen) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    });
    view.draw();
  }

  const familyOf = (name) => answer.classes.find((it) => it.name === name)?.family ?? name;

  function preview(name) {
    previewed = name;
    view.draw();
  }

  function helperButton(family, title, removed) {
    const parts = [
      family === ALL ? null : el("span", { class: `swatch err err-${family}`, "aria-hidden": "true" }, "ab"),
      ` ${title} `,
      el("span", { class: "count" }, grouped(removed)),
    ];
    const on = {
      pointerenter: () => preview(family),
      pointerleave: () => preview(null),
      focus: () => preview(family),
      blur: () => preview(null),
    };
    const element = button(parts, () => pick(family), { data: { family } });
    for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
    return element;
  }

  async function load(run) {
    const isLatest = questions.begin();
    const read = await ask("text", { text: state.text, run });
    if (isStopped() || !isLatest()) return;
    view.setText(tokensOf(read));
    view.setCursor(state.at);
    answer = null;
    errorAt = new Map();
    next.disabled = true;
    view.setClasses(null);
    replaceChildren(tableBox);
    replaceChildren(helpers, el("span", {}, "Counting n-grams and words of the training text, some seconds …"));
    const found = await ask("mistakes", { text: state.text, run });
    if (isStopped() || !isLatest()) return;
    replaceChildren(helpers);
    if (found.refused) {
      replaceChildren(tableBox, note(`Errors cannot be explained here: ${found.refused}`));
      return;
    }
    answer = found;
    families = familiesOf(found.classes);
    errorAt = new Map(found.errors.map((it) => [it[0], it]));
    const classOf = (error) => `err err-${found.classes[error[1]].family}`;
    view.setClasses((n) => (isShown(errorAt.get(n)) ? classOf(errorAt.get(n)) : null));
    next.disabled = !found.errors.length;
    replaceChildren(
      helpers,
      ...families.map((it) => helperButton(it.family, it.title, it.removed)),
      helperButton(ALL, "All", found.errors.length),
    );
    const why = found.note ? note(`N-grams and words are ${found.note}.`) : null;
    replaceChildren(
      tableBox,
      classTable(found, about.runs[run].unit, (n) => pick(found.classes[n].name)),
      why,
    );
    const known = [ALL, ...families.map((it) => it.family), ...found.classes.map((it) => it.name)];
    pick(known.includes(state.helper) ? state.helper : (families[0]?.family ?? ALL));
    describe(view.cursor);
  }

  await load(first);
}

const numeric = (name) => ({ name, numeric: true });

function classTable({ errors, classes, steps }, token, onRow) {
  const most = Math.max(1, ...classes.map((it) => it.removed));
  const rows = classes.map((it) => [
    titleOf(it.family),
    el("span", { class: "wraps" }, it.meaning),
    bar(it.removed / most, grouped(it.removed)),
    percent(it.remaining),
    percent(it.loss),
  ]);
  const columns = ["helper", "an error is gone if", "errors gone", ...["still wrong", "of the loss"].map(numeric)];
  const share = percent(errors.length / Math.max(1, steps));
  const caption =
    `${grouped(errors.length)} errors in ${grouped(steps)} ${token}s (${share}), explained from top to bottom: each ` +
    "helper is tried on the errors that those above it left. Pick a row to see its errors in the text.";
  return dataTable(columns, rows, {
    name: "What explains the errors",
    caption,
    onRow,
  });
}
