// Gates and states over the steps: a heat map for each direction, units down and steps across.

import { ask, unpack } from "../ask.js";
import { heatMap } from "../chart.js";
import { choice, el, fill, labelled, visible } from "../dom.js";
import { about, choose, listen, state } from "../state.js";
import { filmstrip } from "./pictures.js";

const SEQUENCES = {
  input: "what it read",
  source: "the encoder, which reads the source",
  target: "the decoder, which writes",
};

/**
 * The section of heat maps. `frames`: pictures over each map, or null. `onUnit(sequence, name, values, scale, step)` is
 * told of the values of a unit that is picked. Returns what stops it.
 */
export async function stateMaps(root, sequences, { asked, frames = null, tints = false, onUnit = () => {} }) {
  let chosen = sequences.at(-1);
  const maps = el("div", { class: frames ? "" : "columns" }),
    controls = el("div", { class: "controls" }),
    said = el("p", { class: "told", "aria-live": "polite" });
  root.append(
    el("h2", {}, "Gates and states"),
    el(
      "p",
      { class: "lead" },
      "Each row is a unit, each column a step: red above zero, blue below. Pick a place to see the number" +
        (tints ? ", and to tint what was read by that unit." : "."),
    ),
    controls,
    said,
    maps,
  );
  let going = 0;

  function pickers() {
    const sequence = choice(
      sequences.map((it) => [it.name, SEQUENCES[it.name] ?? it.name]),
      chosen.name,
      (to) => {
        chosen = sequences.find((it) => it.name === to);
        pickers();
        draw().catch(wrong);
      },
    );
    const layers = Array.from({ length: chosen.layers }, (_, n) => [String(n), `layer ${n}`]);
    const layer = choice(layers, String(which().layer), (to) => choose({ layer: Number(to) }));
    const name = choice(chosen.names, which().name, (to) => choose({ name: to }));
    fill(
      controls,
      sequences.length > 1 ? labelled("Of", sequence) : null,
      labelled("Layer", layer),
      labelled("Gate or state", name),
    );
  }

  // The address may name a layer or a gate that this sequence does not have.
  function which() {
    const name = chosen.names.includes(state.name) ? state.name : about.runs[0].states.at(-1);
    return {
      layer: Math.max(0, Math.min(chosen.layers - 1, state.layer)),
      name: chosen.names.includes(name) ? name : chosen.names[0],
    };
  }

  async function draw() {
    const mine = ++going,
      { layer, name } = which(),
      sequence = chosen;
    const found = await Promise.all(
      Array.from({ length: sequence.directions }, (_, direction) =>
        ask("states", { ...asked, sequence: sequence.name, layer, direction, name }),
      ),
    );
    if (mine !== going) return;
    fill(maps);
    found.forEach((packed, direction) => {
      const {
        shape: [steps, units],
        scale,
        values,
      } = unpack(packed);
      const turned = new Float32Array(values.length);
      for (let t = 0; t < steps; t++) for (let u = 0; u < units; u++) turned[u * steps + t] = values[t * units + u];
      const way =
        sequence.directions === 1
          ? ""
          : direction
            ? ", from the end to the beginning"
            : ", from the beginning to the end";
      const box = el(
        "section",
        {},
        el("h3", {}, `${name} of layer ${layer}${way}; the scale ends at ±${scale.toFixed(2)}`),
      );
      maps.append(box);
      if (frames && sequence.name === "input") filmstrip(box, frames, { aligned: true });
      heatMap(box, turned, units, steps, {
        scale,
        height: Math.max(120, Math.min(320, 3 * units)),
        label: `${name} of all units of layer ${layer}${way}`,
        rowLabel: (u) => `unit ${u}`,
        columnLabel: (t) => place(sequence, t),
        onPick: pick,
      });
      function pick(u, t) {
        const unit = Array.from({ length: steps }, (_, step) => values[step * units + u]);
        said.textContent = `unit ${layer}/${u}${way}: ${name} ${unit[t].toFixed(3)} after ${place(sequence, t)}`;
        choose({ unit: u, at: t });
        onUnit(sequence.name, `${name} of unit ${layer}/${u}${direction ? ", from the end" : ""}`, unit, scale, t);
      }
    });
  }

  const wrong = (error) => {
    said.textContent = error.message;
  };
  const stop = listen((changed) => {
    if (!changed.has("layer") && !changed.has("name")) return;
    pickers();
    draw().catch(wrong);
  });
  pickers();
  await draw().catch(wrong);
  return () => {
    going++;
    stop();
  };
}

function place(sequence, t) {
  return sequence.read.length ? `step ${t}, ${visible(sequence.read[t])}` : `step ${t}`;
}
