// A tagger: tokens with their tags, brackets for spans, and where it was wrong.

import { curve } from "../colours.js";
import { el, fill, table, visible } from "../dom.js";
import { choose, state } from "../state.js";
import { filmstrip } from "./pictures.js";
import { isText, Tokens } from "./tokens.js";

export function show(root, found, frames) {
  const [{ read, guesses }] = found.sequences,
    { tags, true_tags: truth } = found;
  const wrong = tags.map((tag, n) => truth !== null && truth[n] !== tag);
  const right = truth === null ? "" : ` ${wrong.filter((it) => !it).length} of ${tags.length} are right.`;
  const kinds = [...new Set([...found.spans, ...found.true_spans].map((it) => it[0]).concat(tags, truth ?? []))];
  const colour = (type) => curve(Math.max(0, kinds.indexOf(type)));
  const marked = found.spans.length + found.true_spans.length > 0,
    text = read.length > 0 && isText(read);
  const lanes = [];
  if (marked || text) {
    // Characters have tags of their own; a stretch of equal tags is drawn as a span.
    lanes.push({ kind: "said", colour, spans: marked ? found.spans : stretches(tags) });
    if (truth !== null)
      lanes.push({
        kind: "true",
        colour,
        spans: marked
          ? found.true_spans
          : stretches(truth).filter(([type, from, to]) => tags.slice(from, to).some((it) => it !== type)),
      });
  }
  const side = el("aside", { class: "side", "aria-live": "polite" }),
    main = el("div");
  const below = (n) =>
    el(
      "span",
      { class: wrong[n] ? "below missed" : "below" },
      el("span", {}, visible(tags[n])),
      wrong[n] ? el("span", { class: "truth" }, `≠ ${visible(truth[n] ?? "a tag it never saw")}`) : null,
    );
  const legend = [
    lanes.length
      ? el(
          "p",
          { class: "told" },
          el("span", { class: "lane said on first last" }),
          " what it says",
          truth === null
            ? null
            : [
                " ",
                el("span", { class: "lane true on first last" }),
                text && !marked ? " what is true, where that differs" : " what is true",
              ],
        )
      : null,
    el(
      "p",
      { class: "told" },
      right + (truth === null ? "" : text ? " Underlined by waves: wrong." : " Below a wrong one, ≠ and the true one."),
    ),
  ];
  root.append(
    el(
      "p",
      { class: "lead" },
      "What the tagger says of every step. The stronger the tint, the less sure; pick one to see the three likeliest tags.",
    ),
    ...legend.filter((it) => it !== null),
    el("div", { class: "beside" }, main, side),
  );

  function tell(n) {
    choose({ at: n });
    const true_tag =
      truth === null
        ? null
        : el(
            "p",
            { class: wrong[n] ? "wrong" : null },
            `${wrong[n] ? "wrong; true is" : "right:"} ${visible(truth[n] ?? "a tag it never saw")}`,
          );
    const rows = guesses[n].slice(0, 3).map(([tag, p]) => [visible(tag), p, "█".repeat(Math.round(p * 20)) || "▏"]);
    fill(
      side,
      el("h2", {}, `step ${n}: `, read.length ? el("code", {}, visible(read[n])) : "a frame"),
      true_tag,
      table(["tag", "p", ""], rows),
    );
  }

  if (frames) {
    filmstrip(main, frames, { below, onPick: tell, most: Infinity });
    tell(0);
    return null;
  }
  const tokens = new Tokens(main, read, {
    label: "What it read, with its tags",
    lanes,
    below: text ? null : below,
    onCursor: tell,
  });
  tokens.tint(
    "doubt, 1 - p of the tag",
    guesses.map((it) => 1 - it[0][1]),
    "sequential",
    1,
  );
  if (text) tokens.items.forEach((it, n) => it.classList.toggle("missed", wrong[n]));
  const at = Math.min(state.at, read.length - 1);
  tokens.mark(at);
  tell(at);
  return tokens;
}

/** Stretches of equal tags as spans. */
function stretches(tags) {
  const found = [];
  tags.forEach((tag, n) => {
    if (tag === null) return;
    if (found.length && found.at(-1)[0] === tag && found.at(-1)[2] === n) found.at(-1)[2] = n + 1;
    else found.push([tag, n, n + 1]);
  });
  return found;
}
