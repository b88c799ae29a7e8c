// Read: the text tinted by surprise; the five likeliest guesses for each token.

import { ask } from "../ask.js";
import { bar } from "../charts/bars.js";
import { el, failure, replaceChildren, spelled, table, visible } from "../dom.js";
import { grouped, unpack } from "../numbers.js";
import { about, choose, state } from "../state.js";
import { TextView, tokensOf } from "../textview.js";

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
  const below = el("input", { type: "checkbox", on: { change: toggleGuesses } });
  const text = el("div", { class: "main" });
  root.append(
    el("p", { class: "lead" }, summary(answer, token), el("label", {}, below, " five guesses under each")),
    el("div", { class: "beside" }, text, side),
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
  }

  function details(n) {
    const found = guesses.at(n);
    if (!found) return;
    const rows = found.expected.map(([guess, p]) => [spelled(guess), bar(p)]);
    replaceChildren(
      side,
      el("h2", {}, `${token} ${grouped(n)}: `, el("code", {}, spelled(tokens[n]))),
      el("p", {}, `p = ${Math.exp(-found.nats).toFixed(3)}, surprise ${found.nats.toFixed(2)} nats`),
      table(["expected", "probability"], rows, { caption: "Given all before it" }),
    );
  }

  return () => view.stop();
}

function summary({ steps, nats, unknown }, token) {
  const lost = unknown.map(([it, count]) => `${visible(it)} × ${count}`);
  const missing = lost.length ? `; not in the vocabulary: ${lost.join(", ")}` : "";
  const loss = `${grouped(steps)} ${token}s, ${nats.toFixed(3)} nats per ${token}`;
  return `The darker, the more surprised. ${loss}${missing}. `;
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
