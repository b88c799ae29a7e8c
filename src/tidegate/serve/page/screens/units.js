// Units: which hidden units of a task's run track what, seen in examples, and what the model loses without them.

import { ask, isAvailable, latest, live } from "../ask.js";
import { append, button, choice, el, failure, labelled, note, replaceChildren } from "../dom.js";
import { grouped } from "../numbers.js";
import { about, choose, listen, state } from "../state.js";
import { unitPicker } from "../unit_picker.js";
import { findingsTable } from "./cells/findings_table.js";
import { costTable } from "./cut/costs.js";
import { interventionChooser } from "./cut/interventions.js";
import { errorTable } from "./units/errors.js";
import { unitExamples } from "./units/examples.js";

const OF = { input: "the input", source: "the encoder, which reads the source", target: "the decoder, which writes" };
const CHOSEN = ["layer", "name", "unit", "direction", "sequence", "property"];

export async function show(root) {
  const sequences = await ask("unit_sequences");
  const sequence = () => sequences.find((it) => it.name === state.sequence) ?? sequences[0];
  const direction = () => (state.direction === "1" && sequence().directions > 1 ? 1 : 0);
  const picker = unitPicker();
  const chooser = interventionChooser(offer, {
    without: "swap",
    more: () => (direction() ? { direction: direction() } : {}),
  });
  const findings = el("div");
  const title = el("h2", {}, "");
  const seen = el("div");
  const others = note();
  const costs = el("div");
  const start = button("Show what it does", measure, { class: "go" });
  const addAnother = button("Add another", () => chooser.add());
  const removeAdded = button("Remove the added", () => chooser.clear());
  const of = sequences.map((it) => [it.name, OF[it.name] ?? it.name]);
  const sequenceChoice = choice(of, sequence().name, (to) => choose({ sequence: to, property: undefined }));
  const ways = [
    ["0", "forward"],
    ["1", "from the end"],
  ];
  const directionChoice = choice(ways, String(direction()), (to) => choose({ direction: to, property: undefined }));
  const directionBox = labelled("Direction", directionChoice);
  const several = sequences.length > 1 ? labelled("Layers of", sequenceChoice) : null;
  const more = live ? [addAnother, removeAdded] : [];
  append(picker.row, directionBox, ...chooser.controls, start, ...more);
  append(
    root,
    el(
      "p",
      { class: "lead" },
      "Hidden units that go with what the model is to predict, or with its input. A unit that goes with something need " +
        "not cause it: that is tested by letting the model predict without it.",
    ),
    several && el("div", { class: "controls" }, several),
    el(
      "div",
      { class: "units-columns" },
      el("section", { class: "finder" }, el("h2", {}, "Hidden units found by the search"), findings),
      el("section", {}, title, seen, el("h3", {}, "What it costs"), picker.row, others, costs),
    ),
  );
  const searches = latest();
  const looks = latest();
  const measurements = latest();
  let rows = []; // [finding, its row]

  async function search() {
    const isLatest = searches.begin();
    const asked = sequence().name;
    replaceChildren(findings, note("Searching all hidden units, untrained copies and shifted labels …"));
    try {
      const answer = await ask("unit_findings", { sequence: asked }, (part) => isLatest() && showFindings(part));
      if (!isLatest()) return;
      showFindings(answer);
      const best = answer.found.find((it) => it.holds);
      if (state.property === undefined && best) pick(best);
      else update();
    } catch (error) {
      if (isLatest()) replaceChildren(findings, failure(error));
    }
  }

  function pick(finding) {
    const { layer, name, unit, detector } = finding;
    choose({ layer, name, unit, direction: String(finding.direction), property: detector });
  }

  function showFindings(answer) {
    const found = [...answer.found.filter((it) => it.holds), ...answer.found.filter((it) => !it.holds)];
    replaceChildren(findings, findingsTable(found, { caption: captionOf(answer), onRow: (n) => pick(found[n]) }));
    const shown = [...findings.querySelectorAll("tr.choosable")];
    rows = shown.map((row, n) => [found[n], row]);
    mark();
  }

  function mark() {
    const chosen = rows.find(
      ([it]) =>
        it.detector === state.property &&
        ["layer", "name", "unit"].every((key) => it[key] === state[key]) &&
        it.direction === direction(),
    );
    for (const one of rows) {
      one[1].classList.toggle("chosen", one === chosen);
      one[1].toggleAttribute("aria-current", one === chosen);
    }
    return chosen?.[0] ?? null;
  }

  async function look() {
    const isLatest = looks.begin();
    const { layer, name, unit } = state;
    const finding = mark();
    const way = direction() ? ", read from the end" : "";
    title.textContent = `Unit ${layer}/${unit} ${name}${way}${finding ? `: goes with “${finding.detector}”` : ""}`;
    const asked = { sequence: sequence().name, layer, name, unit, direction: direction() };
    if (finding) asked.label = finding.detector;
    try {
      const answer = await ask("unit_examples", asked);
      if (isLatest()) replaceChildren(seen, ...unitExamples(answer, finding));
    } catch (error) {
      if (isLatest()) replaceChildren(seen, failure(error));
    }
  }

  function edits() {
    return JSON.stringify(chooser.all());
  }

  function offer() {
    const added = chooser.added.map((it) => `${it.layer}/${it.unit} ${it.name}${it.direction ? " ←" : ""}`);
    replaceChildren(others, added.length ? `Together with: ${added.join(", ")}` : null);
    others.hidden = !added.length;
    removeAdded.hidden = !added.length;
    start.disabled = !isAvailable("unit_cost", { edits: edits(), sequence: sequence().name });
  }

  async function measure() {
    const isLatest = measurements.begin();
    const interventions = chooser.all();
    replaceChildren(costs, note("Predicting with it, and with the same on other hidden units …"));
    try {
      const cost = await ask("unit_cost", { edits: JSON.stringify(interventions), sequence: sequence().name });
      if (!isLatest()) return;
      replaceChildren(costs, ...costTable(cost, interventions, about.runs[0].unit), ...errorTable(cost));
    } catch (error) {
      if (isLatest()) replaceChildren(costs, failure(error));
    }
  }

  function update() {
    directionBox.hidden = sequence().directions < 2;
    directionChoice.value = String(direction());
    offer();
    if (!start.disabled) measure();
    else replaceChildren(costs, note("The report has the ablations of the units found by the search."));
    return look();
  }

  const stopListening = listen((changed) => {
    if (changed.has("sequence")) search();
    else if (CHOSEN.some((it) => changed.has(it))) update();
  });
  directionBox.hidden = sequence().directions < 2;
  offer();
  const searched = search();
  if (!live) await searched;
  return () => {
    for (const it of [searches, looks, measurements]) it.cancel();
    stopListening();
    picker.stop();
  };
}

function captionOf({ found, absent, searched }) {
  const missing = absent.length ? ` Too rare there, or never changing: ${absent.join(", ")}.` : "";
  if (!found.length) return missing;
  const { values, detectors } = found[0];
  return (
    `Tried: ${grouped(values)} values × ${grouped(detectors)} properties on ${searched}; chosen on one half of them, ` +
    "scored on the other. Controls: the best of the same search in untrained copies of the model, and for the property " +
    "shifted along the steps. The bar is grey up to the better control. ← is the direction that reads from the end; " +
    `(low): the unit is low where the property holds.${missing}`
  );
}
