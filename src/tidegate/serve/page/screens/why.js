// Why: which of the tokens before a prediction mattered for it, by three measures side by side, because they differ.

import { inAddress } from "../address_settings.js";
import { answerOr, ask, isAvailable, live } from "../ask.js";
import { button, choice, el, failure, labelled, note, replaceChildren, statusLine, table } from "../dom.js";
import { grouped } from "../numbers.js";
import { oneAtATime } from "../one_at_a_time.js";
import { about, choose, state } from "../state.js";
import { before } from "../text/context.js";
import { TextView, tokenName, tokensOf } from "../textview.js";
import { attribution } from "./why/attribution.js";
import { pointing } from "./why/pointing.js";

const RESTS = 400; // ms after which the cursor rests
const CONTEXT = 16; // characters before a prediction in the list
const SIGNS = { "\\n": "\n", "\\t": "\t", "↵": "\n", "→": "\t" };

export async function show(root) {
  const token = about.runs[0].unit;
  const answer = await ask("text", { text: state.text, run: 0 });
  const [listed, refused] = await answerOr(ask("predictions", { text: state.text }), []);
  const tokens = tokensOf(answer);
  const text = el("div", { class: "main" });
  const list = el("section", {});
  const status = statusLine("");
  const result = el("div", { class: "result" });
  const controls = questionControls(token, () => explain(view.cursor));
  const lead =
    `Which ${token}s made the model expect the next one? Point at a ${token}: red made it likelier, blue less likely. Put ` +
    "the cursor on it, and three measures are shown side by side, because they often disagree; trust what they agree on.";
  const prompt = `The ${token} that you point at, or that at the cursor`;
  const below = el("div");
  replaceChildren(
    root,
    el("p", { class: "lead" }, lead),
    live ? controls.element : null,
    el("div", { class: "beside wide" }, el("div", {}, el("h2", {}, prompt), text, below), list),
    status.element,
    result,
  );
  const view = new TextView(text, {
    label: `The text; what mattered for the ${token} at the cursor is tinted`,
    height: "40vh",
    onCursor(n) {
      choose({ at: n });
      explainSoon(n);
      pointer.point(null);
    },
    onPoint: (n) => pointer.point(n),
  });
  view.setText(tokens);
  const pointer = pointing(view, tokens, token, () => !computing);
  replaceChildren(below, pointer.element);
  const offered = new Set(listed.map((it) => it.at));
  view.setClasses((n) => (n === pointer.pointed ? "asked" : offered.has(n) ? "holds" : null));
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
      stopResult = attribution(result, found, tokens, token);
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
    view.stop();
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
