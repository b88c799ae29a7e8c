// What mattered for one prediction: three texts, tinted by a measure each, and how far the measures agree.

import { colourScale } from "../../charts/scale.js";
import { el, note, replaceChildren, statusLine, table } from "../../dom.js";
import { grouped, signed } from "../../numbers.js";
import { TextView, tokenName } from "../../textview.js";

const MEASURES = [
  [
    "gradient_input",
    "Gradient × input",
    "The gradient of log p here, times the token's input: its contribution if log p were a straight line.",
  ],
  [
    "integrated",
    "Integrated gradients",
    "That gradient along the whole way from the baseline to this input: the parts sum to the whole.",
  ],
  [
    "erased",
    "Erasure",
    "What log p loses when that one token is erased and the rest is read again: measured, not derived.",
  ],
];
const TITLES = Object.fromEntries(MEASURES);

/** Show an answer in place of the one before; `model`: what the model is called. Returns what stops it. */
export function attribution(root, answer, tokens, { token, model }) {
  const window = [...tokens.slice(answer.start, answer.at), answer.target];
  const status = statusLine(`Pick a ${token} in one of the texts to compare its three numbers.`);
  const columns = el("div", { class: "three" });
  replaceChildren(root, question(answer, tokens, model), columns, status.element, agreement(answer));
  const views = MEASURES.map(([name, title, meaning]) => {
    const place = el("div");
    const values = [...answer.measures[name].map((it) => it ?? 0), 0];
    const largest = Math.max(1e-6, ...values.map(Math.abs));
    const scale = el("div", { class: "scales" }, colourScale({ kind: "diverging", top: largest, unit: "nats" }));
    columns.append(el("div", {}, el("h3", {}, title), note(meaning), place, scale));
    const view = new TextView(place, {
      label: `${title}: the ${window.length - 1} ${token}s before the prediction`,
      height: "24vh",
      onCursor(n) {
        for (const other of views) if (other !== view) other.setCursor(n);
        status.show(numbersAt(n));
      },
    });
    view.setText(window);
    view.setTint(values, "diverging", largest);
    view.setCursor(window.length - 1);
    return view;
  });

  function numbersAt(n) {
    const back = window.length - 1 - n;
    if (back === 0) return `This is what was predicted: pick one of the ${token}s before it.`;
    const numbers = MEASURES.map(
      ([name, title]) => `${title.toLowerCase()} ${signed(answer.measures[name][n] ?? 0, 3)}`,
    );
    return `${tokenName(window[n])}, ${back} before: ${numbers.join(", ")} nats`;
  }

  return () => {
    for (const view of views) view.stop();
  };
}

function question({ target, at, p, stands: isTrue }, tokens, model) {
  const likelihood = p < 0.001 ? "< 0.001" : `= ${p.toFixed(3)}`;
  const text = ` at ${grouped(at)}? ${model} gave it p ${likelihood}`;
  const code = (it) => el("code", {}, tokenName(it));
  if (isTrue) return el("h2", {}, "Why ", code(target), `${text}.`);
  return el("h2", {}, "Why not ", code(target), `${text}; the text has `, code(tokens[at]), ".");
}

function agreement(answer) {
  const pairs = answer.correlations.map(([a, b, value]) => [
    TITLES[a],
    TITLES[b],
    value === null ? "–" : value.toFixed(2),
  ]);
  const caption = "1: they put the tokens in the same order; 0: in unrelated orders; −1: in opposite ones";
  return el(
    "div",
    { class: "columns" },
    el(
      "section",
      {},
      el("h2", {}, "How far they agree"),
      table(["measure", "and", "rank correlation"], pairs, { caption }),
    ),
    el("section", {}, el("h2", {}, "Do integrated gradients add up?"), completeness(answer)),
  );
}

function completeness({ log_p, baseline_log_p, residual, completeness: share, complete, steps }) {
  const whole = log_p - baseline_log_p;
  const isSound = complete && share !== null && Math.abs(share - 1) <= 0.01;
  const nats = (value) => signed(value, 3);
  const sums =
    `They sum to ${nats(whole + residual)} nats, and log p goes from ${nats(baseline_log_p)} with the baseline to ` +
    `${nats(log_p)} with this text: ${nats(whole)} nats.`;
  const verdict =
    share === null
      ? "✗ There is no change to explain. "
      : `${isSound ? "✓" : "✗"} ${(100 * share).toFixed(2)}% complete. `;
  const advice = isSound
    ? ` ${steps} gradients were taken.`
    : ` That is not within 1%, with ${steps} gradients: do not trust the middle text here.`;
  return el("p", { class: isSound ? "sound" : "unsound" }, el("strong", {}, verdict), sums, advice);
}
