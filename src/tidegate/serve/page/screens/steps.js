// One example as a tagger, classifier, translator, captioner or forecaster took it.

import { ask, known, live, send } from "../ask.js";
import { choice, el, fill, labelled } from "../dom.js";
import { choose, state } from "../state.js";
import { show as classifier } from "../steps/classifier.js";
import { show as forecaster } from "../steps/forecaster.js";
import { unpackPictures } from "../steps/pictures.js";
import { show as plain } from "../steps/plain.js";
import { stateMaps } from "../steps/states.js";
import { show as tagger } from "../steps/tagger.js";
import { show as writer } from "../steps/writer.js";

const typed = new Map(); // the names of what was typed since the page was opened

export async function show(root) {
  const given = await ask("examples");
  const names = [...given.names, ...[...typed].filter(([n]) => n >= given.names.length).map(([, name]) => name)];
  const there = names.map((name, n) => [String(n), name]).filter(([n]) => known("look", { text: Number(n) }));
  const found = there.some(([n]) => Number(n) === state.text),
    number = found ? state.text : Number(there[0][0]);
  const lost = found ? "" : `There is no example ${state.text} here: this is ${there[0][1]}. `;
  const at = there.findIndex(([n]) => Number(n) === number);
  const go = (to) => choose({ text: Number(there[(to + there.length) % there.length][0]), at: 0 });
  const example = choice(there, String(number), (to) => choose({ text: Number(to), at: 0 }));
  const beam = el("div"),
    said = el("p", { class: "told", role: "status" }),
    body = el("div");
  const controls = el(
    "div",
    { class: "controls" },
    labelled("Example", example),
    el("button", { on: { click: () => go(at - 1) } }, "Before"),
    el("button", { on: { click: () => go(at + 1) } }, "Next"),
    beam,
  );
  root.append(controls, live && given.reads ? another(said) : "", said, body);
  let stops = [],
    going = 0;

  async function look(width) {
    const mine = ++going,
      asked = { text: number, ...(width ? { beam: width } : {}) };
    said.classList.remove("wrong");
    said.textContent = "Computing …";
    let found;
    try {
      found = await ask("look", asked);
    } catch (error) {
      if (mine !== going) return;
      said.classList.add("wrong");
      said.textContent = error.message;
      return;
    }
    if (mine !== going) return;
    stops.forEach((stop) => stop());
    stops = [];
    const sequence = found.sequences[0],
      panel = kind(found),
      frames = sequence.pictures ? unpackPictures(sequence.pictures) : null;
    said.textContent =
      lost +
      (sequence.steps > Math.max(sequence.read.length, frames?.count ?? 0)
        ? `It has ${sequence.steps.toLocaleString("en")} steps; the first ${Math.max(sequence.read.length, frames?.count ?? 0).toLocaleString("en")} are shown.`
        : "");
    fill(body);
    if (found.tree && live) widths(found.tree.width);
    const tokens = panel(body, found, frames, stops);
    const stop = await stateMaps(body, found.sequences, {
      asked,
      frames,
      tints: tokens !== null,
      onUnit: (of, name, values, scale) => tokens?.tint(name, values, "diverging", scale, of),
    });
    if (mine === going) stops.push(stop);
    else stop();
  }

  function widths(now) {
    const input = el("input", {
      type: "number",
      min: "1",
      max: "16",
      value: String(now),
      on: { change: () => look(Math.max(1, Math.min(16, Math.round(Number(input.value)) || 1))) },
    });
    fill(beam, labelled("Beam", input));
  }

  await look();
  return () => {
    going++;
    stops.forEach((stop) => stop());
  };
}

function kind(found) {
  if (found.prediction) return plain;
  return found.tags ? tagger : found.running ? classifier : found.written ? writer : forecaster;
}

function another(said) {
  const area = el("textarea", { rows: "2", "aria-label": "A text of your own" });
  const button = el("button", { on: { click: go } }, "Read it");
  async function go() {
    said.classList.remove("wrong");
    said.textContent = "Computing …";
    button.disabled = true;
    try {
      const text = await send(area.value);
      typed.set(text, `typed: ${area.value.slice(0, 40)}`);
      choose({ text, at: 0 });
    } catch (error) {
      said.classList.add("wrong");
      said.textContent = error.message;
    } finally {
      button.disabled = false;
    }
  }
  return el("details", { class: "another" }, el("summary", {}, "Try another"), area, button);
}
