// What was read, token by token: tinted, with brackets above and a tag below. Tokens are text, never HTML.

import { colourScale } from "../charts/scale.js";
import { painted, shade } from "../colours.js";
import { choice, el, labelled, replaceChildren, visible } from "../dom.js";
import { fixed } from "../numbers.js";
import { choose, state } from "../state.js";

/** Whether every token is one character: such a sequence is set as text, not as words. */
export function isText(tokens) {
  return tokens.every((it) => [...it].length === 1);
}

/**
 * A row of tokens that wraps. `lanes`: [{spans: [[type, from, to], ...], kind: "said" or "true", colour(type)}, ...]
 * are brackets above; `below(n)` is the element under a token, or null; `onCursor(n)` when one is chosen; `setting` is
 * the name in the address of the tint that is chosen.
 */
export class Tokens {
  constructor(
    root,
    tokens,
    { label = "What was read", lanes = [], below = null, onCursor = () => {}, setting = "tint" } = {},
  ) {
    Object.assign(this, { tokens, onCursor, setting, tints: new Map(), cursor: 0 });
    const asText = isText(tokens);
    this.box = el("div", {
      class: `tokens ${asText ? "text" : "words"}`,
      tabindex: "0",
      role: "group",
      "aria-label": `${label}; arrow keys choose a token`,
    });
    const covers = lanes.map((lane) => coverOf(lane, tokens, asText));
    this.items = tokens.map((token, n) => {
      const brackets = covers.map((cover) => bracket(cover[n], asText));
      const text = el("span", { class: "piece" }, visible(token));
      return el("span", { class: "token", data: { n } }, ...brackets, text, below?.(n));
    });
    for (const [n, item] of this.items.entries()) {
      this.box.append(item);
      if (tokens[n].includes("\n")) this.box.append(el("span", { class: "break" }));
    }
    this.tintBar = el("div", { class: "tint-bar" });
    root.append(this.box, this.tintBar);
    this.box.addEventListener("click", (event) => this.go(Number(event.target.closest(".token")?.dataset.n ?? NaN)));
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.mark(0);
    painted(this.box, () => this.tinted && this.paint(this.tinted));
  }

  key(event) {
    const moves = { ArrowRight: this.cursor + 1, ArrowLeft: this.cursor - 1, Home: 0, End: this.tokens.length - 1 };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.go(to);
  }

  /** Choose a token, and call `onCursor`. */
  go(n) {
    if (!(n >= 0 && n < this.tokens.length)) return;
    this.mark(n);
    this.onCursor(n);
  }

  /** Move the cursor to a token, without calling `onCursor`. */
  mark(n) {
    this.items[this.cursor]?.classList.remove("cursor");
    this.cursor = n;
    this.items[n]?.classList.add("cursor");
  }

  /**
   * Add a tint, and show it unless the address has another one: numbers, of a kind of scale (colours.js) that ends at
   * `scale`.
   */
  tint(name, values, kind, scale) {
    this.tints.set(name, { values, kind, scale });
    const chosen = state[this.setting];
    this.paint(this.tints.has(chosen) ? chosen : name);
  }

  /** The name of the tint, or the choice of one, and its scale. */
  showScale(name, { kind, scale }) {
    const names = [...this.tints.keys()];
    const select = choice(names, name, (to) => {
      choose({ [this.setting]: to });
      this.paint(to);
    });
    const isFocused = this.tintBar.contains(document.activeElement);
    const title = names.length > 1 ? labelled("Tint by", select) : el("span", { class: "scale-label" }, name);
    replaceChildren(this.tintBar, title, colourScale({ kind, top: scale }));
    if (isFocused) select.focus();
  }

  paint(name) {
    this.tinted = name;
    const { values, kind, scale } = this.tints.get(name);
    this.showScale(name, this.tints.get(name));
    for (const [n, item] of this.items.entries()) {
      const [background, ink] = shade(kind, values[n] / scale);
      const text = item.querySelector(".piece");
      text.style.setProperty("background-color", background);
      text.style.setProperty("color", ink);
      text.title = `${name}: ${fixed(values[n], 3)}`;
    }
  }
}

// For every token the part of a bracket above it, if any. A label that is too long for its span is shortened in a text,
// where characters must not be moved apart; a word makes room for it.
function coverOf({ spans, kind, colour }, tokens, asText) {
  const cover = new Array(tokens.length).fill({ kind });
  const widthOf = (n) => [...visible(tokens[n])].length + (asText ? 0 : 1.5);
  function roomFrom(n, end) {
    let room = 0;
    for (let k = n; k < end && tokens[k] !== "\n"; k++) room += widthOf(k);
    return room;
  }
  for (const [type, from, to] of spans) {
    const end = Math.min(to, tokens.length);
    for (let n = from; n < end; n++) {
      const begins = n === from || tokens[n - 1] === "\n"; // a new line has the label again
      const room = begins ? roomFrom(n, end) : 0;
      cover[n] = { kind, type, first: n === from, last: n === to - 1, room, colour: colour(type) };
    }
  }
  return cover;
}

function bracket({ kind, type, first, last, room, colour }, asText) {
  const classes = ["lane", kind, type !== undefined && "on", first && "first", last && "last"];
  const lane = el("span", { class: classes.filter(Boolean).join(" ") });
  if (type === undefined) return lane;
  lane.style.setProperty("border-color", colour);
  if (room === 0 || (asText && room < Math.min(type.length, 3))) return lane;
  const isWide = !asText && type.length > room;
  const label = el("span", { class: isWide ? "label wide" : "label", title: visible(type) }, visible(type));
  // A label is set smaller than the text.
  if (!isWide) label.style.setProperty("max-width", `${(1.25 * room).toFixed(2)}ch`);
  lane.append(label);
  return lane;
}
