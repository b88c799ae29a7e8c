// A translator or captioner: what it wrote, its attention, and what else it might have written.

import { bar } from "../charts/bars.js";
import { beamTree } from "../charts/beam_tree.js";
import { heatMap } from "../charts/heat_map.js";
import { el, judgement, replaceChildren, spelled, table, visible } from "../dom.js";
import { percent, probability, short, unpack } from "../numbers.js";
import { choose, state } from "../state.js";
import { picture, rowAsPicture, unpackPictures } from "./pictures.js";
import { Tokens } from "./tokens.js";

export function show(root, answer) {
  const source = answer.sequences.find((it) => it.name === "source");
  const target = answer.sequences.find((it) => it.name === "target");
  const { written, written_p: p } = answer;
  const main = el("div");
  const side = el("aside", { class: "side", "aria-live": "polite" });
  const lead =
    "What the model wrote, token by token: the stronger the tint, the less sure it was. " +
    `Below: ${answer.attention ? "its attention to the source, and " : ""}the texts that the search dropped.`;
  root.append(el("p", { class: "lead" }, lead), el("div", { class: "beside" }, main, side));
  const shown = {}; // tokens by sequence
  if (answer.image) main.append(el("h2", {}, "The picture"), image(unpackPictures(answer.image)), ...extras(answer));
  else {
    main.append(el("h2", {}, "The source"));
    shown.source = new Tokens(main, source.read, { label: "The source", setting: "source_tint" });
  }
  main.append(el("h2", {}, "What the model wrote"));
  shown.target = new Tokens(main, written, { label: "What the model wrote", onCursor: details });
  const doubt = p.map((it) => 1 - it);
  shown.target.tint("unsure, 1 - p of the token", doubt, "unsure", 1);
  main.append(...verdict(answer), ...bestTexts(answer));

  function details(n) {
    choose({ at: n });
    shown.target.mark(n);
    const rows = target.guesses[n].map(([token, share]) => [spelled(token), bar(share)]);
    replaceChildren(
      side,
      el("h2", {}, `token ${n}: `, el("code", {}, visible(written[n]))),
      el("p", {}, `p = ${probability(p[n])}`),
      table(["guess", "probability"], rows, { caption: "Given the tokens before it" }),
    );
  }

  details(Math.max(0, Math.min(state.at, written.length - 1)));
  if (answer.attention && source) showAttention(root, answer, source);
  showSearch(root, answer.tree);
  return { tint: (name, values, kind, scale, sequence) => shown[sequence]?.tint(name, values, kind, scale) };
}

function image({ at, height, width, channels }) {
  const label = "the picture that is captioned";
  if (height === 1) return rowAsPicture(at(0), label);
  return el("div", { class: "image" }, picture(at(0), height, width, channels, label));
}

/** The numbers that come after the pixels, with their names; those that are 0 are faint. */
function extras({ extra }) {
  if (!extra.length) return [];
  const each = extra.map(([name, value]) =>
    el("span", { class: value ? "extra" : "extra off" }, `${visible(name)} ${short(value)}`),
  );
  return [el("p", {}, "Read beside the picture: ", ...each)];
}

function verdict({ texts, true_text: truth }) {
  const [text] = texts[0];
  const isRight = truth === text;
  const line = el("p", { class: "verdict" }, el("strong", {}, visible(text)));
  if (truth !== null) line.append(judgement(isRight), isRight ? "" : `, true is ${visible(truth)}`);
  return [line];
}

function bestTexts({ texts }) {
  if (texts.length < 2) return [];
  const rows = texts.map(([text, score]) => [visible(text), score]);
  return [table(["the best texts of the search", "log p, nats"], rows)];
}

function showAttention(root, { attention, written }, source) {
  const {
    values,
    shape: [rows],
  } = unpack(attention);
  const title = "Attention: a row for each token it wrote, a column for each token of the source";
  root.append(el("h2", {}, title));
  heatMap(root, values, rows, source.read.length, {
    kind: "share",
    cell: 24,
    unit: "of its attention",
    label: "Attention",
    xLabel: "the source",
    yLabel: "written",
    rowName: (r) => spelled(written[r]),
    columnName: (c) => spelled(source.read[c]),
    describe(r, c, share) {
      const wrote = `as it wrote ${visible(written[r])} (${r})`;
      return `${wrote}, ${percent(share)} of its attention was on ${visible(source.read[c])} (${c})`;
    },
  });
}

function showSearch(root, tree) {
  const { width } = tree;
  const each = width === 1 ? "the best token and its runner-up" : `the best ${2 * width} continuations`;
  root.append(el("h2", {}, `The search: a beam of ${width}, so ${each} at each step; numbers are log p in nats`));
  beamTree(root, tree);
}
