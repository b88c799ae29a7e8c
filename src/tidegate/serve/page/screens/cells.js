// Cells: the text tinted by the values of one hidden unit; all hidden units over the part in view, to pick one.

import { ask, isAvailable, latest, live } from "../ask.js";
import { heatMap } from "../charts/heat_map.js";
import { button, el, failure, note, replaceChildren, spelled, statusLine, table } from "../dom.js";
import { clamp, grouped, transpose, unpack } from "../numbers.js";
import { about, choose, listen, state } from "../state.js";
import { TextView, tokensOf } from "../textview.js";
import { unitPicker } from "../unit_picker.js";

const STEPS = 120; // of the map of all hidden units
const SCROLL_RESTS = 200; // ms after which the map follows

export async function show(root) {
  const answer = await ask("text", { text: state.text, run: 0 });
  const tokens = tokensOf(answer);
  const picker = unitPicker();
  const text = el("div", { class: "main" });
  const status = statusLine("");
  const mapBox = el("div", { class: "map" });
  const finder = cellFinder(showDetector);
  const lead =
    "The text, tinted by one hidden unit: red above zero, blue below. Pick one that the search found, by its number, " +
    "or in the map below.";
  root.append(
    el("p", { class: "lead" }, lead),
    el("div", { class: "beside wide" }, el("div", {}, picker.row, text, status.element), finder.element),
    el("h2", {}, "All hidden units"),
    mapBox,
  );
  const view = new TextView(text, {
    label: "The text, tinted by the hidden unit's values",
    height: "45vh",
    onCursor(n) {
      choose({ at: n });
      showValue();
    },
  });
  view.setText(tokens);
  view.setCursor(state.at);
  const map = unitMap(mapBox, answer.steps, tokens, {
    firstInView: () => view.inView[0],
    onPick(unit, step) {
      choose({ unit, at: step });
      view.setCursor(step);
      showValue();
    },
  });
  const tints = latest();
  const detectors = latest();
  let strip = null; // the values that the text is tinted by

  function showValue() {
    if (!strip) return;
    const value = strip.values[view.cursor].toFixed(3);
    const scale = strip.scale.toFixed(2);
    const unit = `unit ${strip.layer}/${strip.unit} ${strip.name}`;
    status.show(`${unit} after ${spelled(tokens[view.cursor])}: ${value} (the scale ends at ±${scale})`);
  }

  async function tint() {
    const { layer, name, unit } = state;
    const isLatest = tints.begin();
    try {
      const values = await ask("strip", { text: state.text, run: 0, layer, direction: 0, name, unit });
      if (!isLatest()) return;
      strip = { layer, name, unit, ...unpack(values) };
      view.setTint(strip.values, "diverging", strip.scale);
      showValue();
    } catch (error) {
      if (!isLatest()) return;
      strip = null;
      view.setTint(null);
      status.fail(error);
    }
  }

  /** Underline where a detector holds; null removes the underlines. */
  async function showDetector(detector) {
    const isLatest = detectors.begin();
    if (detector === null) return view.setClasses(null);
    try {
      const { kind, values } = await ask("holds", { detector, text: state.text, run: 0 });
      if (!isLatest()) return;
      const least = kind === "yes/no" ? 0.5 : 0;
      view.setClasses((n) => (values[n] !== null && values[n] > least ? "holds" : null));
    } catch (error) {
      if (isLatest()) status.fail(error);
    }
  }

  const stopListening = listen((changed) => {
    if (changed.has("layer") || changed.has("name") || changed.has("unit")) tint();
    if (changed.has("unit")) map.mark(state.unit);
    if (changed.has("layer") || changed.has("name")) map.draw();
  });
  let timer = 0;
  const onScroll = () => {
    clearTimeout(timer);
    timer = setTimeout(map.draw, SCROLL_RESTS);
  };
  view.box.addEventListener("scroll", onScroll, { passive: true });
  await tint();
  await map.draw();
  finder.search("");
  return () => {
    tints.cancel();
    clearTimeout(timer);
    stopListening();
    picker.stop();
    view.stop();
  };
}

