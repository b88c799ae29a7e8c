// Why: which of the tokens before a prediction mattered for it, by three measures side by side, because they differ.

import { inAddress } from "../address_settings.js";
import { answerOr, ask, isAvailable, live } from "../ask.js";
import { button, choice, el, failure, labelled, note, replaceChildren, statusLine, table } from "../dom.js";
import { grouped } from "../numbers.js";
import { about, choose, state } from "../state.js";
import { before } from "../text/context.js";
import { TextView, tokenName, tokensOf } from "../textview.js";
import { attribution } from "./why/attribution.js";

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
    `Put the cursor on a ${token}: which ${token}s before it made the model expect it? Red made it likelier, blue ` +
    "less likely. Three common measures are shown side by side, because they often disagree; trust what they agree on.";
  const prompt = `The ${token} at the cursor is explained`;
  replaceChildren(
    root,
    el("p", { class: "lead" }, lead),
    live ? controls.element : null,
    el("div", { class: "beside wide" }, el("div", {}, el("h2", {}, prompt), text), list),
    status.element,
    result,
  );
  const view = new TextView(text, {
    label: `The text; the ${token} at the cursor is explained`,
    height: "40vh",
    onCursor(n) {
      choose({ at: n });
      explainSoon(n);
    },
  });
  view.setText(tokens);
  const offered = new Set(listed.map((it) => it.at));
  view.setClasses((n) => (offered.has(n) ? "holds" : null));
  replaceChildren(
    list,
    el("h2", {}, "Predictions to begin with"),
    refused ? failure(refused) : predictionTable(listed, tokens, goTo),
    note("Underlined in the text: what closes brackets or quotes, and what is rare but was expected."),
  );
  let stopResult = () => {};
  let timer = 0;
  let wanted = null; // the place that is asked for next
  let busy = false;
  let stopped = false;

  function goTo(n) {
    const { at } = listed[n];
    controls.clearTarget();
    choose({ at });
    view.setCursor(at);
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

  // One question at a time: of those that come meanwhile, the last is asked.
  async function explain(at) {
    clearTimeout(timer);
    wanted = at;
    if (busy) return;
    busy = true;
    while (wanted !== null && !stopped) {
      const now = wanted;
      wanted = null;
      await load(now);
    }
    busy = false;
  }

  async function load(at) {
    if (at === 0) {
      status.show(`There is nothing before the first ${token}: move the cursor on.`);
      replaceChildren(result);
      return;
    }
    status.show(`Computing: some hundred gradients of ${tokenName(tokens[at])} …`);
    result.classList.add("stale");
    try {
      const found = await ask("why", controls.question(at));
      if (stopped || wanted !== null) return;
      status.show("");
      stopResult();
      stopResult = attribution(result, found, tokens, token);
    } catch (error) {
      if (stopped) return;
      replaceChildren(result);
      status.fail(error);
    } finally {
      result.classList.remove("stale");
    }
  }

  const first = firstPlace(listed, tokens.length);
  view.setCursor(first);
  const begun = explain(first);
  if (!live) await begun; // a report has the answer at once
  return () => {
    stopped = true;
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
