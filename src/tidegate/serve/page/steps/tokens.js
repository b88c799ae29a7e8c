// What was read, token by token: tinted, with brackets above and what was said below. Tokens are text, never HTML.

import { painted, shade } from "../colours.js";
import { choice, el, fill, labelled, visible } from "../dom.js";

/** Whether every piece is one character: such a sequence is set as text, not as words. */
export function isText(pieces) {
  return pieces.every((it) => [...it].length === 1);
}

/**
 * A row of tokens that wraps. `lanes`: [{spans: [[type, from, to], ...], kind: "said" or "true", colour(type)}, ...] are
 * brackets above; `below(n)` is what stands under a token, or null; `onCursor(n)` when one is chosen.
 */
export class Tokens {
  constructor(root, pieces, { label = "What was read", lanes = [], below = null, onCursor = () => {} } = {}) {
    Object.assign(this, { pieces, onCursor, tints: new Map(), cursor: 0 });
    const text = isText(pieces);
    this.box = el("div", {
      class: `tokens ${text ? "text" : "words"}`,
      tabindex: "0",
      role: "group",
      "aria-label": `${label}; arrow keys choose a token`,
    });
    const covers = lanes.map((lane) => covered(lane, pieces, text));
    this.items = pieces.map((piece, n) =>
      el(
        "span",
        { class: "token", data: { n } },
        ...covers.map((cover) => bracket(cover[n], text)),
        el("span", { class: "piece" }, visible(piece)),
        below?.(n) ?? null,
      ),
    );
    this.items.forEach((it, n) =>
      this.box.append(...(pieces[n].includes("\n") ? [it, el("span", { class: "break" })] : [it])),
    );
    this.pick = el("div", { class: "controls", hidden: true });
    root.append(this.pick, this.box);
    this.box.addEventListener("click", (event) => this.go(Number(event.target.closest(".token")?.dataset.n ?? NaN)));
    this.box.addEventListener("keydown", (event) => {
      const to = { ArrowRight: this.cursor + 1, ArrowLeft: this.cursor - 1, Home: 0, End: pieces.length - 1 }[
        event.key
      ];
      if (to === undefined) return;
      event.preventDefault();
      this.go(to);
    });
    this.mark(0);
    painted(this.box, () => this.tinted && this.paint(this.tinted));
  }

  /** Choose a token, and tell. */
  go(n) {
    if (!(n >= 0 && n < this.pieces.length)) return;
    this.mark(n);
    this.onCursor(n);
  }

  /** Put the cursor on a token without telling. */
  mark(n) {
    this.items[this.cursor]?.classList.remove("cursor");
    this.cursor = n;
    this.items[n]?.classList.add("cursor");
  }

  /** A tint to choose, by a name: numbers, "diverging" (-scale .. scale) or "sequential" (0 .. scale). */
  tint(name, values, kind, scale, chosen = true) {
    this.tints.set(name, { values, kind, scale });
    if (chosen) this.paint(name);
    const now = chosen ? name : this.tinted;
    const select = choice([...this.tints.keys()], now, (to) => this.paint(to));
    fill(this.pick, labelled("Tint by", select));
    this.pick.hidden = this.tints.size < 2;
  }

  paint(name) {
    this.tinted = name;
    const { values, kind, scale } = this.tints.get(name);
    this.items.forEach((item, n) => {
      const [background, ink] = shade(kind, values[n] / scale),
        piece = item.querySelector(".piece");
      piece.style.setProperty("background-color", background);
      piece.style.setProperty("color", ink);
      piece.title = `${name}: ${values[n].toFixed(3)}`;
    });
  }
}

// For every token the part of a bracket above it, if any. A label too long for what it spans is cut in a text, where
// characters must not be moved apart; a word makes room for it.
function covered({ spans, kind, colour }, pieces, text) {
  const cover = new Array(pieces.length).fill({ kind });
  const wide = (n) => [...visible(pieces[n])].length + (text ? 0 : 1.5);
  function roomAt(n, end) {
    let room = 0;
    for (let k = n; k < end && pieces[k] !== "\n"; k++) room += wide(k);
    return room;
  }
  for (const [type, from, to] of spans) {
    const end = Math.min(to, pieces.length);
    for (let n = from; n < end; n++) {
      const begins = n === from || pieces[n - 1] === "\n"; // on a new line the name is said again
      cover[n] = {
        kind,
        type,
        first: n === from,
        last: n === to - 1,
        room: begins ? roomAt(n, end) : 0,
        colour: colour(type),
      };
    }
  }
  return cover;
}

function bracket({ kind, type, first, last, room, colour }, text) {
  const lane = el("span", {
    class: `lane ${kind}${type === undefined ? "" : " on"}${first ? " first" : ""}${last ? " last" : ""}`,
  });
  if (type === undefined) return lane;
  lane.style.setProperty("border-color", colour);
  if (room === 0 || (text && room < Math.min(type.length, 3))) return lane;
  const wide = !text && type.length > room;
  const name = el("span", { class: wide ? "label wide" : "label", title: visible(type) }, visible(type));
  if (!wide) name.style.setProperty("max-width", `${(1.25 * room).toFixed(2)}ch`); // the name is set smaller than the text
  lane.append(name);
  return lane;
}
