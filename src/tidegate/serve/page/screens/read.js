// Read: the text tinted by surprise; the five likeliest guesses for each token. Of several runs, one below the other.

import { inAddress } from "../address_settings.js";
import { ask } from "../ask.js";
import { bar } from "../charts/bars.js";
import { colourScale } from "../charts/scale.js";
import { el, failure, note, replaceChildren, spelled, table } from "../dom.js";
import { grouped, probability, unpack } from "../numbers.js";
import { about, choose, state } from "../state.js";
import { isAlike, readings, scrollTogether } from "../text/readings.js";
import { TextView, tokenName } from "../textview.js";

const BLOCK = 500; // tokens whose guesses are asked for at once; a report has these blocks

export async function show(root) {
  const token = about.runs[0].unit;
  const { readings: shown, refused } = await readings();
  const several = shown.length > 1;
  const side = el("aside", { class: "side", "aria-live": "polite" });
  const below = inAddress("guesses", el("input", { type: "checkbox", on: { change: toggleGuesses } }));
  const texts = el("div");
  const scales = el("div", { class: "scales" });
  const rows = shown.map((it) =>
    readingRow(it, { several, onCursor: (n) => goTo(it.placeOf(n), it), onLoad: details }),
  );
  const top = Math.max(...rows.map((it) => it.scale)); // one scale for all
  const [first] = shown;
  root.append(
    el("p", { class: "lead" }, summary(first.answer, about.runs[0])),
    el("label", { class: "switch" }, below, ` five guesses under each ${token}`),
    el("div", { class: "beside" }, el("div", {}, texts, scales), side),
  );
  texts.append(
    ...rows.map((it) => it.element),
    ...refused.map(([name, reason]) => note(`${name} cannot be shown beside it: ${reason}.`)),
  );
  for (const it of rows) it.start(top);
  scrollTogether(rows.filter((_, n) => isAlike(shown[n], first)).map((it) => it.view));
  goTo(first.placeOf(Math.min(state.at, first.tokens.length - 1)));

  /** Move the cursor to a place of the text, in all texts but the one in which it was moved. */
  function goTo(place, from = null) {
    rows.forEach((it, n) => {
      if (shown[n] !== from) it.view.setCursor(shown[n].tokenAt(place));
    });
    if (from) choose({ at: first.tokenAt(place) });
    details();
  }

  function toggleGuesses() {
    for (const it of rows) it.showGuesses(below.checked);
    const unsure = { kind: "share", top: 1, label: "probability of a guess" };
    const surprised = { kind: "sequential", top, label: `surprise at the ${token}`, unit: "nats" };
    replaceChildren(scales, colourScale(surprised), below.checked ? colourScale(unsure) : null);
  }

  function details() {
    const found = rows.map((it) => it.details());
    if (found.some((it) => it.length)) replaceChildren(side, ...found.flat());
  }

  toggleGuesses();
  return () => {
    for (const it of rows) it.view.stop();
  };
}

/** A text as one run reads it. `several`: whether others are beside it, so that it has a heading. */
function readingRow({ run, name, answer, tokens }, { several, onCursor, onLoad }) {
  const token = about.runs[run].unit;
  const surprise = unpack(answer.surprise);
  const text = el("div", { class: "main" });
  const heading = several ? el("h2", {}, `${name}: ${answer.nats.toFixed(3)} nats per ${token}`) : null;
  let fault = null;
  const guesses = guessBlocks(run, answer.steps, {
    onLoad() {
      view.draw();
      onLoad();
    },
    onError(error) {
      fault = error;
      onLoad();
    },
  });
  const view = new TextView(text, {
    label: several ? `The text, tinted by the surprise of ${name}` : "The text, tinted by surprise",
    height: several ? "36vh" : null,
    onCursor,
  });

  /** The guesses at the cursor: elements, none so far if they are being loaded. */
  function details() {
    const n = view.cursor;
    const found = guesses.at(n);
    if (fault) return [failure(fault)];
    if (!found) return [];
    const truth = tokenName(tokens[n]);
    const rows = found.expected.map(([guess, p]) => {
      const guessed = tokenName(guess);
      return [guessed === truth ? el("strong", {}, guessed, " ✓") : guessed, bar(p)];
    });
    const place = `${token[0].toUpperCase()}${token.slice(1)} ${grouped(n)}`;
    return [
      el("h2", {}, several ? `${name}, ${place.toLowerCase()}` : place, el("code", { class: "big" }, truth)),
      el("p", {}, `p = ${probability(Math.exp(-found.nats))}, surprise ${found.nats.toFixed(2)} nats`),
      table(["expected", "probability"], rows, {
        label: `What was expected at ${token} ${n}${several ? ` by ${name}` : ""}`,
      }),
      note(`Given all before it.${rows.length ? " ✓: what came." : ""}`),
    ];
  }

  return {
    element: el("div", {}, heading, text),
    view,
    scale: surprise.scale,
    details,
    start(top) {
      view.setText(tokens);
      view.setTint(surprise.values, "sequential", top);
    },
    showGuesses(isOn) {
      if (isOn) view.setBelow(5, (n) => guesses.at(n)?.expected);
      else view.setBelow(0, null);
    },
  };
}

function summary({ steps, nats, unknown, part }, { unit, validation }) {
  const lost = unknown.map(([it, count]) => `${spelled(it)} × ${count}`);
  const missing = lost.length ? ` Not in the vocabulary: ${lost.join(", ")}.` : "";
  const what = part ? `A passage of the ${part} part` : "Your text";
  const loss = `${grouped(steps)} ${unit}s, ${nats.toFixed(3)} nats per ${unit}`;
  const beside = part && validation ? `, ${hardness(nats / validation)} (validation: ${validation.toFixed(3)})` : "";
  return `${what}: ${loss}${beside}. The stronger the tint, the more surprised the model is, given all before.${missing}`;
}

function hardness(ratio) {
  if (ratio > 1.05) return "harder than most";
  return ratio < 0.95 ? "easier than most" : "about as hard as most";
}

function blockOf(n) {
  return Math.floor(n / BLOCK) * BLOCK;
}

/** Guesses of a run are loaded in blocks. `at(n)`: those of a token, or null while its block is being loaded. */
function guessBlocks(run, steps, { onLoad, onError }) {
  const blocks = new Map();

  async function load(start) {
    blocks.set(start, null);
    const stop = Math.min(start + BLOCK, steps);
    try {
      blocks.set(start, await ask("guesses", { text: state.text, run, start, stop }));
      onLoad();
    } catch (error) {
      onError(error);
    }
  }

  return {
    at(n) {
      const start = blockOf(n);
      if (!blocks.has(start)) load(start);
      const block = blocks.get(start);
      return block ? { expected: block.guesses[n - start], nats: block.nats[n - start] } : null;
    },
  };
}
