// One example as a tagger, classifier, translator, captioner, forecaster or regressor handles it, and the list of all.

import { ask, isAvailable, latest, live } from "../ask.js";
import { button, el, failure, labelled, note, replaceChildren, statusLine } from "../dom.js";
import { clamp, grouped } from "../numbers.js";
import { choose, state } from "../state.js";
import { show as classifier } from "../steps/classifier.js";
import { exampleList } from "../steps/example_list.js";
import { show as forecaster } from "../steps/forecaster.js";
import { askExamples, askOutcomes, askThumbnails } from "../steps/outcomes.js";
import { unpackPictures } from "../steps/pictures.js";
import { show as plain } from "../steps/plain.js";
import { show as regressor } from "../steps/regressor.js";
import { stateMaps } from "../steps/states.js";
import { show as tagger } from "../steps/tagger.js";
import { show as writer } from "../steps/writer.js";

const WIDEST = 16; // beam

export async function show(root) {
  const { names, tried } = await askExamples();
  const numbers = [...names.keys()].filter((n) => isAvailable("look", { text: n }));
  const number = numbers.includes(state.text) ? state.text : numbers[0];
  const missing = number === state.text ? "" : missingNote(state.text, names, names[number]);
  const steering = steer(number, numbers);
  const beam = el("div");
  const status = statusLine("");
  const body = el("div");
  const list = el("div", { class: "examples" });
  const several = numbers.length > 1;
  const controls = [...(several ? steering.buttons : []), beam];
  const example = el(
    "div",
    { class: "one-example" },
    el("div", { class: "controls" }, ...controls, status.element),
    body,
  );
  const box = el("details", { class: "list-box", open: !isNarrow() }, el("summary", {}, "Examples"), list);
  root.append(several ? el("div", { class: "with-list" }, box, example) : example);
  if (several)
    fillList(list, { numbers, names, number, tried, steering }).catch((error) => replaceChildren(list, failure(error)));
  const stop = await showExample(body, { number, missing, status, beam });
  return stop;
}

function missingNote(number, names, shown) {
  const isLeftOut = !live && names[number];
  return isLeftOut
    ? `The report does not have ${names[number]}, the live page does: this is ${shown}. `
    : `There is no example ${number} here: this is ${shown}. `;
}

function isNarrow() {
  return matchMedia("(max-width: 900px)").matches;
}

/** The buttons that go through the examples, in the order of the list. */
function steer(number, all) {
  let order = all;
  let known = new Map();
  const isWrong = (n) => known.get(n)?.right === 0;
  const goTo = (n) => choose({ text: n, at: known.get(n)?.step ?? 0 });
  const move = (step) => () => {
    const at = order.indexOf(number);
    goTo(order[at < 0 ? 0 : (at + step + order.length) % order.length]);
  };
  const nextWrong = button("Next wrong", () => {
    const at = order.indexOf(number);
    const next = [...order.slice(at + 1), ...order.slice(0, Math.max(0, at))].find(isWrong);
    if (next !== undefined) goTo(next);
  });
  nextWrong.hidden = true;
  return {
    buttons: [button("Previous", move(-1)), button("Next", move(1)), nextWrong],
    goTo,
    /** The list is shown in another order. */
    arranged(numbers) {
      if (numbers.length) order = numbers;
    },
    /** It is known what the run made of the examples: `rows` by number. */
    judged(rows) {
      known = rows;
      nextWrong.hidden = !all.some(isWrong);
    },
  };
}

async function fillList(root, { numbers, names, number, tried, steering }) {
  const options = {
    names,
    current: number,
    onPick: steering.goTo,
    onArranged: steering.arranged,
  };
  let rows = numbers.map((n) => ({ number: n }));
  if (!tried) return exampleList(root, { ...options, rows, measure: "", canBeRight: false, thumbnail: () => null });
  replaceChildren(root, note("Trying the examples …"));
  const [{ rows: known, measure, answers, part, total }, thumbnail] = await Promise.all([
    askOutcomes(),
    askThumbnails(),
  ]);
  const of = new Map(known.map((row) => [row.number, row]));
  rows = rows.map((row) => of.get(row.number) ?? row);
  steering.judged(of);
  const some = known.length < total ? `${grouped(known.length)} of ` : "";
  replaceChildren(root, note(`${some}${grouped(total)} ${part} examples. At the right: ${measure}.`));
  exampleList(root, { ...options, rows, measure, canBeRight: answers !== "numbers", thumbnail });
}

/** Show what the run did with an example; returns what stops it. */
async function showExample(body, { number, missing, status, beam }) {
  const questions = latest();
  let stops = [];

  function stopAll() {
    for (const stop of stops) stop();
    stops = [];
  }

  async function load() {
    const isLatest = questions.begin();
    const asked = live && state.beam ? { text: number, beam: state.beam } : { text: number };
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
  const change = () => {
    const wanted = Math.round(Number(input.value));
    choose({ beam: wanted ? String(clamp(wanted, 1, WIDEST)) : undefined }); // without a number, the run's
    onChange();
  };
  const input = el("input", { type: "number", min: "1", max: String(WIDEST), value: String(width), on: { change } });
  return labelled("Beam", input);
}
