// Read: the text tinted by surprise; the five likeliest guesses under each unit.

import { ask, unpack } from "../ask.js";
import { el, fill, table, visible } from "../dom.js";
import { about, choose, state } from "../state.js";
import { piecesOf, TextView } from "../textview.js";

const BLOCK = 500; // guesses are asked for in blocks, as a report keeps them

export async function show(root) {
  const run = about.runs[0],
    unit = run.unit;
  const said = await ask("text", { text: state.text, run: 0 });
  const surprise = unpack(said.surprise);
  const blocks = new Map();

  function guessesAt(n) {
    const start = Math.floor(n / BLOCK) * BLOCK;
    if (!blocks.has(start)) {
      blocks.set(start, null);
      ask("guesses", { text: state.text, run: 0, start, stop: Math.min(start + BLOCK, said.steps) })
        .then((answer) => {
          blocks.set(start, answer);
          view.draw();
          if (Math.floor(state.at / BLOCK) * BLOCK === start) details(state.at);
        })
        .catch((error) => fill(side, el("p", { class: "wrong" }, error.message)));
    }
    const block = blocks.get(start);
    return block ? { guesses: block.guesses[n - start], nats: block.nats[n - start] } : null;
  }

  function details(n) {
    const found = guessesAt(n);
    if (!found) return;
    const rows = found.guesses.map(([piece, p]) => [visible(piece), p, "█".repeat(Math.round(p * 20)) || "▏"]);
    fill(
      side,
      el("h2", {}, `${unit} ${n.toLocaleString("en")}: `, el("code", {}, visible(pieces[n]))),
      el("p", {}, `p = ${Math.exp(-found.nats).toFixed(3)}, surprise ${found.nats.toFixed(2)} nats`),
      table(["expected", "p", ""], rows, { caption: "Given all before it" }),
    );
  }

  const pieces = piecesOf(said);
  const below = el("input", {
    type: "checkbox",
    on: { change: () => view.setBelow(below.checked ? 5 : 0, below.checked ? (n) => guessesAt(n)?.guesses : null) },
  });
  const side = el("aside", { class: "side", "aria-live": "polite" });
  const text = el("div", { class: "main" });
  const mean = `${said.steps.toLocaleString("en")} ${unit}s, ${said.nats.toFixed(3)} nats per ${unit}`;
  const lost = said.unknown.length
    ? `; not in the vocabulary: ${said.unknown.map(([it, count]) => `${visible(it)} × ${count}`).join(", ")}`
    : "";
  root.append(
    el(
      "p",
      { class: "lead" },
      `The darker, the more surprised. ${mean}${lost}. `,
      el("label", {}, below, " five guesses under each"),
    ),
    el("div", { class: "beside" }, text, side),
  );
  const view = new TextView(text, {
    label: "The text, tinted by surprise",
    onCursor: (n) => {
      choose({ at: n });
      details(n);
    },
  });
  view.setText(pieces);
  view.setTint(surprise.values, "sequential", surprise.scale);
  view.setCursor(state.at);
  details(view.cursor);
  return () => view.stop();
}
