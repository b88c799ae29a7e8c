// Why: which steps of an example a class, a tag, a token or a value is due to, or which regions of an image.

import { ask, isAvailable, latest, live } from "../ask.js";
import { button, choice, el, failure, labelled, note, replaceChildren } from "../dom.js";
import { fixed, percent, probability, signed } from "../numbers.js";
import { choose, state } from "../state.js";
import { askExamples } from "../steps/outcomes.js";
import { measures } from "./reasons/measures.js";
import { placePicker } from "./reasons/places.js";

const NONE = "";
const NOTHING = { place: undefined, target: undefined, against: undefined }; // the likeliest, at the first place

export async function show(root) {
  const { names } = await askExamples();
  const numbers = names.map((_, n) => n).filter((n) => isAvailable("reasons", { text: n, at: 0 }));
  const text = numbers.includes(state.text) ? state.text : (numbers[0] ?? 0);
  const questions = latest();
  const controls = el("div", { class: "controls" });
  const places = el("div");
  const body = el("div");
  const move = (step) => () => {
    const at = numbers.indexOf(text);
    choose({ ...NOTHING, text: numbers[(at + step + numbers.length) % numbers.length], at: 0 });
  };
  root.append(
    el(
      "p",
      { class: "lead" },
      "What a decision is due to: each step is tinted by how much likelier it made the choice (red), or less likely " +
        "(blue). No measure is the truth: rely on what they agree on.",
    ),
    el(
      "div",
      { class: "controls" },
      button("Previous", move(-1)),
      button("Next", move(1)),
      el("span", { class: "told" }, names[text] ?? ""),
    ),
    controls,
    places,
    body,
  );

  async function load(changes = {}) {
    choose(changes);
    const { place, target, against } = state;
    const asked = { text, at: place ?? 0, target, against };
    const isLatest = questions.begin();
    if (!body.childElementCount) replaceChildren(body, note("Computing gradients along the way from no input …"));
    try {
      const answer = await ask("reasons", asked);
      if (!isLatest()) return;
      replaceChildren(controls, live ? choosers(answer) : null);
      const go = (at) => load({ ...NOTHING, place: at ? String(at) : undefined });
      replaceChildren(
        places,
        placePicker(answer, go, (at) => isAvailable("reasons", { text, at })),
      );
      const said = answer.meaning ? note(answer.meaning) : null;
      const title = el("h2", { class: "verdict" }, verdict(answer));
      replaceChildren(body, title, said, ...measures(answer), completeness(answer));
    } catch (error) {
      if (isLatest()) replaceChildren(body, failure(error));
    }
  }

  function choosers({ choices, target, against, unit }) {
    const shown = ([name, value]) => [name, unit === "nats" ? `${name}  ${probability(value)}` : name];
    const all = choices.map(shown);
    if (!choices.some(([name]) => name === target)) all.push([target, target]);
    const why = choice(all, target, (to) => load({ target: to, against: undefined }));
    const rest = [[NONE, "nothing: all others"], ...all.filter(([name]) => name !== target)];
    const whyNot = choice(rest, against ?? NONE, (to) => load({ target, against: to || undefined }));
    return [labelled("Why", why), unit === "nats" ? labelled("rather than", whyNot) : null].filter(Boolean);
  }

  await load();
  return () => questions.cancel();
}

function verdict({ target, against, value, baseline_value: nothing, unit, choices }) {
  if (unit !== "nats") return `${target}: ${fixed(value, 3)} ${unit}; ${fixed(nothing, 3)} without any input.`;
  if (against !== null)
    return `${target} rather than ${against}: ${signed(value, 2)} nats; ${signed(nothing, 2)} without any input.`;
  const p = choices.find(([name]) => name === target)?.[1] ?? Math.exp(value);
  return `${target}: p ${probability(p)}, ${fixed(value, 2)} nats; ${fixed(nothing, 2)} without any input.`;
}

function completeness({ completeness: share, complete, gradients }) {
  const said =
    share === null ? "Nothing changes on the way." : `Integrated gradients sum to ${percent(share)} of the change`;
  const mark = complete ? "✓" : "✗ more than 1% off: not to be trusted";
  return note(share === null ? said : `${said} from no input to this one (${gradients} gradients) ${mark}`);
}
