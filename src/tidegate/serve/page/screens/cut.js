// Cut: intervene on hidden units; what that changes in every prediction, by class of character, and in what is written.

import { ask, askAnew, isAvailable, latest, live } from "../ask.js";
import { colourScale } from "../charts/scale.js";
import { append, button, el, note, replaceChildren, statusLine } from "../dom.js";
import { signed } from "../numbers.js";
import { about, listen, openOn, state } from "../state.js";
import { TextView, tokenName, tokensOf } from "../textview.js";
import { unitPicker } from "../unit_picker.js";
import { costTable } from "./cut/costs.js";
import { interventionChooser } from "./cut/interventions.js";
import { comparedWriting } from "./cut/writing.js";

const MOST = 10_000; // tokens whose change is shown
const PROMPT = 40; // characters of the text that a prompt begins with

export async function show(root) {
  const token = about.runs[0].unit;
  // What was searched on another screen since the page was opened.
  const { best } = live && !about.best ? await askAnew("about") : about;
  if (best) openOn(best);
  const picker = unitPicker();
  const answer = await ask("text", { text: state.text, run: 0 });
  const tokens = tokensOf(answer).slice(0, MOST);
  const chooser = interventionChooser(offer);
  const asJson = () => JSON.stringify(chooser.all());
  const others = note();
  const status = statusLine("");
  const start = button("Show what it does", measure, { class: "go" });
  const addAnother = button("Add another", () => chooser.add());
  const removeAdded = button("Remove the added", () => chooser.clear());
  append(picker.row, ...chooser.controls, start, live ? [addAnother, removeAdded] : null);
  const costs = el("div");
  const text = el("div", { class: "main" });
  const scale = el("div");
  const writing = live ? comparedWriting(promptOf(tokens), asJson, status) : null;
  const lead =
    "A hidden unit that goes with something need not cause it. An intervention tests that: the hidden unit is changed " +
    "while the text is read.";
  append(
    root,
    el("p", { class: "lead" }, lead),
    picker.row,
    others,
    el(
      "div",
      { class: "beside wide" },
      el(
        "div",
        {},
        el("h2", {}, "What it changes in this text"),
        text,
        el("div", { class: "foot" }, status.element, scale),
      ),
      el("section", {}, el("h2", {}, "What it costs"), costs),
    ),
    writing?.element,
  );
  const view = new TextView(text, {
    label: "The text, tinted by the change of the surprise",
    height: "52vh",
    onCursor: showChange,
  });
  view.setText(tokens);
  const measurements = latest();
  let change = null;

  function offer() {
    const added = chooser.added.map((it) => `${it.layer}/${it.unit} ${it.name}`);
    replaceChildren(others, added.length ? `Together with: ${added.join(", ")}` : null);
    others.hidden = !added.length;
    removeAdded.hidden = !added.length;
    start.disabled = !isAvailable("measured", { edits: asJson() });
    if (live) return;
    status.show(start.disabled ? "The report has the ablations of the hidden units on Cells: pick one there." : "");
  }

  function showChange(n) {
    if (!Number.isFinite(change?.[n])) return;
    status.show(`${tokenName(tokens[n])}: ${signed(change[n])} nats`);
  }

  async function measure() {
    const isLatest = measurements.begin();
    const interventions = chooser.all();
    const edits = JSON.stringify(interventions);
    status.show("Measuring …");
    replaceChildren(costs, note(`Reading held-out text with it, and with the same on other hidden units …`));
    const showCost = (cost) => replaceChildren(costs, ...costTable(cost, interventions, token));
    try {
      await Promise.all([
        ask("changed", { edits, text: state.text }).then((it) => isLatest() && showChanges(it)),
        ask("measured", { edits }).then((it) => isLatest() && showCost(it)),
      ]);
      if (isLatest()) status.show("");
    } catch (error) {
      if (isLatest()) status.fail(error);
    }
  }

  function showChanges(changed) {
    change = changed.change;
    view.setTint(change, "diverging", changed.scale);
    const label = "surprise: red more, blue less";
    replaceChildren(scale, colourScale({ kind: "diverging", top: changed.scale, label, unit: "nats" }));
  }

  const stopListening = listen(offer);
  offer();
  if (!start.disabled) measure();
  return () => {
    measurements.cancel();
    writing?.stop();
    stopListening();
    picker.stop();
    view.stop();
  };
}

/** The first line of a text, or its beginning: a prompt that the model knows how to go on from. */
function promptOf(tokens) {
  const line = tokens.join("").trimStart().split("\n")[0];
  return line.length > PROMPT ? line.slice(0, PROMPT).replace(/\S*$/, "") || line.slice(0, PROMPT) : line;
}
