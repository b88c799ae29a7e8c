// A classifier: what it would predict if the sequence ended at each step, and its attention.

import { bar } from "../charts/bars.js";
import { lineChart } from "../charts/line_chart.js";
import { el, judgement, note, replaceChildren, spelled, table, visible } from "../dom.js";
import { probability, unpack } from "../numbers.js";
import { choose, state } from "../state.js";
import { filmstrip, sheet } from "./pictures.js";
import { Tokens } from "./tokens.js";

export function show(root, answer, frames, stops) {
  const [{ read }] = answer.sequences;
  const { probabilities, running, classes } = answer;
  const names = probabilities.map(([name]) => visible(name));
  const main = el("div");
  const side = el("aside", { class: "side", "aria-live": "polite" });
  const curves = el("div");
  const title = "Probability of each class, had the sequence ended there";
  const lead =
    "What the classifier predicts, and what it would have predicted had the sequence ended earlier: its running " +
    "prediction.";
  root.append(
    el("p", { class: "lead" }, lead),
    verdict(answer),
    el("div", { class: "beside" }, main, side),
    el("h2", {}, title),
    curves,
  );
  const caption = classes > names.length ? `The likeliest ${names.length} of ${classes} classes` : "All classes";

  function details(n) {
    choose({ at: n });
    const rows = names.map((name, k) => [name, bar(running[k][n])]);
    const place = read.length ? el("code", {}, visible(read[n])) : "a frame";
    replaceChildren(side, el("h2", {}, `after step ${n}: `, place), table(["class", "probability"], rows, { caption }));
  }

  const steps = running[0].map((_, n) => n);
  const last = steps.length - 1;
  const at = state.at ? Math.min(state.at, last) : last;
  let tokens = null;
  if (frames) showFrames(main, frames, answer, details);
  else tokens = showTokens(main, answer, at, details);
  details(at);
  const series = names.map((label, k) => ({ label, y: running[k] }));
  const labels = {
    xLabel: read.length ? "" : "step",
    yLabel: "probability",
    caption: `After each step, had the text ended there. ${caption}.`,
  };
  stops.push(
    lineChart(curves, steps, series, {
      title,
      ...labels,
      xNames: read.length ? read.map(spelled) : null,
      domain: [0, 1],
      height: 280,
    }),
  );
  return tokens;
}

function verdict({ label, true_label: truth, probabilities }) {
  const p = probability(probabilities[0][1]);
  const element = el("p", { class: "verdict" }, el("strong", {}, visible(label)), ` p = ${p}`);
  if (truth === null) return element;
  element.append(judgement(truth === label));
  if (truth !== label) element.append(", true is ", el("strong", {}, visible(truth)));
  return element;
}

function showFrames(root, frames, { label, running }, onPick) {
  if (frames.height === 1 && frames.width > 1) root.append(sheet(frames));
  const below = (n) => el("span", { class: "below" }, running[0][n].toFixed(2));
  filmstrip(root, frames, { onPick, below });
  root.append(note(`The frames as they were read. Below each: p of ${visible(label)}, had it been the last.`));
}

function showTokens(root, { sequences: [{ read }], label, running, attention }, at, onCursor) {
  const tokens = new Tokens(root, read, { label: "What was read", onCursor });
  tokens.tint(`running p of ${visible(label)}`, running[0], "share", 1);
  if (attention) {
    const { values } = unpack(attention);
    tokens.tint("attention", Array.from(values.subarray(0, read.length)), "share", Math.max(...values) || 1);
  }
  tokens.mark(at);
  return tokens;
}
