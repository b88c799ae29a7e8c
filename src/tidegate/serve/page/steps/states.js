// Gates and states over the steps: a heat map for each direction, hidden units down and steps across.

import { ask, latest } from "../ask.js";
import { heatMap } from "../charts/heat_map.js";
import { choice, el, labelled, replaceChildren, spelled, statusLine, visible } from "../dom.js";
import { clamp, peakOrder, range, transpose, unpack } from "../numbers.js";
import { about, choose, listen, state } from "../state.js";
import { layerOptions } from "../unit_picker.js";
import { filmstrip } from "./pictures.js";

const SEQUENCES = {
  input: "the input",
  source: "the encoder, which reads the source",
  target: "the decoder, which writes",
};

/**
 * Show the heat maps. `frames`: pictures over each map, or null. `onUnit(sequence, label, values, scale)` gets the
 * values of a hidden unit that is picked. Returns what stops it.
 */
export async function stateMaps(root, sequences, { asked, frames = null, tints = false, onUnit = () => {} }) {
  let sequence = sequences.find((it) => it.name === state.sequence) ?? sequences.at(-1);
  const maps = el("div", { class: frames ? "" : "columns" });
  const controls = el("div", { class: "controls" });
  const status = statusLine("");
  const after = tints ? ", and to tint the tokens by that hidden unit." : ".";
  const lead =
    "Each row is a hidden unit, each column a step: red above zero, blue below. Pick a place to see the number";
  root.append(
    el("h2", {}, "Gates and states"),
    el("p", { class: "lead" }, lead + after),
    controls,
    status.element,
    maps,
  );
  const questions = latest();

  function showControls() {
    const options = sequences.map((it) => [it.name, SEQUENCES[it.name] ?? it.name]);
    const select = choice(options, sequence.name, (to) => {
      sequence = sequences.find((it) => it.name === to);
      choose({ sequence: to });
      update();
    });
    const { layer, name } = shownOf(sequence);
    const layers = choice(layerOptions(sequence.layers), String(layer), (to) => choose({ layer: Number(to) }));
    const names = choice(sequence.names, name, (to) => choose({ name: to }));
    const several = sequences.length > 1 ? labelled("Of", select) : null;
    replaceChildren(controls, several, labelled("Layer", layers), labelled("Gate or state", names));
  }

  async function draw() {
    const isLatest = questions.begin();
    const of = sequence;
    const { layer, name } = shownOf(of);
    const question = { ...asked, sequence: of.name, layer, name };
    const directions = range(of.directions);
    const answers = await Promise.all(directions.map((direction) => ask("states", { ...question, direction })));
    if (!isLatest()) return;
    replaceChildren(maps);
    for (const direction of directions) drawDirection(of, layer, name, direction, unpack(answers[direction]));
  }

  function drawDirection(of, layer, name, direction, { shape: [steps, units], scale, values }) {
    const way = wayOf(of, direction);
    const box = el("section", {});
    box.append(el("h3", {}, `${name} of layer ${layer}${way}`));
    maps.append(box);
    if (frames && of.name === "input") filmstrip(box, frames, { aligned: true });
    const picked = `${of.name} ${direction}`;
    const isPicked = state.picked === picked && state.unit < units;
    const showUnit = (unit, step) => {
      const ofUnit = range(steps).map((t) => values[t * units + unit]);
      status.show(`unit ${layer}/${unit}${way}: ${name} ${ofUnit[step].toFixed(3)} after ${placeOf(of, step)}`);
      onUnit(of.name, `${name} of unit ${layer}/${unit}${direction ? ", from the end" : ""}`, ofUnit, scale);
    };
    heatMap(box, transpose(values, steps, units), units, steps, {
      scale,
      marked: isPicked ? state.unit : null,
      unit: `value of ${name}`,
      height: clamp(3 * units, 180, 320),
      order: peakOrder(values, units),
      yLabel: "hidden units, by their peak",
      rowName: String,
      columnName: (step) => (of.read.length ? spelled(of.read[step]) : String(step)),
      label: `${name} of all hidden units of layer ${layer}${way}`,
      rowLabel: (unit) => `unit ${unit}`,
      columnLabel: (step) => placeOf(of, step),
      onPick(unit, step) {
        choose({ unit, at: step, picked, tint: undefined, source_tint: undefined });
        showUnit(unit, step);
      },
    });
    if (isPicked) showUnit(state.unit, clamp(state.at, 0, steps - 1));
  }

  async function update() {
    showControls();
    await draw().catch(status.fail);
  }

  const stopListening = listen((changed) => {
    if (changed.has("layer") || changed.has("name")) update();
  });
  await update();
  return () => {
    questions.cancel();
    stopListening();
  };
}

/** The layer and the gate or state that are shown: the address may name some that the sequence does not have. */
function shownOf({ layers, names }) {
  const layer = clamp(state.layer, 0, layers - 1);
  const name = [state.name, about.runs[0].states.at(-1), names[0]].find((it) => names.includes(it));
  return { layer, name };
}

function wayOf({ directions }, direction) {
  if (directions === 1) return "";
  return direction ? ", from the end to the beginning" : ", from the beginning to the end";
}

function placeOf({ read }, step) {
  return read.length ? `step ${step}, ${visible(read[step])}` : `step ${step}`;
}
