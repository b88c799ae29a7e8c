// Match: mark a stretch; the hidden units that are on over it and off around it; where else they are on.

import { inAddress } from "../address_settings.js";
import { answerOr, ask, isAvailable, latest, live } from "../ask.js";
import { colourScale } from "../charts/scale.js";
import { button, choice, el, failure, labelled, note, replaceChildren, statusLine, table } from "../dom.js";
import { unpack } from "../numbers.js";
import { about, choose, listen, state } from "../state.js";
import { after, before, shortened } from "../text/context.js";
import { TextView, tokensOf } from "../textview.js";
import { layerOptions } from "../unit_picker.js";

const AROUND = 24; // characters shown before and after a match
const LISTED = 60; // hidden units in the list
const LONGEST = 60; // characters of a match that are shown
const LABEL = 24; // characters of a stretch in a label
const MARKING_RESTS = 200; // ms after which a marked stretch is matched
const THRESHOLD = "0.3"; // the server's default, as those of the steps before and after
const MARGIN = "1";

export async function show(root) {
  const token = about.runs[0].unit;
  const answer = await ask("text", { text: state.text, run: 0 });
  const [offers, refused] = await answerOr(ask("stretches", { text: state.text }), []);
  const tokens = tokensOf(answer);
  const controls = matchControls(token, () => match());
  const text = el("div", { class: "main" });
  const status = statusLine("");
  const scale = el("div", { class: "scales" });
  const unitList = el("section", { class: "on" });
  const matchList = el("section", {});
  const lead =
    "Mark a stretch of the text: drag over it, or hold shift and move with the arrows. Which hidden units are on " +
    "just there, and where else are they on? What the matches have in common is what these hidden units may stand " +
    "for; Cells and Cut & force can test it.";
  replaceChildren(
    root,
    el("p", { class: "lead" }, lead),
    controls.element,
    refused ? failure(refused) : offeredStretches(offers, tokens, select),
    el("div", { class: "beside wide" }, el("div", {}, text, scale, status.element), unitList),
    matchList,
  );
  const view = new TextView(text, {
    label: "The text; mark a stretch of it",
    height: "45vh",
    onCursor: goTo,
    onSelect(start, stop) {
      clearTimeout(timer);
      timer = setTimeout(() => select(start, stop, true), MARKING_RESTS);
    },
  });
  view.setText(tokens);
  const questions = latest();
  let timer = 0;
  let marked = [0, 0];

  function select(start, stop, inView = false) {
    clearTimeout(timer);
    marked = [start, stop];
    choose({ at: start, end: stop, stretch: undefined });
    view.setMarked(start, stop);
    if (!inView) view.setCursor(start);
    return match();
  }

  /** Go elsewhere; the stretch that is matched stays in the address. */
  function goTo(n) {
    choose({ at: n, end: -1, stretch: marked[1] ? marked.join("-") : undefined });
  }

  async function match() {
    const isLatest = questions.begin();
    const [start, stop] = marked;
    if (stop <= start) return;
    const asked = controls.question(start, stop);
    view.setClasses(null);
    if (!isAvailable("matched", asked)) {
      status.show("The report has the stretches above only; the live page matches any: tidegate look RUN");
      return;
    }
    status.show("Searching …");
    try {
      const { units, matches } = await ask("matched", asked);
      if (!isLatest()) return;
      status.show("");
      showUnits(units);
      showMatches(units, matches);
      if (units.length) await tint();
      else untint();
    } catch (error) {
      if (!isLatest()) return;
      status.fail(error);
      replaceChildren(unitList);
      replaceChildren(matchList);
    }
  }

  function showUnits(units) {
    const count = `${units.length} hidden ${units.length === 1 ? "unit is" : "units are"} on over `;
    const title = el("h2", {}, count, el("code", {}, shortened(tokens.slice(...marked), LABEL)), ", off around it");
    if (!units.length) {
      const advice = live
        ? "No hidden unit is on at every step of it and off just before and after. Mark less, lower the threshold, " +
          "or set the steps before or after to 0."
        : "Choose another state or stretch.";
      replaceChildren(unitList, title, note(advice));
      return;
    }
    const { layer, name } = controls.chosen();
    const rows = units.slice(0, LISTED).map(([n, mean]) => [`${layer}/${n} ${name}`, mean]);
    const pick = (n) => {
      choose({ unit: units[n][0] });
      tint().catch(status.fail);
    };
    replaceChildren(
      unitList,
      title,
      note("Pick one to tint the text by it: red above zero, blue below."),
      table(["hidden unit", { name: "mean there", digits: 2 }], rows, { onRow: pick }),
      units.length > LISTED ? note(`… and ${units.length - LISTED} more that are weaker`) : null,
    );
    if (!units.some(([n]) => n === state.unit)) choose({ unit: units[0][0] });
  }

  async function tint() {
    const { layer, name } = controls.chosen();
    const asked = { text: state.text, run: 0, layer, direction: 0, name, unit: state.unit };
    if (!isAvailable("strip", asked)) return untint();
    const { values, scale: top } = unpack(await ask("strip", asked));
    view.setTint(values, "diverging", top);
    const label = `unit ${layer}/${state.unit} ${name}`;
    replaceChildren(scale, colourScale({ kind: "diverging", top, label }));
    status.show(`Tinted by ${label}. Underlined thinly: the matches.`);
  }

  function untint() {
    view.setTint(null);
    replaceChildren(scale);
  }

  function showMatches(units, matches) {
    const inside = new Uint8Array(tokens.length);
    for (const [start, stop] of matches) inside.fill(1, start, stop);
    view.setClasses((n) => (inside[n] ? "holds" : null));
    if (!matches.length) {
      const nowhere = "Nowhere else in this text are any of them on for two steps or more.";
      replaceChildren(matchList, units.length ? note(nowhere) : null);
      return;
    }
    const rows = matches.map(([start, stop, shared]) => [
      inContext(tokens, start, stop),
      `${shared} of ${units.length}`,
      stop - start,
      start,
    ]);
    const caption = "Most shared hidden units first, then the nearest length. Pick one to go there.";
    const onRow = (n) => {
      view.setCursor(matches[n][0]);
      goTo(matches[n][0]);
      view.box.scrollIntoView({ block: "nearest" });
    };
    replaceChildren(
      matchList,
      el("h2", {}, "Where else the same hidden units are on"),
      table(["text", "hidden units shared", `${token}s`, "at"], rows, { caption, onRow }),
    );
  }

  const stopListening = listen((changed) => {
    controls.follow();
    if (changed.has("layer") || changed.has("name")) match();
  });
  const { at, stretch } = state;
  const first = firstStretch(offers, tokens.length, controls);
  if (first) await select(first.start, first.stop);
  if (stretch) goTo(at);
  if (stretch || !first) view.setCursor(at);
  return () => {
    questions.cancel();
    clearTimeout(timer);
    stopListening();
    view.stop();
  };
}

