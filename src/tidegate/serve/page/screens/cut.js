// Cut & force: hold a unit; what that does to every prediction, by class of character, and to what is written.

import { ask, known, live, stream } from "../ask.js";
import { add, choice, el, fill, labelled, table, visible } from "../dom.js";
import { about, listen, state } from "../state.js";
import { piecesOf, TextView } from "../textview.js";
import { pickers } from "./cells.js";

const WAYS = [
  ["cut", "cut: held at 0"],
  ["force", "force: held at a value"],
  ["clamp", "clamp: between two values"],
  ["swap", "swap with another unit"],
];

export async function show(root) {
  const unit = about.runs[0].unit,
    picked = pickers();
  const said = await ask("text", { text: state.text, run: 0 });
  const pieces = piecesOf(said).slice(0, 10000);
  let way = "cut",
    added = [],
    asked = 0;
  const number = (value) => el("input", { type: "number", step: "any", value });
  const low = number("0"),
    high = number("1"),
    other = number("0");
  const lowBox = labelled("from, or value", low),
    highBox = labelled("to", high),
    otherBox = labelled("other unit", other);
  const ways = choice(WAYS, way, (chosen) => {
    way = chosen;
    offer();
  });
  const list = el("p", { class: "told" }),
    status = el("p", { class: "told", "aria-live": "polite" });
  const go = el("button", { class: "go", on: { click: measure } }, "Show what it does");
  const another = el(
    "button",
    {
      on: {
        click: () => {
          added.push(edit());
          offer();
        },
      },
    },
    "And another",
  );
  const none = el(
    "button",
    {
      on: {
        click: () => {
          added = [];
          offer();
        },
      },
    },
    "Forget those",
  );
  add(picked.row, labelled("Edit", ways), lowBox, highBox, otherBox, go, live ? another : null, live ? none : null);
  const tableBox = el("div"),
    text = el("div", { class: "main" });
  const before = el("pre", { class: "sample" }),
    after = el("pre", { class: "sample" });
  const prompt = el("input", { type: "text", value: "def " }),
    heat = el("input", { type: "number", step: "0.1", min: "0", value: "0.5" });
  const seed = el("input", { type: "number", step: "1", min: "0", value: "0" });
  const write = el("button", { on: { click: rewrite } }, "Write");
  add(
    root,
    el(
      "p",
      { class: "lead" },
      "Only this turns “goes with” into “does it”: a unit is held while the text goes on. Red: the edited model is more surprised there; blue: less.",
    ),
    picked.row,
    list,
    status,
    el(
      "div",
      { class: "beside wide" },
      el("div", {}, el("h2", {}, "Where it hurts"), text),
      el("section", {}, el("h2", {}, `What it costs, nats per ${unit}`), tableBox),
    ),
    live
      ? el(
          "section",
          {},
          el("h2", {}, "What it writes"),
          el(
            "div",
            { class: "controls" },
            labelled("Prompt", prompt),
            labelled("Temperature", heat),
            labelled("Seed", seed),
            write,
          ),
          el(
            "div",
            { class: "columns" },
            el("div", {}, el("h3", {}, "as it is"), before),
            el("div", {}, el("h3", {}, "edited, same draws"), after),
          ),
        )
      : null,
  );
  const view = new TextView(text, {
    label: "The text, tinted by how much the edit hurts",
    height: "45vh",
    onCursor: tell,
  });
  view.setText(pieces);
  let change = null,
    writing = null;

  function edit() {
    const at = { layer: state.layer, name: state.name, unit: state.unit };
    if (way === "swap") return { ...at, other: Number(other.value) };
    const from = way === "cut" ? 0 : Number(low.value);
    return { ...at, low: from, high: way === "clamp" ? Number(high.value) : from };
  }

  function edits() {
    return JSON.stringify([...added, edit()]);
  }

  function offer() {
    lowBox.hidden = way === "cut" || way === "swap";
    highBox.hidden = way !== "clamp";
    otherBox.hidden = way !== "swap";
    none.hidden = !added.length;
    fill(
      list,
      added.length ? `Together with: ${added.map((it) => `${it.layer}/${it.unit} ${it.name}`).join(", ")}` : "",
    );
    go.disabled = !known("measured", { edits: edits() });
    if (!live && go.disabled)
      status.textContent = "The report has the cuts of the units that the finder found: pick one on Cells.";
    else if (!live) status.textContent = "";
  }

  function tell(n) {
    if (Number.isFinite(change?.[n]))
      status.textContent = `${visible(pieces[n])}: ${change[n] >= 0 ? "+" : ""}${change[n].toFixed(2)} nats`;
  }

  async function measure() {
    const mine = ++asked,
      given = edits();
    status.classList.remove("wrong");
    status.textContent = "Measuring …";
    try {
      const [cost, where] = await Promise.all([
        ask("measured", { edits: given }),
        ask("changed", { edits: given, text: state.text }),
      ]);
      if (mine !== asked) return;
      change = where.change;
      view.setTint(change, "diverging", where.scale);
      const sign = (value) => (value === null ? "–" : (value >= 0 ? "+" : "") + value.toFixed(3));
      const rows = cost.rows.map((it) => [
        it.name,
        it.count.toLocaleString("en"),
        it.before.toFixed(3),
        it.after.toFixed(3),
        el("strong", {}, sign(it.change)),
        sign(it.control),
        sign(it.worst),
      ]);
      fill(
        tableBox,
        table([`to be predicted`, "count", "before", "after", "change", "others", "worst"], rows, {
          caption: cost.said,
        }),
        el(
          "p",
          { class: "told" },
          `On ${cost.steps.toLocaleString("en")} held-out ${unit}s. Others: the same edit of ${cost.controls} other units, on average and at worst; any cut hurts a little.`,
        ),
      );
      status.textContent = "";
    } catch (error) {
      if (mine !== asked) return;
      status.textContent = error.message;
      status.classList.add("wrong");
    }
  }

  async function rewrite() {
    if (writing) return writing.abort();
    writing = new AbortController();
    write.textContent = "Stop";
    const asking = { prompt: prompt.value, temperature: heat.value, seed: seed.value };
    const run = async (place, params) => {
      place.textContent = prompt.value;
      for await (const piece of stream("edited", params, writing.signal)) place.textContent += piece.text;
    };
    try {
      await Promise.all([run(before, asking), run(after, { ...asking, edits: edits() })]);
    } catch (error) {
      if (error.name !== "AbortError") {
        status.textContent = error.message;
        status.classList.add("wrong");
      }
    } finally {
      writing = null;
      write.textContent = "Write";
    }
  }

  const stop = listen(offer);
  offer();
  if (!go.disabled) measure();
  return () => {
    asked++;
    writing?.abort();
    stop();
    picked.stop();
    view.stop();
  };
}