/** The heat map of all hidden units over the steps in view. */
function unitMap(root, steps, tokens, { firstInView, onPick }) {
  let drawn = ""; // the question whose answer is shown or awaited
  let chart = null;

  function question() {
    const { layer, name } = state;
    const start = clamp(firstInView(), 0, Math.max(0, steps - STEPS));
    const asked = { text: state.text, run: 0, layer, direction: 0, name, start, stop: Math.min(start + STEPS, steps) };
    if (isAvailable("window", asked)) return asked;
    return { ...asked, start: 0, stop: Math.min(STEPS, steps) }; // of which a report has the answer
  }

  async function draw() {
    const asked = question();
    const key = JSON.stringify(asked);
    if (key === drawn) return;
    drawn = key;
    try {
      const answer = await ask("window", asked);
      if (key === drawn) chart = drawMap(asked, unpack(answer));
    } catch (error) {
      if (key !== drawn) return;
      drawn = "";
      chart = null;
      replaceChildren(root, failure(error));
    }
  }

  function drawMap({ layer, name, start }, { shape: [count, units], scale, values }) {
    replaceChildren(root);
    return heatMap(root, transpose(values, count, units), units, count, {
      scale: usualSize(values, scale),
      height: clamp(2 * units, 160, 420),
      label: `${name} of all hidden units of layer ${layer}`,
      marked: state.unit,
      rowLabel: (unit) => `unit ${unit}`,
      columnLabel: (step) => `${start + step} ${spelled(tokens[start + step])}`,
      onPick: (unit, step) => onPick(unit, start + step),
    });
  }

  return { draw, mark: (unit) => chart?.mark(unit) };
}

// The size that one value in a hundred exceeds: a few large ones would make all others pale.
function usualSize(values, scale) {
  const sizes = values.map(Math.abs).sort();
  return sizes[Math.floor(0.99 * (sizes.length - 1))] || scale;
}

/** The list of hidden units that go with a detector or with a regular expression. */
function cellFinder(showDetector) {
  const builtIn = el("div");
  const own = el("div");
  const regex = el("input", {
    type: "text",
    placeholder: "a regular expression",
    "aria-label": "A regular expression",
    on: {
      keydown(event) {
        if (event.key === "Enter") searchRegex();
      },
    },
  });
  const element = el("section", { class: "finder" });
  replaceChildren(
    element,
    el("h2", {}, "Hidden units found by the search"),
    builtIn,
    live ? el("div", { class: "controls" }, regex, button("Find its hidden unit", searchRegex)) : null,
    own,
    note(
      "Underlined: where the detector holds. Untrained and shuffled are the controls: the best of the same search in " +
        "three untrained copies of the model, and for labels shifted along the text.",
    ),
  );

  function searchRegex() {
    if (regex.value) search(regex.value);
  }

  async function search(pattern) {
    const place = pattern ? own : builtIn;
    replaceChildren(place, note("Searching all hidden units, untrained copies and shuffled labels …"));
    try {
      const answer = await ask("found", pattern ? { pattern } : {});
      // The server knows where its own detectors hold, not where the regular expression does.
      replaceChildren(place, ...results(answer, (it) => showDetector(pattern ? null : it.detector)));
    } catch (error) {
      replaceChildren(place, failure(error));
    }
  }

  return { element, search };
}

function results({ found, absent, searched }, onPick) {
  const rows = found.map((it) => [
    it.detector,
    `${it.layer}/${it.unit} ${it.name}${it.sign < 0 ? " (low)" : ""}`,
    `${it.kind === "yes/no" ? "AUC" : "r"} ${it.score.toFixed(2)}`,
    it.untrained.toFixed(2),
    it.shuffled.toFixed(2),
  ]);
  const pick = (n) => {
    const { layer, name, unit } = found[n];
    choose({ layer, name, unit });
    onPick(found[n]);
  };
  const missing = absent.length ? ` Not in that text: ${absent.join(", ")}.` : "";
  return [
    table(["goes with", "hidden unit", "score", "untrained", "shuffled"], rows, { onRow: pick }),
    note(found.length ? searchedText(found[0], searched) + missing : missing),
  ];
}

function searchedText({ values, detectors }, searched) {
  const tried = `${grouped(values)} values × ${detectors} ${detectors > 1 ? "detectors" : "detector"}`;
  const text = `at most ${grouped(searched)} held-out ${about.runs[0].unit}s`;
  return `Tried: ${tried} on ${text}; chosen on one half, scored on the other.`;
}
