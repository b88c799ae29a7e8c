// Match: mark a stretch; the hidden units that are on over it and off around it; where else they are on.

import { answerOr, ask, isAvailable, live } from "../ask.js";
import { colourScale } from "../charts/scale.js";
import { thresholdChart } from "../charts/threshold_chart.js";
import { button, el, failure, note, replaceChildren, spelled, statusLine, table } from "../dom.js";
import { unpack } from "../numbers.js";
import { oneAtATime } from "../one_at_a_time.js";
import { about, choose, listen, state } from "../state.js";
import { shortened } from "../text/context.js";
import { TextView, tokensOf } from "../textview.js";
import { commonProperties } from "./match/common.js";
import { matchControls } from "./match/controls.js";
import { matchTable } from "./match/matches.js";

const LISTED = 60; // hidden units in the list
const LABEL = 24; // characters of a stretch in a label
const MARKING_RESTS = 200; // ms after which a marked stretch is matched
const MOST_CURVES = 200; // tokens of a stretch whose values the server sends

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
  const curves = el("section", { class: "curves" });
  const list = matchTable(tokens, token, (n) => {
    view.setCursor(n);
    goTo(n);
    view.box.scrollIntoView({ block: "nearest" });
  });
  const common = commonProperties(token, list.mark);
  const lead =
    "Mark a stretch of the text: drag over it, or hold shift and move with the arrows. Which hidden units are on " +
    "just there, and where else are they on? What the matches have in common is what these hidden units may stand " +
    "for; Cells and Cut & force can test it.";
  replaceChildren(
    root,
    el("p", { class: "lead" }, lead),
    controls.element,
    refused ? failure(refused) : offeredStretches(offers, tokens, select),
    el("div", { class: "beside wide" }, el("div", {}, text, scale, status.element, curves), unitList),
    el("div", { class: "beside wide" }, list.element, common.element),
  );
  const view = new TextView(text, {
    label: "The text; mark a stretch of it",
    height: "36vh",
    onCursor: goTo,
    onSelect(start, stop) {
      clearTimeout(timer);
      timer = setTimeout(() => select(start, stop, true), MARKING_RESTS);
    },
  });
  view.setText(tokens);
  const questions = oneAtATime(load);
  let timer = 0;
  let marked = [0, 0];
  let chart = null;
  let drawn = ""; // the question whose curves are drawn

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

  /** Match the stretch. `isFinal`: the threshold is not being dragged. */
  async function match(isFinal = true) {
    const [start, stop] = marked;
    if (stop <= start) return;
    const asked = controls.question(start, stop);
    if (!isAvailable("matched", asked)) {
      status.show("The report has the stretches above only; the live page matches any: tidegate look RUN");
      return;
    }
    await questions.ask(asked, isFinal);
  }

  async function load(asked, isFinal) {
    if (isFinal) status.show("Searching …");
    try {
      await drawCurves(asked);
      const { units, matches } = await ask("matched", asked);
      if (!questions.isLatest) return;
      showUnits(units);
      showMatches(units, matches);
      common.element.classList.toggle("stale", !isFinal);
      if (!isFinal) return;
      status.show("");
      common.load(asked);
      if (units.length) await tint();
      else untint();
    } catch (error) {
      if (!questions.isLatest) return;
      status.fail(error);
      replaceChildren(unitList);
      list.empty();
      common.empty();
    }
  }

  /** The values of all hidden units over the stretch, with the threshold. */
  async function drawCurves({ start, stop, layer, name }) {
    const asked = { start, stop, layer, name, text: state.text };
    const key = JSON.stringify(asked);
    if (key === drawn) return chart?.move(controls.threshold);
    chart?.stop();
    chart = null;
    drawn = key;
    if (stop - start > MOST_CURVES) {
      const most = `Mark at most ${MOST_CURVES} ${token}s to see the values of the hidden units over them.`;
      return replaceChildren(curves, note(most));
    }
    const { start: first, ...packed } = await ask("curves", asked);
    if (key !== drawn) return;
    const { values, shape } = unpack(packed);
    const texts = tokens.slice(first, first + shape[0]).map(spelled);
    const data = {
      values,
      units: shape[1],
      first,
      texts,
      selected: [start, stop],
      name,
      threshold: controls.threshold,
    };
    replaceChildren(curves);
    chart = thresholdChart(curves, data, {
      title: `${name} of layer ${layer} over the stretch`,
      caption:
        `${name} of every hidden unit of layer ${layer} over the stretch (shaded) and just around it; coloured: on over ` +
        `it, off around it.${live ? " Drag the line, or move it with the arrow keys." : ""}`,
      onThreshold: live ? moveThreshold : null,
      onPick: pick,
    });
  }

  function moveThreshold(value, isFinal) {
    controls.setThreshold(value, isFinal); // which matches anew if it is final
    if (!isFinal) match(false);
  }

  function pick(unit) {
    choose({ unit });
    tint().catch(status.fail);
  }

  function showUnits(units) {
    const count = `${units.length} hidden ${units.length === 1 ? "unit is" : "units are"} on over `;
    const title = el("h2", {}, count, el("code", {}, shortened(tokens.slice(...marked), LABEL)), ", off around it");
    const on = units.map(([n]) => n);
    if (units.length && !on.includes(state.unit)) choose({ unit: on[0] });
    chart?.show(new Set(on), state.unit);
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
    replaceChildren(
      unitList,
      title,
      note("Pick one to tint the text by it: red above zero, blue below."),
      table(["hidden unit", { name: "mean there", digits: 2 }], rows, { onRow: (n) => pick(on[n]) }),
      units.length > LISTED ? note(`… and ${units.length - LISTED} more that are weaker`) : null,
    );
  }

  async function tint() {
    const { layer, name } = controls.chosen();
    const asked = { text: state.text, run: 0, layer, direction: 0, name, unit: state.unit };
    chart?.choose(state.unit);
    if (!isAvailable("strip", asked)) return untint();
    const { values, scale: top } = unpack(await ask("strip", asked));
    view.setTint(values, "diverging", top);
    const label = `unit ${layer}/${asked.unit} ${name}`;
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
    list.show(units, matches);
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
    questions.stop();
    clearTimeout(timer);
    chart?.stop();
    stopListening();
    view.stop();
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
