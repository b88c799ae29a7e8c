// A translator or captioner: what it wrote, where it looked, and what else it might have written.

import { unpack } from "../ask.js";
import { el, fill, table, visible } from "../dom.js";
import { matrix } from "./matrix.js";
import { broken, picture, unpackPictures } from "./pictures.js";
import { Tokens } from "./tokens.js";
import { beamTree } from "./tree.js";

export function show(root, found) {
  const source = found.sequences.find((it) => it.name === "source"),
    target = found.sequences.find((it) => it.name === "target");
  const { written, written_p: p, true_text: truth, texts } = found,
    text = texts[0][0];
  const looked = found.attention ? " where it looked as it wrote;" : "",
    main = el("div"),
    side = el("aside", { class: "side", "aria-live": "polite" }),
    tokensOf = {};
  root.append(
    el(
      "p",
      { class: "lead" },
      `What it wrote, token by token, the stronger the tint the less sure;${looked} and the texts that the search gave up.`,
    ),
    el("div", { class: "beside" }, main, side),
  );
  if (found.image) {
    const { at, height, width, channels } = unpackPictures(found.image);
    const shown =
      height === 1
        ? broken(at(0))
        : el("div", { class: "image" }, picture(at(0), height, width, channels, "what was captioned"));
    main.append(el("h2", {}, "The picture"), shown);
  } else {
    main.append(el("h2", {}, "The source"));
    tokensOf.source = new Tokens(main, source.read, { label: "The source" });
  }
  main.append(el("h2", {}, "What it wrote"));
  const tokens = (tokensOf.target = new Tokens(main, written, { label: "What it wrote", onCursor: tell }));
  tokens.tint(
    "doubt, 1 - p of the token",
    p.map((it) => 1 - it),
    "sequential",
    1,
  );
  const verdict =
    truth === null ? null : truth === text ? "This is the true text, to the letter." : "The true text is another: ";
  main.append(
    el("p", { class: "verdict" }, "Text: ", el("strong", {}, visible(text))),
    verdict === null ? "" : el("p", {}, verdict, truth === text ? null : el("strong", {}, visible(truth))),
  );
  if (texts.length > 1)
    main.append(
      table(
        ["the best texts that were found", "log p, nats"],
        texts.map(([it, score]) => [visible(it), score]),
      ),
    );

  function tell(n) {
    tokens.mark(n);
    const rows = target.guesses[n].map(([token, share]) => [
      visible(token),
      share,
      "█".repeat(Math.round(share * 20)) || "▏",
    ]);
    fill(
      side,
      el("h2", {}, `token ${n}: `, el("code", {}, visible(written[n]))),
      el("p", {}, `p = ${p[n].toFixed(4)}`),
      table(["might be", "p", ""], rows, { caption: "Given the tokens before it" }),
    );
  }

  tell(0);
  if (found.attention && source) {
    const {
      values,
      shape: [rows],
    } = unpack(found.attention);
    root.append(el("h2", {}, "Where it looked: a row for each token it wrote, a column for each token of the source"));
    matrix(root, values, written.slice(0, rows), source.read, {
      label: "Attention",
      tell: (r, c, share) =>
        `as it wrote ${visible(written[r])} (${r}), ${(100 * share).toFixed(1)}% of its attention was on ${visible(source.read[c])} (${c})`,
    });
  }
  const wide = found.tree.width;
  root.append(
    el(
      "h2",
      {},
      `The search: a beam of ${wide}, so ${wide === 1 ? "the best token and its runner-up" : `the best ${2 * wide} continuations`} at each step; numbers are log p in nats`,
    ),
  );
  beamTree(root, found.tree);
  return { tint: (name, values, kind, scale, sequence) => tokensOf[sequence]?.tint(name, values, kind, scale) };
}
