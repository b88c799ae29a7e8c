// One example as a tagger, classifier, translator, captioner, forecaster or regressor handles it.

import { ask, isAvailable, latest, live, send } from "../ask.js";
import { button, choice, el, labelled, replaceChildren, statusLine } from "../dom.js";
import { clamp, grouped } from "../numbers.js";
import { choose, state } from "../state.js";
import { show as classifier } from "../steps/classifier.js";
import { show as forecaster } from "../steps/forecaster.js";
import { unpackPictures } from "../steps/pictures.js";
import { show as plain } from "../steps/plain.js";
import { show as regressor } from "../steps/regressor.js";
import { stateMaps } from "../steps/states.js";
import { show as tagger } from "../steps/tagger.js";
import { show as writer } from "../steps/writer.js";

const WIDEST = 16; // beam
const typed = new Map(); // names of the texts that were typed since the page was opened, by number

export async function show(root) {
  const { names, reads } = await ask("examples");
  const examples = exampleOptions(names);
  const at = Math.max(
    0,
    examples.findIndex(([n]) => n === String(state.text)),
  );
  const [chosen, name] = examples[at];
  const number = Number(chosen);
  const missing = number === state.text ? "" : `There is no example ${state.text} here: this is ${name}. `;
  const goTo = (n) => choose({ text: Number(examples[(n + examples.length) % examples.length][0]), at: 0 });
  const example = choice(examples, chosen, (to) => choose({ text: Number(to), at: 0 }));
  const beam = el("div");
  const status = statusLine("");
  const body = el("div");
  root.append(
    el(
      "div",
      { class: "controls" },
      labelled("Example", example),
      button("Previous", () => goTo(at - 1)),
      button("Next", () => goTo(at + 1)),
      beam,
    ),
    live && reads ? anotherText(status) : "",
    status.element,
    body,
  );
  const questions = latest();
  let stops = [];

  function stopAll() {
    for (const stop of stops) stop();
    stops = [];
  }

  async function load(width = null) {
    const isLatest = questions.begin();
    const asked = width === null ? { text: number } : { text: number, beam: width };
    status.show("Computing …");
    let answer;
    try {
      answer = await ask("look", asked);
    } catch (error) {
      if (isLatest()) status.fail(error);
      return;
    }
    if (!isLatest()) return;
    stopAll();
    const sequence = answer.sequences[0];
    const frames = sequence.pictures ? unpackPictures(sequence.pictures) : null;
    status.show(missing + lengthNote(sequence, frames));
    replaceChildren(body);
    if (answer.tree && live) replaceChildren(beam, beamWidth(answer.tree.width, load));
    const tokens = panelOf(answer)(body, answer, frames, stops);
    const stop = await stateMaps(body, answer.sequences, {
      asked,
      frames,
      tints: tokens !== null,
      onUnit: (of, label, values, scale) => tokens?.tint(label, values, "diverging", scale, of),
    });
    if (isLatest()) stops.push(stop);
    else stop();
  }

  await load();
  return () => {
    questions.cancel();
    stopAll();
  };
}

/** [number, name] of the examples that can be shown: those of the run, then what was typed. */
function exampleOptions(names) {
  const added = [...typed].filter(([n]) => n >= names.length).map(([, name]) => name);
  return [...names, ...added]
    .map((name, n) => [String(n), name])
    .filter(([n]) => isAvailable("look", { text: Number(n) }));
}

function panelOf(answer) {
  if (answer.prediction) return plain;
  if (answer.tags) return tagger;
  if (answer.running) return classifier;
  if (answer.targets) return regressor;
  return answer.written ? writer : forecaster;
}

function lengthNote({ steps, read }, frames) {
  const shown = Math.max(read.length, frames?.count ?? 0);
  return steps > shown ? `It has ${grouped(steps)} steps; the first ${grouped(shown)} are shown.` : "";
}

function beamWidth(width, onChange) {
  const change = () => onChange(clamp(Math.round(Number(input.value)) || 1, 1, WIDEST));
  const input = el("input", { type: "number", min: "1", max: String(WIDEST), value: String(width), on: { change } });
  return labelled("Beam", input);
}

function anotherText(status) {
  const area = el("textarea", { rows: "2", "aria-label": "A text to read" });
  const read = button("Read it", async () => {
    status.show("Computing …");
    read.disabled = true;
    try {
      const text = await send(area.value);
      typed.set(text, `typed: ${area.value.slice(0, 40)}`);
      choose({ text, at: 0 });
    } catch (error) {
      status.fail(error);
    } finally {
      read.disabled = false;
    }
  });
  return el("details", { class: "another" }, el("summary", {}, "Try another"), area, read);
}
