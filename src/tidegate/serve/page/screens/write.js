// Write: the model goes on from a prompt; each unit is tinted by a unit's value or by its surprise.

import { ask, live, stream } from "../ask.js";
import { choice, el, fill, labelled, table, visible } from "../dom.js";
import { about, state } from "../state.js";
import { TextView } from "../textview.js";
import { pickers } from "./cells.js";

const KEPT = ["prompt", "length", "temperature", "top_k", "top_p", "seed"];
const last = { prompt: "", length: "400", temperature: "0.8", top_k: "", top_p: "", seed: "0" };

export async function show(root) {
  if (!live) {
    root.append(el("p", {}, "A report cannot write anew; the live page can: tidegate look RUN"));
    return null;
  }
  const field = (name, label, props) => labelled(label, (inputs[name] = el("input", { value: last[name], ...props })));
  const inputs = {};
  const prompt = labelled("Prompt", (inputs.prompt = el("textarea", { rows: "2", cols: "40" })));
  inputs.prompt.value = last.prompt;
  const number = { type: "number", step: "any" };
  const fields = el(
    "div",
    { class: "controls" },
    prompt,
    field("length", `${about.runs[0].unit}s`, { ...number, min: "0", step: "1" }),
    field("temperature", "Temperature", { ...number, min: "0", step: "0.1" }),
    field("top_k", "Top k", { ...number, min: "1", step: "1" }),
    field("top_p", "Top p", { ...number, min: "0", max: "1", step: "0.05" }),
    field("seed", "Seed", { ...number, min: "0", step: "1" }),
  );
  const picked = pickers();
  let by = "value",
    going = null,
    pieces = [],
    values = [],
    nats = [],
    guesses = [],
    copied = [];
  const tint = choice(
    [
      ["value", "the unit's value"],
      ["nats", "surprise"],
    ],
    by,
    (chosen) => {
      by = chosen;
      paint();
    },
  );
  const start = el("button", { class: "go", on: { click: go } }, "Write"),
    told = el("p", { class: "told", "aria-live": "polite" });
  const text = el("div", { class: "main" }),
    side = el("aside", { class: "side", "aria-live": "polite" });
  picked.row.append(labelled("Tint by", tint), start);
  root.append(fields, picked.row, told, el("div", { class: "beside" }, text, side));
  const view = new TextView(text, { label: "What the model writes", onCursor: details });

  function paint() {
    const top = values.reduce((most, it) => Math.max(most, Math.abs(it)), 1e-6);
    if (by === "value") view.setTint(values, "diverging", top);
    else view.setTint(nats, "sequential", 8);
  }

  // A text that grows is laid out a few times a second, not for every piece.
  let timer = 0;

  function grow() {
    timer ||= setTimeout(() => {
      timer = 0;
      view.cursor = Math.max(0, pieces.length - 1);
      view.setText(pieces);
      paint();
    }, 100);
  }

  function details(n) {
    if (!guesses[n]) return;
    fill(
      side,
      el("h2", {}, el("code", {}, visible(pieces[n]))),
      el("p", {}, `surprise ${nats[n].toFixed(2)} nats; unit ${values[n].toFixed(3)}`),
      table(
        ["expected", "p"],
        guesses[n].map(([piece, p]) => [visible(piece), p]),
      ),
    );
  }

  async function go() {
    if (going) return going.abort();
    going = new AbortController();
    start.textContent = "Stop";
    for (const name of KEPT) last[name] = inputs[name].value;
    const asked = Object.fromEntries(
      KEPT.map((name) => [name, inputs[name].value]).filter(([name, value]) => value !== "" || name === "prompt"),
    );
    const { layer, name, unit } = state;
    pieces = [];
    values = [];
    nats = [];
    guesses = [];
    copied = [];
    view.setText(pieces);
    view.setClasses((n) => (copied[n] ? "copied" : null));
    told.textContent = "Writing …";
    told.classList.remove("wrong");
    try {
      for await (const piece of stream("write", { ...asked, layer, name, unit }, going.signal)) {
        if (piece.text === "" && pieces.length) continue;
        pieces.push(piece.text);
        values.push(piece.value ?? 0);
        nats.push(piece.nats ?? 0);
        guesses.push(piece.guesses);
        grow();
      }
      told.textContent = "";
    } catch (error) {
      told.textContent = error.name === "AbortError" ? "Stopped." : error.message;
      told.classList.toggle("wrong", error.name !== "AbortError");
    } finally {
      going = null;
      start.textContent = "Write";
    }
    await underline();
  }

  async function underline() {
    const written = pieces.join("");
    if (!written) return;
    const found = await ask("copies", { written: written.slice(-8000) });
    let at = Math.max(0, written.length - 8000) * -1;
    copied = pieces.map((piece) => {
      const here = at;
      at += [...piece].length;
      return piece.trim() !== "" && found.stretches.some(([from, to]) => here >= from && here < to);
    });
    const share = copied.filter(Boolean).length / Math.max(1, pieces.filter((piece) => piece.trim()).length);
    told.textContent += ` ${(100 * share).toFixed(0)}% of what is not blank stands verbatim in the training text, in stretches of ${found.length} or more (underlined).`;
    view.draw();
  }

  return () => {
    going?.abort();
    clearTimeout(timer);
    picked.stop();
    view.stop();
  };
}
