// A text of any length, each token with its own tint. Only the lines in view are in the document.

import { painted } from "./colours.js";
import { el, spelled } from "./dom.js";
import { about } from "./state.js";
import { moved } from "./text/keys.js";
import { Layout } from "./text/layout.js";
import { lineElement, measured } from "./text/painting.js";
import { listenToPointer } from "./text/pointer.js";

const AROUND = 6; // lines above and below those in view
const LONG = 8; // columns of a token that is no character, at least, if something stands below it

/**
 * A virtualised text.
 *
 * Options: `onCursor(n)` when a token is chosen; `onSelect(from, to)` when a stretch is marked (`to` is past the end);
 * `onPoint(n)` when a mouse points at another token, null at none; `label` for screen readers; `height` in CSS, at most; `empty`: what an empty text says.
 */
export class TextView {
  constructor(
    root,
    { onCursor = () => {}, onSelect = null, onPoint = null, label = "Text", height = null, empty = "" } = {},
  ) {
    Object.assign(this, { onCursor, onSelect, onPoint });
    this.tokens = [];
    this.layout = new Layout([], 1);
    this.painted = [0, 0]; // lines in the document
    this.rows = 0; // lines below each token
    this.below = null;
    this.tints = null;
    this.classes = null;
    this.cursor = 0;
    this.marked = null; // [from, to)
    this.inner = el("div", { class: "lines", data: { empty } });
    this.box = el(
      "div",
      {
        class: "textview",
        tabindex: "0",
        role: "textbox",
        "aria-readonly": "true",
        "aria-multiline": "true",
        "aria-label": label,
      },
      this.inner,
    );
    if (height) this.box.style.setProperty("--tall", height);
    root.append(this.box);
    this.box.addEventListener("scroll", () => this.draw(), { passive: true });
    this.box.addEventListener("keydown", (event) => this.key(event));
    listenToPointer(this);
    painted(this.box, () => this.draw());
    this.watch = new ResizeObserver(() => this.wrap());
    this.watch.observe(this.box);
  }

  /** Stop watching. */
  stop() {
    this.watch.disconnect();
  }

  /** Show other tokens. */
  setText(tokens) {
    this.tokens = tokens;
    this.cursor = Math.min(this.cursor, Math.max(0, tokens.length - 1));
    this.columns = 0;
    this.wrap();
  }

  /** Tint every token: numbers, "diverging" (-scale .. scale) or "sequential" (0 .. scale); null removes the tint. */
  setTint(values, kind = "diverging", scale = 1) {
    this.tints = values ? { values, kind, scale } : null;
    this.draw();
  }

  /** Give tokens more CSS classes: `n => "name"` or null. */
  setClasses(classes) {
    this.classes = classes;
    this.draw();
  }

  /** Show `below(n)` below each token, in `rows` lines: [[text, share 0..1], ...], or null. */
  setBelow(rows, below) {
    this.rows = rows;
    this.below = below;
    this.columns = 0;
    this.wrap();
  }

  /** Move the cursor to a token and bring it into view, without calling `onCursor`. */
  setCursor(n) {
    this.cursor = Math.max(0, Math.min(this.tokens.length - 1, n));
    this.reveal();
    this.draw();
  }

  /** Mark a stretch, or nothing. */
  setMarked(from, to) {
    this.marked = from === null || to <= from ? null : [from, to];
    this.draw();
  }

  /** The first token in view and the one after the last. */
  get inView() {
    const { lines } = this.layout;
    if (!lines.length) return [0, 0];
    const lineAt = (y) => lines[Math.min(lines.length - 1, Math.floor(y / this.row))];
    return [lineAt(this.box.scrollTop)[0], lineAt(this.box.scrollTop + this.box.clientHeight)[1]];
  }

  wrap() {
    const { cell, row } = measured(this.inner, this.rows);
    if (!cell) return;
    Object.assign(this, { cell, row });
    this.box.style.setProperty("--row", `${row}px`);
    // One column is left for the blank or the sign of a new line that hangs at a line's end.
    const columns = Math.max(8, Math.floor(this.inner.clientWidth / cell) - 1);
    if (columns === this.columns) return;
    this.columns = columns;
    const least = this.rows && this.tokens.some((it) => [...it].length > 1) ? LONG : 0;
    this.layout = new Layout(this.tokens, columns, least);
    this.inner.style.height = `${this.layout.lines.length * row}px`;
    this.reveal();
    this.draw();
  }

  // The lines in view are whole ones. A place that is far is shown with the lines before it.
  reveal() {
    if (!this.layout.lines.length) return;
    const line = this.layout.lineOf(this.cursor);
    const page = this.page;
    const first = Math.ceil(this.box.scrollTop / this.row);
    if (line >= first && line < first + page) return;
    const isNear = line >= first - page && line < first + 2 * page;
    const near = line < first ? line : line - page + 1;
    this.box.scrollTop = Math.max(0, isNear ? near : line - Math.floor(page / 3)) * this.row;
  }

  /** How many whole lines are in view. */
  get page() {
    return Math.max(1, Math.floor(this.box.clientHeight / this.row));
  }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.paint();
    });
  }

  paint() {
    if (!this.row) return;
    const { scrollTop, clientHeight } = this.box;
    const first = Math.max(0, Math.floor(scrollTop / this.row) - AROUND);
    const last = Math.min(this.layout.lines.length, Math.ceil((scrollTop + clientHeight) / this.row) + AROUND);
    const inView = [];
    for (let line = first; line < last; line++) inView.push(lineElement(this, line, this.row));
    this.painted = [first, Math.max(first, last)];
    this.inner.replaceChildren(...inView);
  }

  key(event) {
    if (!this.tokens.length) return;
    const to = moved(event, this.layout, this.cursor, this.page - 1 || 1);
    if (to === null) return;
    event.preventDefault();
    const before = this.cursor;
    this.setCursor(to);
    if (event.shiftKey && this.onSelect) {
      this.fixed ??= before;
      this.setMarked(Math.min(this.fixed, this.cursor), Math.max(this.fixed, this.cursor) + 1);
      this.onSelect(...this.marked);
    } else this.fixed = undefined;
    this.onCursor(this.cursor);
  }
}

/** The tokens of a text as the server sends them. */
export function tokensOf({ text, pieces }) {
  return pieces ?? Array.from(text);
}

/** A token outside its text, in a sentence or table: with signs for blanks, of a word without the blank before it. */
export function tokenName(token) {
  return spelled(about.runs[0].unit === "word" ? token.trim() || token : token);
}
