// Read: the text tinted by surprise; the five likeliest guesses for each token.

import { inAddress } from "../address_settings.js";
import { ask } from "../ask.js";
import { bar } from "../charts/bars.js";
import { colourScale } from "../charts/scale.js";
import { el, failure, note, replaceChildren, spelled, table } from "../dom.js";
import { grouped, probability, unpack } from "../numbers.js";
import { about, choose, state } from "../state.js";
import { TextView, tokenName, tokensOf } from "../textview.js";

const BLOCK = 500; // tokens whose guesses are asked for at once; a report has these blocks

export async function show(root) {
  const token = about.runs[0].unit;
  const answer = await ask("text", { text: state.text, run: 0 });
  const surprise = unpack(answer.surprise);
  const tokens = tokensOf(answer);
  const side = el("aside", { class: "side", "aria-live": "polite" });
  const guesses = guessBlocks(answer.steps, {
    onLoad(start) {
      view.draw();
      if (blockOf(state.at) === start) details(state.at);
    },
    onError: (error) => replaceChildren(side, failure(error)),
  });
  const below = inAddress("guesses", el("input", { type: "checkbox", on: { change: toggleGuesses } }));
  const text = el("div", { class: "main" });
  const scales = el("div", { class: "scales" });
  root.append(
    el("p", { class: "lead" }, summary(answer, about.runs[0])),
    el("label", { class: "switch" }, below, ` five guesses under each ${token}`),
    el("div", { class: "beside" }, el("div", {}, text, scales), side),
  );
  const view = new TextView(text, {
    label: "The text, tinted by surprise",
    onCursor(n) {
      choose({ at: n });
      details(n);
    },
  });
  view.setText(tokens);
  view.setTint(surprise.values, "sequential", surprise.scale);
  view.setCursor(state.at);
  details(view.cursor);

  function toggleGuesses() {
    if (below.checked) view.setBelow(5, (n) => guesses.at(n)?.expected);
    else view.setBelow(0, null);
    const unsure = { kind: "share", top: 1, label: "probability of a guess" };
    const surprised = { kind: "sequential", top: surprise.scale, label: `surprise at the ${token}`, unit: "nats" };
    replaceChildren(scales, colourScale(surprised), below.checked ? colourScale(unsure) : null);
  }

  function details(n) {
    const found = guesses.at(n);
    if (!found) return;
    const truth = tokenName(tokens[n]);
    const rows = found.expected.map(([guess, p]) => {
      const name = tokenName(guess);
      return [name === truth ? el("strong", {}, name, " ✓") : name, bar(p)];
    });
    replaceChildren(
      side,
      el("h2", {}, `${token[0].toUpperCase()}${token.slice(1)} ${grouped(n)}`, el("code", { class: "big" }, truth)),
      el("p", {}, `p = ${probability(Math.exp(-found.nats))}, surprise ${found.nats.toFixed(2)} nats`),
      table(["expected", "probability"], rows, { label: `What was expected at ${token} ${n}` }),
      note(`Given all before it.${rows.length ? " ✓: what came." : ""}`),
    );
  }

  toggleGuesses();
  return () => view.stop();
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

/** Guesses are loaded in blocks. `at(n)`: those of a token, or null while its block is being loaded. */
function guessBlocks(steps, { onLoad, onError }) {
  const blocks = new Map();

  async function load(start) {
    blocks.set(start, null);
    const stop = Math.min(start + BLOCK, steps);
    try {
      blocks.set(start, await ask("guesses", { text: state.text, run: 0, start, stop }));
      onLoad(start);
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
