// Cut: intervene on hidden units; what that changes in every prediction, by class of character, and in what is written.

import { ask, isAvailable, latest, live, stream } from "../ask.js";
import { append, button, choice, el, labelled, note, replaceChildren, spelled, statusLine, table } from "../dom.js";
import { grouped } from "../numbers.js";
import { about, listen, state } from "../state.js";
import { TextView, tokensOf } from "../textview.js";
import { unitPicker } from "../unit_picker.js";

const MOST = 10_000; // tokens whose change is shown
const KINDS = [
  ["ablate", "ablate: set to 0"],
  ["set_to", "set to a value"],
  ["clamp", "clamp between two values"],
  ["swap", "swap with another hidden unit"],
];

export async function show(root) {
  const token = about.runs[0].unit;
  const picker = unitPicker();
  const answer = await ask("text", { text: state.text, run: 0 });
  const tokens = tokensOf(answer).slice(0, MOST);
  const chooser = interventionChooser(offer);
  const others = note();
  const status = statusLine("");
  const start = button("Show what it does", measure, { class: "go" });
  const addAnother = button("Add another", () => chooser.add());
  const removeAdded = button("Remove the added", () => chooser.clear());
  append(picker.row, ...chooser.controls, start, live ? [addAnother, removeAdded] : null);
  const costs = el("div");
  const text = el("div", { class: "main" });
  const writing = live ? comparedWriting(chooser.asJson, status) : null;
  const lead =
    "A hidden unit that goes with something need not cause it; an intervention tests that: the hidden unit is " +
    "changed while the text is read. Red: the changed model is more surprised there; blue: less.";
  append(
    root,
    el("p", { class: "lead" }, lead),
    picker.row,
    others,
    status.element,
    el(
      "div",
      { class: "beside wide" },
      el("div", {}, el("h2", {}, "Change of the surprise"), text),
      el("section", {}, el("h2", {}, `Loss before and after, nats per ${token}`), costs),
    ),
    writing?.element,
  );
  const view = new TextView(text, {
    label: "The text, tinted by the change of the surprise",
    height: "45vh",
    onCursor: showChange,
  });
  view.setText(tokens);
  const measurements = latest();
  let change = null;

  function offer() {
    const added = chooser.added.map((it) => `${it.layer}/${it.unit} ${it.name}`);
    replaceChildren(others, added.length ? `Together with: ${added.join(", ")}` : null);
    removeAdded.hidden = !added.length;
    start.disabled = !isAvailable("measured", { edits: chooser.asJson() });
    if (live) return;
    status.show(start.disabled ? "The report has the ablations of the hidden units on Cells: pick one there." : "");
  }

  function showChange(n) {
    if (!Number.isFinite(change?.[n])) return;
    status.show(`${spelled(tokens[n])}: ${change[n] >= 0 ? "+" : ""}${change[n].toFixed(2)} nats`);
  }

  async function measure() {
    const isLatest = measurements.begin();
    const edits = chooser.asJson();
    status.show("Measuring …");
    try {
      const [cost, changed] = await Promise.all([
        ask("measured", { edits }),
        ask("changed", { edits, text: state.text }),
      ]);
      if (!isLatest()) return;
      change = changed.change;
      view.setTint(change, "diverging", changed.scale);
      replaceChildren(costs, ...costTable(cost, token));
      status.show("");
    } catch (error) {
      if (isLatest()) status.fail(error);
    }
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

/** The controls of an intervention on the chosen hidden unit, and the interventions that were added before it. */
function interventionChooser(onChange) {
  const number = (value) => el("input", { type: "number", step: "any", value });
  const low = number("0");
  const high = number("1");
  const other = number("0");
  const lowBox = labelled("from, or value", low);
  const highBox = labelled("to", high);
  const otherBox = labelled("other unit", other);
  let kind = "ablate";
  let added = [];
  const select = choice(KINDS, kind, (chosen) => {
    kind = chosen;
    update();
  });

  function update() {
    lowBox.hidden = kind === "ablate" || kind === "swap";
    highBox.hidden = kind !== "clamp";
    otherBox.hidden = kind !== "swap";
    onChange();
  }

  function intervention() {
    const unit = { layer: state.layer, name: state.name, unit: state.unit };
    if (kind === "swap") return { ...unit, other: Number(other.value) };
    const from = kind === "ablate" ? 0 : Number(low.value);
    return { ...unit, low: from, high: kind === "clamp" ? Number(high.value) : from };
  }

  [lowBox.hidden, highBox.hidden, otherBox.hidden] = [true, true, true];
  return {
    controls: [labelled("Intervention", select), lowBox, highBox, otherBox],
    get added() {
      return added;
    },
    add() {
      added.push(intervention());
      update();
    },
    clear() {
      added = [];
      update();
    },
    asJson: () => JSON.stringify([...added, intervention()]),
  };
}

function costTable(cost, token) {
  const withSign = (value) => (value === null ? "–" : (value >= 0 ? "+" : "") + value.toFixed(3));
  const rows = cost.rows.map((it) => [
    it.name,
    grouped(it.count),
    it.before.toFixed(3),
    it.after.toFixed(3),
    el("strong", {}, withSign(it.change)),
    withSign(it.control),
    withSign(it.worst),
  ]);
  const headers = ["predicted", "count", "before", "after", "change", "controls", "worst"];
  return [
    table(headers, rows, { caption: cost.said }),
    note(
      `On ${grouped(cost.steps)} held-out ${token}s. Controls: the same intervention on ${cost.controls} other ` +
        "hidden units, on average and at worst; any intervention does a little harm.",
    ),
  ];
}

/** Two texts that go on from the same prompt with the same random draws: with interventions and without. */
function comparedWriting(editsAsJson, status) {
  const before = el("pre", { class: "sample" });
  const after = el("pre", { class: "sample" });
  const prompt = el("input", { type: "text", value: "def " });
  const temperature = el("input", { type: "number", step: "0.1", min: "0", value: "0.5" });
  const seed = el("input", { type: "number", step: "1", min: "0", value: "0" });
  const start = button("Write", toggle);
  let running = null;

  async function write(place, params, signal) {
    place.textContent = prompt.value;
    for await (const part of stream("edited", params, signal)) place.textContent += part.text;
  }

  async function toggle() {
    if (running) return running.abort();
    running = new AbortController();
    start.textContent = "Stop";
    const asked = { prompt: prompt.value, temperature: temperature.value, seed: seed.value };
    try {
      const { signal } = running;
      await Promise.all([write(before, asked, signal), write(after, { ...asked, edits: editsAsJson() }, signal)]);
    } catch (error) {
      if (error.name !== "AbortError") status.fail(error);
    } finally {
      running = null;
      start.textContent = "Write";
    }
  }

  const controls = [labelled("Prompt", prompt), labelled("Temperature", temperature), labelled("Seed", seed), start];
  const element = el(
    "section",
    {},
    el("h2", {}, "What the model writes"),
    el("div", { class: "controls" }, ...controls),
    el(
      "div",
      { class: "columns" },
      el("div", {}, el("h3", {}, "without the intervention"), before),
      el("div", {}, el("h3", {}, "with it, same random draws"), after),
    ),
  );
  return { element, stop: () => running?.abort() };
}
