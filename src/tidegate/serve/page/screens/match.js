// Match: mark a stretch; the units that are on over it and off around it; where else the same units are on.

import { ask, known, live, orWhyNot, unpack } from "../ask.js";
import { choice, el, fill, labelled, table, visible } from "../dom.js";
import { about, choose, listen, state } from "../state.js";
import { piecesOf, TextView } from "../textview.js";

const AROUND = 16; // units shown before and after a match
const SHOWN = 60; // units in the list
const LONG = 60; // units of a match that are shown

export async function show(root) {
  const run = about.runs[0],
    unit = run.unit;
  const said = await ask("text", { text: state.text, run: 0 });
  const [offers, refused] = await orWhyNot(ask("stretches", { text: state.text }), []);
  const pieces = piecesOf(said);
  const number = (value, props) => el("input", { type: "number", value, ...props, on: { change: () => look() } });
  const threshold = number("0.3", { step: "any" }),
    before = number("1", { min: "0", step: "1" }),
    after = number("1", { min: "0", step: "1" });
  const layers = Array.from({ length: run.layers }, (_, n) => [String(n), `layer ${n}`]);
  const layer = choice(layers, String(state.layer), (value) => choose({ layer: Number(value) }));
  // A report has the states; a gate that was chosen elsewhere is left for the last state.
  const names = live ? run.names : run.states;
  const name = choice(names, names.includes(state.name) ? state.name : names.at(-1), (value) =>
    choose({ name: value }),
  );
  const text = el("div", { class: "main" }),
    told = el("p", { class: "told", "aria-live": "polite" }),
    list = el("section", { class: "on" }),
    found = el("section", {});
  const tries = offers.map((it) =>
    el(
      "button",
      { on: { click: () => select(it.start, it.stop) } },
      `${it.what}: ${cut(pieces.slice(it.start, it.stop), 24)}`,
    ),
  );
  fill(
    root,
    el(
      "p",
      { class: "lead" },
      `Mark a stretch of the text: drag over it, or hold shift and move with the arrows. Which units are on just there, and where else are the same units on? What the matches have in common is what these units may stand for; Cells and Cut & force can test it.`,
    ),
    el(
      "div",
      { class: "controls" },
      labelled("Layer", layer),
      labelled("Gate or state", name),
      live
        ? [labelled("On from", threshold), labelled(`Off for … ${unit}s before`, before), labelled("and after", after)]
        : null,
    ),
    refused
      ? el("p", { class: "wrong" }, refused)
      : tries.length
        ? el("div", { class: "tries" }, el("span", { class: "told" }, live ? "Try: " : "The report has: "), ...tries)
        : null,
    el("div", { class: "beside wide" }, el("div", {}, text, told), list),
    found,
  );
  const view = new TextView(text, {
    label: "The text; mark a stretch of it",
    height: "45vh",
    onCursor: (n) => choose({ at: n, end: -1 }),
    onSelect: chosen,
  });
  view.setText(pieces);
  let timer = 0,
    asked = 0,
    from = 0,
    to = 0;

  function chosen(start, stop) {
    clearTimeout(timer);
    timer = setTimeout(() => select(start, stop, true), 200);
  }

  function select(start, stop, seen = false) {
    clearTimeout(timer);
    [from, to] = [start, stop];
    choose({ at: start, end: stop });
    view.setMarked(start, stop);
    if (!seen) view.setCursor(start);
    return look();
  }

  async function look() {
    const mine = ++asked;
    told.classList.remove("wrong");
    if (to <= from) return;
    const asks = { start: from, stop: to, name: name.value, layer: Number(layer.value), text: state.text };
    if (Number(threshold.value) !== 0.3) asks.threshold = threshold.value;
    if (before.value !== "1") asks.before = before.value;
    if (after.value !== "1") asks.after = after.value;
    view.setClasses(null);
    if (!known("matched", asks)) {
      told.textContent = "The report has the stretches above only; the live page matches any: tidegate look RUN";
      return;
    }
    told.textContent = "Searching …";
    try {
      const answer = await ask("matched", asks);
      if (mine !== asked) return;
      told.textContent = "";
      units(answer.units);
      matches(answer);
      if (answer.units.length) await tint();
      else view.setTint(null);
    } catch (error) {
      if (mine !== asked) return;
      told.textContent = error.message;
      told.classList.add("wrong");
      fill(list);
      fill(found);
    }
  }

  function units(on) {
    const title = el(
      "h2",
      {},
      `${on.length} ${on.length === 1 ? "unit is" : "units are"} on over `,
      el("code", {}, cut(pieces.slice(from, to), 24)),
      ", off around it",
    );
    if (!on.length) {
      fill(
        list,
        title,
        el(
          "p",
          { class: "told" },
          live
            ? "No unit is on at every step of it and off just before and after. Mark less, lower the threshold, or ask for 0 steps before or after."
            : "Choose another state or stretch.",
        ),
      );
      return;
    }
    const rows = on.slice(0, SHOWN).map(([n, mean]) => [`${layer.value}/${n} ${name.value}`, mean.toFixed(2)]);
    fill(
      list,
      title,
      el("p", { class: "told" }, "Pick one to tint the text by it: red above zero, blue below."),
      table(["unit", "mean there"], rows, {
        onRow: (n) => {
          choose({ unit: on[n][0] });
          tint().catch(wrong);
        },
      }),
      on.length > SHOWN ? el("p", { class: "told" }, `… and ${on.length - SHOWN} more that are weaker`) : null,
    );
    if (!on.some(([n]) => n === state.unit)) choose({ unit: on[0][0] });
  }

  async function tint() {
    const asks = {
      text: state.text,
      run: 0,
      layer: Number(layer.value),
      direction: 0,
      name: name.value,
      unit: state.unit,
    };
    if (!known("strip", asks)) return view.setTint(null);
    const strip = unpack(await ask("strip", asks));
    view.setTint(strip.values, "diverging", strip.scale);
    told.textContent = `Tinted by unit ${layer.value}/${state.unit} ${name.value}; the scale ends at ±${strip.scale.toFixed(2)}. Underlined thinly: the matches.`;
  }

  function matches({ units: on, matches: places }) {
    const inside = new Uint8Array(pieces.length);
    for (const [start, stop] of places) inside.fill(1, start, stop);
    view.setClasses((n) => (inside[n] ? "holds" : null));
    if (!places.length) {
      fill(
        found,
        on.length
          ? el("p", { class: "told" }, "Nowhere else in this text are any of them on for two steps or more.")
          : null,
      );
      return;
    }
    const rows = places.map(([start, stop, shared]) => [
      el(
        "code",
        {},
        tail(start),
        el("mark", {}, cut(pieces.slice(start, stop), LONG)),
        pieces
          .slice(stop, stop + AROUND)
          .map(visible)
          .join(""),
      ),
      `${shared} of ${on.length}`,
      stop - start,
      start,
    ]);
    fill(
      found,
      el("h2", {}, "Where else the same units are on"),
      table(["text", "units shared", `${unit}s`, "at"], rows, {
        caption: "Most units shared first, then the nearest length. Pick one to go there.",
        onRow: (n) => {
          view.setCursor(places[n][0]);
          choose({ at: places[n][0], end: -1 });
          view.box.scrollIntoView({ block: "nearest" });
        },
      }),
    );
  }

  const tail = (start) =>
    pieces
      .slice(Math.max(0, start - AROUND), start)
      .map(visible)
      .join("")
      .padStart(AROUND);
  const wrong = (error) => {
    told.textContent = error.message;
  };
  const stop = listen((changed) => {
    layer.value = String(state.layer);
    if (names.includes(state.name)) name.value = state.name;
    if (changed.has("layer") || changed.has("name")) look();
  });
  const marked = state.end > state.at && state.at >= 0 && state.end <= pieces.length;
  const start = marked ? { start: state.at, stop: state.end } : offers[0];
  const asks = start && {
    start: start.start,
    stop: start.stop,
    name: name.value,
    layer: Number(layer.value),
    text: state.text,
  };
  const first = start && known("matched", asks) ? start : offers[0];
  if (first) await select(first.start, first.stop);
  else view.setCursor(state.at);
  return () => {
    asked++;
    clearTimeout(timer);
    stop();
    view.stop();
  };
}

// A stretch as a line of text, shortened in its middle.
function cut(given, most) {
  const shown = given.map(visible);
  if (shown.length <= most) return shown.join("");
  const half = Math.floor(most / 2);
  return shown.slice(0, half).join("") + " … " + shown.slice(-half).join("");
}
