// Cells: the text tinted by the values of one hidden unit; all hidden units over the part in view, to pick one.

import { ask, isAvailable, latest, live } from "../ask.js";
import { heatMap } from "../charts/heat_map.js";
import { colourScale } from "../charts/scale.js";
import { el, failure, replaceChildren, statusLine } from "../dom.js";
import { clamp, fixed, peakOrder, transpose, unpack } from "../numbers.js";
import { choose, listen, state } from "../state.js";
import { TextView, tokenName, tokensOf } from "../textview.js";
import { unitPicker } from "../unit_picker.js";
import { cellFinder } from "./cells/finder.js";

const STEPS = 120; // of the map of all hidden units
const SCROLL_RESTS = 200; // ms after which the map follows

export async function show(root) {
  const answer = await ask("text", { text: state.text, run: 0 });
  const tokens = tokensOf(answer);
  const picker = unitPicker();
  const text = el("div", { class: "main" });
  const status = statusLine("");
  const scale = el("div");
  const mapBox = el("div", { class: "map" });
  const finder = cellFinder(showDetector);
  const lead =
    "The text, tinted by the value of one hidden unit after each token. Pick one that the search found, by its number, " +
    "or in the map below.";
  root.append(
    el("p", { class: "lead" }, lead),
    el(
      "div",
      { class: "beside wide" },
      el("div", {}, picker.row, text, el("div", { class: "foot" }, status.element, scale)),
      finder.element,
    ),
    el("h2", {}, "All hidden units"),
    mapBox,
  );
  const view = new TextView(text, {
    label: "The text, tinted by the hidden unit's values",
    height: "52vh",
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
    status.show(`${nameOf(strip)} after ${tokenName(tokens[view.cursor])}: ${fixed(strip.values[view.cursor], 3)}`);
  }

  async function tint() {
    const { layer, name, unit } = state;
    const isLatest = tints.begin();
    try {
      const values = await ask("strip", { text: state.text, run: 0, layer, direction: 0, name, unit });
      if (!isLatest()) return;
      strip = { layer, name, unit, ...unpack(values) };
      view.setTint(strip.values, "diverging", strip.scale);
      replaceChildren(scale, colourScale({ kind: "diverging", top: strip.scale, label: nameOf(strip) }));
      showValue();
    } catch (error) {
      if (!isLatest()) return;
      strip = null;
      replaceChildren(scale);
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
    finder.mark();
  });
  let timer = 0;
  const onScroll = () => {
    clearTimeout(timer);
    timer = setTimeout(map.draw, SCROLL_RESTS);
  };
  view.box.addEventListener("scroll", onScroll, { passive: true });
  await tint();
  await map.draw();
  const searched = finder.search("");
  if (!live) await searched;
  else if (state.pattern) finder.search(state.pattern);
  return () => {
    tints.cancel();
    clearTimeout(timer);
    stopListening();
    picker.stop();
    view.stop();
  };
}

function nameOf({ layer, unit, name }) {
  return `unit ${layer}/${unit} ${name}`;
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
      unit: `value of ${name}`,
      height: clamp(2 * units, 160, 420),
      label: `${name} of all hidden units of layer ${layer}`,
      marked: state.unit,
      order: peakOrder(values, units),
      xLabel: "the text",
      yLabel: "hidden units, by the step of their peak",
      rowName: String,
      columnName: (step) => tokenName(tokens[start + step]),
      rowLabel: (unit) => `unit ${unit}`,
      columnLabel: (step) => `${start + step} ${tokenName(tokens[start + step])}`,
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
