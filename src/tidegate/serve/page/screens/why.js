// Why: which of the tokens before a prediction mattered for it, by three measures side by side, because they differ.

import { inAddress } from "../address_settings.js";
import { answerOr, ask, isAvailable, live } from "../ask.js";
import { button, choice, el, failure, labelled, note, replaceChildren, statusLine, table } from "../dom.js";
import { grouped } from "../numbers.js";
import { oneAtATime } from "../one_at_a_time.js";
import { about, choose, state } from "../state.js";
import { before } from "../text/context.js";
import { isAlike, readings, scrollTogether } from "../text/readings.js";
import { TextView, tokenName } from "../textview.js";
import { attribution } from "./why/attribution.js";
import { pointing } from "./why/pointing.js";

const RESTS = 400; // ms after which the cursor rests
const CONTEXT = 16; // characters before a prediction in the list
const SIGNS = { "\\n": "\n", "\\t": "\t", "↵": "\n", "→": "\t" };

export async function show(root) {
  const token = about.runs[0].unit;
  const { readings: read, refused: unread } = await readings();
  const [listed, refused] = await answerOr(ask("predictions", { text: state.text }), []);
  const [{ tokens }] = read;
  const several = read.length > 1;
  const texts = el("div");
  const list = el("section", {});
  const status = statusLine("");
  const result = el("div", { class: "result" });
  const controls = questionControls(token, () => explain(view.cursor));
  const lead =
    `Which ${token}s made the model expect the next one? Point at a ${token}: red made it likelier, blue less likely. Put ` +
    "the cursor on it, and three measures are shown side by side, because they often disagree; trust what they agree on.";
  const prompt = `The ${token} that you point at, or that at the cursor`;
  replaceChildren(
    root,
    el("p", { class: "lead" }, lead),
    live ? controls.element : null,
    el("div", { class: "beside wide" }, el("div", {}, el("h2", {}, prompt), texts), list),
    status.element,
    result,
  );
  const shown = read.map((reading) => {
    const text = el("div", { class: "main" });
    const view = new TextView(text, {
      label: `The text${several ? ` of ${reading.name}` : ""}; what mattered for the ${token} at the cursor is tinted`,
      height: several ? "26vh" : "40vh",
      onCursor(n) {
        const at = tokens === reading.tokens ? n : read[0].tokenAt(reading.placeOf(n));
        if (tokens !== reading.tokens) shown[0].view.setCursor(at);
        choose({ at });
        explainSoon(at);
        pointer.point(null);
      },
      onPoint: (n) => pointer.point(n, reading),
    });
    view.setText(reading.tokens);
    return { text, view, reading };
  });
  const [{ view }] = shown;
  const pointer = pointing(shown, () => !computing);
  replaceChildren(
    texts,
    ...shown.flatMap(({ text, reading }, n) => [several ? el("h3", {}, reading.name) : null, text, pointer.feet[n]]),
    ...unread.map(([name, reason]) => note(`${name} cannot be shown beside it: ${reason}.`)),
  );
  scrollTogether(shown.filter((it) => isAlike(it.reading, read[0])).map((it) => it.view));
  const offered = new Set(listed.map((it) => it.at));
  for (const it of shown) {
    const mark = (n) => (it.view === view && offered.has(n) ? "holds" : null);
    it.view.setClasses((n) => (pointer.isPointed(n, it.reading) ? "asked" : mark(n)));
  }
  replaceChildren(
    list,
    el("h2", {}, "Predictions to begin with"),
    refused ? failure(refused) : predictionTable(listed, tokens, goTo),
    note("Underlined in the text: what closes brackets or quotes, and what is rare but was expected."),
  );
  let stopResult = () => {};
  let timer = 0;
  let computing = false;
  const questions = oneAtATime(load);

  function goTo(n) {
    const { at } = listed[n];
    controls.clearTarget();
    choose({ at });
    view.setCursor(at);
    pointer.point(null);
    explain(at);
  }

  function explainSoon(at) {
    clearTimeout(timer);
    controls.clearTarget();
    if (!isAvailable("why", { at, text: state.text })) {
      const all = "the live page has all of them: tidegate look RUN";
      status.show(`The report has the ${listed.length} underlined predictions; ${all}`);
      return;
    }
    timer = setTimeout(() => explain(at), live ? RESTS : 0);
  }

  function explain(at) {
    clearTimeout(timer);
    return questions.ask(at);
  }

  async function load(at) {
    if (at === 0) {
      status.show(`There is nothing before the first ${token}: move the cursor on.`);
      replaceChildren(result);
      return;
    }
    status.show(`Computing: some hundred gradients of ${tokenName(tokens[at])} …`);
    result.classList.add("stale");
    computing = true;
    try {
      const found = await ask("why", controls.question(at));
      if (!questions.isLatest) return;
      status.show("");
      stopResult();
      stopResult = attribution(result, found, tokens, { token, model: several ? read[0].name : "The model" });
    } catch (error) {
      if (!questions.isLatest) return;
      replaceChildren(result);
      status.fail(error);
    } finally {
      result.classList.remove("stale");
      computing = false;
      pointer.load();
    }
  }

  const first = firstPlace(listed, tokens.length);
  view.setCursor(first);
  pointer.point(null);
  const begun = explain(first);
  if (!live) await begun; // a report has the answer at once
  return () => {
    questions.stop();
    pointer.stop();
    clearTimeout(timer);
    stopResult();
    for (const it of shown) it.view.stop();
  };
}

/** The place of the address, if it can be explained; otherwise the first prediction of the list. */
function firstPlace(listed, length) {
  const { at, text } = state;
  return at > 0 && at < length && isAvailable("why", { at, text }) ? at : (listed[0]?.at ?? 0);
}

/** Which target is explained, against which baseline, and how erasure is done. */
function questionControls(token, onAsk) {
  const onEnter = (event) => {
    if (event.key === "Enter") onAsk();
  };
  const props = { type: "text", size: "6", placeholder: "as it is", on: { keydown: onEnter } };
  const target = inAddress("target", el("input", props));
  const baselines = [
    ["zero", "a zero vector"],
    ["mean", `the mean ${token}`],
  ];
  const erasures = [
    ["delete", "left out"],
    ["baseline", "replaced by the baseline"],
  ];
  const baseline = inAddress("baseline", choice(baselines, "zero", onAsk));
  const erasure = inAddress("erasure", choice(erasures, "delete", onAsk));
  const element = el(
    "div",
    { class: "controls" },
    labelled(`Why not … (a ${token})`, target),
    labelled("Baseline", baseline),
    labelled(`An erased ${token} is`, erasure),
    button("Ask", onAsk, { class: "go" }),
  );
  return {
    element,
    clearTarget() {
      target.value = "";
      choose({ target: undefined });
    },
    question(at) {
      const asked = { at, text: state.text };
      if (!live) return asked; // all that a report has
      if (target.value) asked.target = SIGNS[target.value] ?? target.value;
      if (baseline.value !== "zero") asked.baseline = baseline.value;
      if (erasure.value !== "delete") asked.erasure = erasure.value;
      return asked;
    },
  };
}

function predictionTable(listed, tokens, onRow) {
  const rows = listed.map(({ at, p, back, times }) => {
    const closes = `closes what was opened ${back} before`;
    const often = `${grouped(Number(times.toPrecision(2)))} times its share of the text`;
    return [
      el("code", {}, before(tokens, at, CONTEXT), el("mark", {}, tokenName(tokens[at]))),
      p.toFixed(3),
      back === null ? often : closes,
    ];
  });
  return table(["predicted", "p", "why it is listed"], rows, { onRow });
}
