// Why: which of the units before a prediction mattered for it, by three measures side by side, because they differ.

import { ask, known, live, orWhyNot } from "../ask.js";
import { choice, el, fill, labelled, table, visible } from "../dom.js";
import { about, choose, state } from "../state.js";
import { piecesOf, TextView } from "../textview.js";

const RESTS = 400; // ms after which the cursor rests
const MEASURES = [
  [
    "gradient_input",
    "Gradient × input",
    "The slope of log p here, times the unit's input: what it is worth if log p were a straight line.",
  ],
  [
    "integrated",
    "Integrated gradients",
    "That slope along the whole way from no input to this one: the parts sum to the whole.",
  ],
  [
    "erased",
    "Erasure",
    "What log p loses when that one unit is taken away and the rest is read anew: measured, not derived.",
  ],
];
const TITLES = Object.fromEntries(MEASURES);
const SIGNS = { "\\n": "\n", "\\t": "\t", "↵": "\n", "→": "\t" };

export async function show(root) {
  const unit = about.runs[0].unit;
  const said = await ask("text", { text: state.text, run: 0 });
  const [listed, refused] = await orWhyNot(ask("predictions", { text: state.text }), []);
  const pieces = piecesOf(said);
  const text = el("div", { class: "main" }),
    list = el("section", {}),
    status = el("p", { class: "told", "aria-live": "polite" });
  const result = el("div", { class: "result" });
  const target = el("input", {
    type: "text",
    size: "6",
    placeholder: "as it is",
    on: {
      keydown: (event) => {
        if (event.key === "Enter") look(view.cursor);
      },
    },
  });
  const baseline = choice(
    [
      ["zero", "a zero vector"],
      ["mean", `the mean ${unit}`],
    ],
    "zero",
    () => look(view.cursor),
  );
  const erasure = choice(
    [
      ["delete", "left out"],
      ["baseline", "replaced by “no input”"],
    ],
    "delete",
    () => look(view.cursor),
  );
  const controls = el(
    "div",
    { class: "controls" },
    labelled(`Why not … (a ${unit})`, target),
    labelled("“No input” is", baseline),
    labelled("What is erased is", erasure),
    el("button", { class: "go", on: { click: () => look(view.cursor) } }, "Ask"),
  );
  fill(
    root,
    el(
      "p",
      { class: "lead" },
      `Put the cursor on a ${unit}: which ${unit}s before it made the model expect it? Red made it likelier, blue less likely. Three common measures are shown side by side, because they often disagree; trust what they agree on.`,
    ),
    live ? controls : null,
    el(
      "div",
      { class: "beside wide" },
      el("div", {}, el("h2", {}, `The ${unit} at the cursor is asked about`), text),
      list,
    ),
    status,
    result,
  );
  const view = new TextView(text, {
    label: `The text; the ${unit} at the cursor is asked about`,
    height: "40vh",
    onCursor: (n) => {
      choose({ at: n });
      rest(n);
    },
  });
  view.setText(pieces);
  const offered = new Set(listed.map((it) => it.at));
  view.setClasses((n) => (offered.has(n) ? "holds" : null));
  const rows = listed.map((it) => [
    el("code", {}, context(it.at)),
    it.p.toFixed(3),
    it.back === null
      ? `${Number(it.times.toPrecision(2)).toLocaleString("en")} times its share of the text`
      : `closes what opened ${it.back} before`,
  ]);
  fill(
    list,
    el("h2", {}, "Predictions to begin with"),
    refused
      ? el("p", { class: "wrong" }, refused)
      : table(["predicted", "p", ""], rows, { onRow: (n) => go(listed[n].at) }),
    el(
      "p",
      { class: "told" },
      "Underlined in the text: what closes brackets or quotes, and what is rare but was foreseen.",
    ),
  );
  let views = [],
    timer = 0,
    wanted = null,
    busy = false,
    over = false;

  function context(at) {
    return (
      pieces
        .slice(Math.max(0, at - 12), at)
        .map(visible)
        .join("") +
      "▸" +
      visible(pieces[at])
    );
  }

  function go(at) {
    target.value = "";
    choose({ at });
    view.setCursor(at);
    look(at);
  }

  function rest(n) {
    clearTimeout(timer);
    target.value = "";
    if (!live && !known("why", { at: n, text: state.text })) {
      status.textContent = `The report has the ${listed.length} underlined predictions; the live page has all of them: tidegate look RUN`;
      return;
    }
    timer = setTimeout(() => look(n), live ? RESTS : 0);
  }

  // One question at a time: of those that come meanwhile the last is asked.
  async function look(at) {
    clearTimeout(timer);
    wanted = at;
    if (busy) return;
    busy = true;
    while (wanted !== null && !over) {
      const now = wanted;
      wanted = null;
      await answer(now);
    }
    busy = false;
  }

  async function answer(at) {
    status.classList.remove("wrong");
    if (at === 0) {
      status.textContent = `Nothing stands before the first ${unit}: move the cursor on.`;
      fill(result);
      return;
    }
    const asked = { at, text: state.text };
    if (target.value) asked.target = SIGNS[target.value] ?? target.value;
    if (baseline.value !== "zero") asked.baseline = baseline.value;
    if (erasure.value !== "delete") asked.erasure = erasure.value;
    status.textContent = `Computing: some hundred gradients of ${visible(pieces[at])} …`;
    result.classList.add("stale");
    try {
      const found = await ask("why", asked);
      if (over || wanted !== null) return;
      status.textContent = "";
      answered(found);
    } catch (error) {
      if (over) return;
      fill(result);
      status.textContent = error.message;
      status.classList.add("wrong");
    } finally {
      result.classList.remove("stale");
    }
  }

  function answered(found) {
    views.forEach((it) => it.stop());
    views = [];
    const window = [...pieces.slice(found.start, found.at), found.target];
    const told = el("p", { class: "told" }, `Pick a ${unit} in one of the texts to compare its three numbers.`);
    const columns = el("div", { class: "three" });
    const truth = found.stands;
    fill(
      result,
      el(
        "h2",
        {},
        truth ? "Why " : "Why not ",
        el("code", {}, visible(found.target)),
        ` at ${found.at.toLocaleString("en")}? The model gave it p ${likely(found.p)}` + (truth ? "." : ", "),
        truth ? null : el("code", {}, visible(pieces[found.at])),
        truth ? null : " stands there.",
      ),
      columns,
      told,
    );
    for (const [name, title, meaning] of MEASURES) {
      const values = [...found.measures[name].map((it) => it ?? 0), 0],
        top = Math.max(1e-6, ...values.map(Math.abs));
      const box = el("div", {}, el("h3", {}, title), el("p", { class: "told" }, meaning)),
        place = el("div");
      box.append(place, legend(top));
      columns.append(box);
      const one = new TextView(place, {
        label: `${title}: the ${window.length - 1} ${unit}s before the prediction`,
        height: "24vh",
        onCursor: (n) => {
          views.forEach((it) => it !== one && it.setCursor(n));
          compare(n);
        },
      });
      one.setText(window);
      one.setTint(values, "diverging", top);
      one.setCursor(window.length - 1);
      views.push(one);
    }
    const compare = (n) => {
      const back = window.length - 1 - n;
      told.textContent =
        back === 0
          ? `This is what was predicted: pick one of the ${unit}s before it.`
          : `${visible(window[n])}, ${back} before: ` +
            MEASURES.map(([name, title]) => `${title.toLowerCase()} ${signed(found.measures[name][n] ?? 0)}`).join(
              ", ",
            ) +
            " nats";
    };
    const pairs = found.correlations.map(([a, b, value]) => [
      TITLES[a],
      TITLES[b],
      value === null ? "–" : value.toFixed(2),
    ]);
    result.append(
      el(
        "div",
        { class: "columns" },
        el(
          "section",
          {},
          el("h2", {}, "How far they agree"),
          table(["measure", "and", "rank correlation"], pairs, {
            caption: "1: they put the units in the same order; 0: in unrelated orders; −1: in opposite ones",
          }),
        ),
        el("section", {}, el("h2", {}, "Do integrated gradients add up?"), complete(found)),
      ),
    );
  }

  function complete(found) {
    const whole = found.log_p - found.baseline_log_p,
      share = found.completeness;
    const sound = found.complete && share !== null && Math.abs(share - 1) <= 0.01;
    const sums = `They sum to ${signed(whole + found.residual)} nats, and log p goes from ${signed(found.baseline_log_p)} with no input to ${signed(found.log_p)} with this text: ${signed(whole)} nats.`;
    return el(
      "p",
      { class: sound ? "sound" : "unsound" },
      el(
        "strong",
        {},
        share === null
          ? "✗ There is no change to explain. "
          : `${sound ? "✓" : "✗"} ${(100 * share).toFixed(2)}% complete. `,
      ),
      sums,
      sound
        ? ` ${found.steps} gradients were taken.`
        : ` That is not within 1%, with ${found.steps} gradients: do not trust the middle text here.`,
    );
  }

  const first =
    state.at > 0 && known("why", { at: state.at, text: state.text }) && state.at < pieces.length
      ? state.at
      : (listed[0]?.at ?? 0);
  view.setCursor(first);
  const begun = look(first);
  if (!live) await begun; // what a report has is there at once
  return () => {
    over = true;
    clearTimeout(timer);
    views.forEach((it) => it.stop());
    view.stop();
  };
}

function signed(value) {
  return `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(3)}`;
}

function likely(p) {
  return p < 0.001 ? "< 0.001" : `= ${p.toFixed(3)}`;
}

function legend(top) {
  return el("p", { class: "told" }, `Strongest tint: ±${top.toPrecision(2)} nats.`);
}