/** Layer, gate or state, and on the live page how a stretch is matched. */
function matchControls(token, onChange) {
  const run = about.runs[0];
  // A report has the states only; a gate that was chosen on another screen is replaced by the last state.
  const names = live ? run.names : run.states;
  const number = (name, value, props) =>
    inAddress(name, el("input", { type: "number", value, ...props, on: { change: onChange } }));
  const threshold = number("threshold", THRESHOLD, { step: "any" });
  const before = number("before", MARGIN, { min: "0", step: "1" });
  const after = number("after", MARGIN, { min: "0", step: "1" });
  const layer = choice(layerOptions(run.layers), String(state.layer), (value) => choose({ layer: Number(value) }));
  const name = choice(names, names.includes(state.name) ? state.name : names.at(-1), (value) =>
    choose({ name: value }),
  );
  const chosen = () => ({ layer: Number(layer.value), name: name.value });
  const liveControls = [
    labelled("On means at least", threshold),
    labelled(`Off for so many ${token}s before`, before),
    labelled("and after", after),
  ];
  return {
    element: el(
      "div",
      { class: "controls" },
      labelled("Layer", layer),
      labelled("Gate or state", name),
      live ? liveControls : null,
    ),
    chosen,
    follow() {
      layer.value = String(state.layer);
      if (names.includes(state.name)) name.value = state.name;
    },
    question(start, stop) {
      const asked = { start, stop, ...chosen(), text: state.text };
      if (Number(threshold.value) !== Number(THRESHOLD)) asked.threshold = threshold.value;
      if (before.value !== MARGIN) asked.before = before.value;
      if (after.value !== MARGIN) asked.after = after.value;
      return asked;
    },
  };
}

function offeredStretches(offers, tokens, select) {
  if (!offers.length) return null;
  const buttons = offers.map(({ what, start, stop }) =>
    button(`${what}: ${shortened(tokens.slice(start, stop), LABEL)}`, () => select(start, stop)),
  );
  return el("div", { class: "tries" }, el("span", { class: "told" }, live ? "Try: " : "The report has: "), ...buttons);
}

/** The stretch of the address, if there is one and it can be matched; otherwise the first that is offered. */
function firstStretch(offers, length, controls) {
  const [start, stop] = state.stretch?.split("-").map(Number) ?? [state.at, state.end];
  const isStretch = Number.isInteger(start) && Number.isInteger(stop) && 0 <= start && start < stop && stop <= length;
  return isStretch && isAvailable("matched", controls.question(start, stop)) ? { start, stop } : offers[0];
}

/** A match with the text around it; its beginnings are in line. */
function inContext(tokens, start, stop) {
  const match = el("mark", {}, shortened(tokens.slice(start, stop), LONGEST));
  return el("code", {}, before(tokens, start, AROUND), match, after(tokens, stop, AROUND));
}
