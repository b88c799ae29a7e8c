// A tagger: tokens with their tags, brackets for spans, and where it was wrong.

import { bar } from "../charts/bars.js";
import { curve } from "../colours.js";
import { el, judgement, note, replaceChildren, table, visible } from "../dom.js";
import { probability } from "../numbers.js";
import { choose, state } from "../state.js";
import { filmstrip } from "./pictures.js";
import { isText, Tokens } from "./tokens.js";

const LIKELIEST = 3; // tags in the table

export function show(root, answer, frames) {
  const [{ read, guesses }] = answer.sequences;
  const { tags, true_tags: truth, probabilities, positions } = answer;
  const isWrong = tags.map((tag, n) => truth !== null && truth[n] !== tag);
  const asText = read.length > 0 && isText(read);
  const lanes = spanLanes(answer, asText);
  const main = el("div");
  const side = el("aside", { class: "side", "aria-live": "polite" });
  const lead =
    "The tag of every step. The stronger the tint, the less sure the tagger was; pick a step to see the three " +
    "likeliest tags.";
  root.append(
    el("p", { class: "lead" }, lead),
    ...legend(answer, lanes, asText),
    el("div", { class: "beside" }, main, side),
  );

  function trueTag(n) {
    return visible(truth[n] ?? "a tag that is not in the training split");
  }

  function below(n) {
    const wrong = isWrong[n] ? el("span", { class: "truth" }, `≠ ${trueTag(n)}`) : null;
    return el("span", { class: isWrong[n] ? "below missed" : "below" }, el("span", {}, visible(tags[n])), wrong);
  }

  /** Where a word is in its text; and its tag, where the likeliest sequence has another than the likeliest one. */
  function remarks(n) {
    const found = positions ? [`characters ${positions[n][0]} to ${positions[n][1]}`] : [];
    if (guesses[n][0][0] !== tags[n])
      found.push(`the likeliest sequence of tags has ${visible(tags[n])} here, p ${probability(probabilities[n])}`);
    return found.map((it) => note(it));
  }

  function details(n) {
    choose({ at: n });
    const verdict = [el("strong", {}, visible(tags[n])), truth === null ? null : judgement(!isWrong[n])];
    if (isWrong[n]) verdict.push(`, true is ${trueTag(n)}`);
    const rows = guesses[n].slice(0, LIKELIEST).map(([tag, p]) => [visible(tag), bar(p)]);
    replaceChildren(
      side,
      el("h2", {}, `step ${n}: `, read.length ? el("code", {}, visible(read[n])) : "a frame"),
      el("p", {}, ...verdict.filter(Boolean)),
      table(["tag", "probability"], rows),
      ...remarks(n),
    );
  }

  if (frames) {
    filmstrip(main, frames, { below, onPick: details, most: Infinity });
    details(Math.min(state.at, frames.count - 1));
    return null;
  }
  const options = { label: "What was read, with its tags", lanes, below: asText ? null : below, onCursor: details };
  const tokens = new Tokens(main, read, options);
  const doubt = probabilities.map((p) => 1 - p);
  tokens.tint("unsure, 1 - p of the tag", doubt, "unsure", 1);
  if (asText) for (const [n, it] of tokens.items.entries()) it.classList.toggle("missed", isWrong[n]);
  const at = Math.min(state.at, read.length - 1);
  tokens.mark(at);
  details(at);
  return tokens;
}

function hasSpans({ spans, true_spans: trueSpans }) {
  return spans.length + trueSpans.length > 0;
}

/** Brackets above the tokens: of spans, or of stretches of equal tags where each character has one. */
function spanLanes(answer, asText) {
  const { tags, true_tags: truth, spans, true_spans: trueSpans } = answer;
  const marked = hasSpans(answer);
  if (!marked && !asText) return [];
  const types = [...new Set([...[...spans, ...trueSpans].map((it) => it[0]), ...tags, ...(truth ?? [])])];
  const colour = (type) => curve(Math.max(0, types.indexOf(type)));
  const lanes = [{ kind: "said", colour, spans: marked ? spans : stretches(tags) }];
  if (truth === null) return lanes;
  const differing = () => stretches(truth).filter(([type, from, to]) => tags.slice(from, to).some((it) => it !== type));
  return [...lanes, { kind: "true", colour, spans: marked ? trueSpans : differing() }];
}

function legend(answer, lanes, asText) {
  const { tags, true_tags: truth } = answer;
  const lines = [];
  if (lanes.length) {
    const trueTags = asText && !hasSpans(answer) ? " true tags, where they differ" : " true tags";
    const bracket = (kind) => el("span", { class: `lane ${kind} on first last` });
    lines.push(note(bracket("said"), " predicted tags", truth === null ? null : [" ", bracket("true"), trueTags]));
  }
  if (truth === null) return [...lines, note("")];
  const right = tags.filter((tag, n) => truth[n] === tag).length;
  const wrong = asText ? "Underlined by waves: wrong." : "Below a wrong one, ≠ and the true one.";
  return [...lines, note(` ${right} of ${tags.length} are right. ${wrong}`)];
}

/** Stretches of equal tags as spans. */
function stretches(tags) {
  const found = [];
  tags.forEach((tag, n) => {
    if (tag === null) return;
    const open = found.at(-1);
    if (open && open[0] === tag && open[2] === n) open[2] = n + 1;
    else found.push([tag, n, n + 1]);
  });
  return found;
}
