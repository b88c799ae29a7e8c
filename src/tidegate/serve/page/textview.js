// A text of any length, each token with its own tint. Only the lines in view are in the document.

import { painted, shade } from "./colours.js";
import { el, visible } from "./dom.js";

const AROUND = 6; // lines above and below those in view
const LONG_PRESS = 500; // ms after which a touch that is held begins to mark
const SLOP = 10; // px that it may move meanwhile
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u;

/**
 * A virtualised text.
 *
 * Options: `onCursor(n)` when a token is chosen; `onSelect(from, to)` when a stretch is marked (`to` is past the end);
 * `label` for screen readers; `rows`: how many lines are below each token; `below(n)`: what they hold, [[text, share
 * 0..1], ...] or null; `height` in CSS.
 */
export class TextView {
  constructor(
    root,
    { onCursor = () => {}, onSelect = null, label = "Text", rows = 0, below = null, height = null } = {},
  ) {
    Object.assign(this, { onCursor, onSelect, rows, below });
    this.tokens = [];
    this.tints = null;
    this.classes = null;
    this.cursor = 0;
    this.marked = null; // [from, to)
    this.marking = false;
    this.keepStill = (event) => {
      if (this.marking) event.preventDefault();
    };
    this.lines = [];
    this.inner = el("div", { class: "lines" });
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
    if (height) this.box.style.height = height;
    root.append(this.box);
    this.box.addEventListener("scroll", () => this.draw(), { passive: true });
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("pointerdown", (event) => this.press(event));
    this.box.addEventListener("click", (event) => this.click(event));
    if (onSelect) {
      this.box.classList.add("markable");
      // A touch that marks does not scroll: browsers want to know at its beginning that a listener may prevent it.
      this.box.addEventListener("touchmove", this.keepStill, { passive: false });
      this.box.addEventListener("contextmenu", (event) => {
        if (this.marking) event.preventDefault();
      });
    }
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

  /** Show `below(n)` below each token, in `rows` lines. */
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
    const first = this.lines[Math.max(0, Math.floor(this.box.scrollTop / this.row))];
    const last =
      this.lines[Math.min(this.lines.length - 1, Math.floor((this.box.scrollTop + this.box.clientHeight) / this.row))];
    return first ? [first[0], last[1]] : [0, 0];
  }

  wrap() {
    const probe = el("span", { class: "unit" }, "x".repeat(20));
    this.inner.append(probe);
    const { width, height } = probe.getBoundingClientRect();
    probe.remove();
    if (!width) return;
    this.cell = width / 20;
    this.row = Math.round(height * (1 + 0.75 * this.rows) + (this.rows ? 6 : 0));
    const columns = Math.max(8, Math.floor((this.box.clientWidth - 16) / this.cell));
    if (columns === this.columns) return;
    this.columns = columns;
    this.lines = [];
    let from = 0;
    let used = 0;
    for (let n = 0; n < this.tokens.length; n++) {
      const wide = this.wide(n);
      if (used + wide > columns && n > from) {
        this.lines.push([from, n]);
        from = n;
        used = 0;
      }
      used += wide;
      if (this.tokens[n].includes("\n")) {
        this.lines.push([from, n + 1]);
        from = n + 1;
        used = 0;
      }
    }
    if (from < this.tokens.length) this.lines.push([from, this.tokens.length]);
    this.inner.style.height = `${this.lines.length * this.row}px`;
    this.reveal();
    this.draw();
  }

  wide(n) {
    const token = this.tokens[n];
    if (token.length === 1 && token < "\u1100") return token < " " && token !== "\n" && token !== "\t" ? 4 : 1;
    return [...visible(token)].reduce((sum, it) => sum + (WIDE.test(it) ? 2 : 1), 0);
  }

  lineOf(n) {
    let low = 0;
    let high = this.lines.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.lines[middle][1] <= n) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  reveal() {
    if (!this.lines.length) return;
    const top = 4 + this.lineOf(this.cursor) * this.row; // below the margin of .lines
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + this.row > this.box.scrollTop + this.box.clientHeight)
      this.box.scrollTop = top + this.row - this.box.clientHeight;
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
    const first = Math.max(0, Math.floor(this.box.scrollTop / this.row) - AROUND);
    const last = Math.min(
      this.lines.length,
      Math.ceil((this.box.scrollTop + this.box.clientHeight) / this.row) + AROUND,
    );
    const inView = [];
    for (let line = first; line < last; line++) {
      const element = el("div", { class: "line" });
      element.style.top = `${line * this.row}px`;
      element.style.height = `${this.row}px`;
      for (let n = this.lines[line][0]; n < this.lines[line][1]; n++) element.append(this.token(n));
      inView.push(element);
    }
    this.inner.replaceChildren(...inView);
  }

  token(n) {
    const element = spanOf("unit", this.tokens[n]);
    element.dataset.n = n;
    if (this.tokens[n] === "\n" || this.tokens[n] === "\t") element.classList.add("sign");
    if (this.tints) tint(element, this.tints.kind, this.tints.values[n] / this.tints.scale);
    const classes = this.classes?.(n);
    if (classes) element.classList.add(...classes.split(" "));
    if (n === this.cursor) element.classList.add("cursor");
    if (this.marked && n >= this.marked[0] && n < this.marked[1]) element.classList.add("marked");
    return this.rows ? this.withBelow(n, element) : element;
  }

  withBelow(n, element) {
    const column = document.createElement("span");
    column.className = "column";
    column.style.width = `${this.wide(n) * this.cell}px`;
    column.append(element);
    for (const [text, share] of this.below?.(n) ?? []) {
      const line = spanOf("below", text);
      tint(line, "sequential", share);
      column.append(line);
    }
    return column;
  }

  key(event) {
    const line = this.lineOf(this.cursor);
    const page = Math.max(1, Math.floor(this.box.clientHeight / this.row) - 1);
    const down = (lines) => {
      const to = this.lines[Math.max(0, Math.min(this.lines.length - 1, line + lines))];
      return Math.min(to[0] + this.cursor - this.lines[line][0], to[1] - 1);
    };
    const moves = {
      ArrowRight: () => this.cursor + 1,
      ArrowLeft: () => this.cursor - 1,
      ArrowDown: () => down(1),
      ArrowUp: () => down(-1),
      PageDown: () => down(page),
      PageUp: () => down(-page),
      Home: () => (event.ctrlKey ? 0 : this.lines[line][0]),
      End: () => (event.ctrlKey ? this.tokens.length - 1 : this.lines[line][1] - 1),
    };
    if (!moves[event.key] || !this.lines.length) return;
    event.preventDefault();
    const before = this.cursor;
    this.setCursor(moves[event.key]());
    if (event.shiftKey && this.onSelect) {
      this.fixed ??= before;
      this.setMarked(Math.min(this.fixed, this.cursor), Math.max(this.fixed, this.cursor) + 1);
      this.onSelect(...this.marked);
    } else this.fixed = undefined;
    this.onCursor(this.cursor);
  }

  // A mouse chooses and marks at once. A finger may be about to scroll: it chooses by a tap, marks after a long press.
  press(event) {
    this.pressed = event.pointerType === "mouse";
    const from = tokenAt(event);
    if (from === null || event.button > 0) return;
    if (this.pressed) {
      this.choose(from);
      if (this.onSelect) this.mark(from, event.pointerId);
    } else if (this.onSelect) this.hold(from, event);
  }

  click(event) {
    const n = tokenAt(event);
    if (n !== null && !this.pressed) this.choose(n);
    this.pressed = false;
  }

  choose(n) {
    this.setMarked(null, 0);
    this.setCursor(n);
    this.onCursor(n);
  }

  hold(from, { clientX, clientY, pointerId, target }) {
    // Once painted anew, the target is no longer in the box.
    target.addEventListener("touchmove", this.keepStill, { passive: false });
    const giveUp = () => {
      clearTimeout(timer);
      for (const name of ["pointermove", "pointerup", "pointercancel"]) removeEventListener(name, watch);
    };
    const watch = (event) => {
      if (event.type !== "pointermove" || Math.hypot(event.clientX - clientX, event.clientY - clientY) > SLOP) giveUp();
    };
    const timer = setTimeout(() => {
      giveUp();
      this.choose(from);
      this.setMarked(from, from + 1);
      this.mark(from, pointerId);
    }, LONG_PRESS);
    for (const name of ["pointermove", "pointerup", "pointercancel"]) addEventListener(name, watch);
  }

  mark(from, pointerId) {
    this.marking = true;
    const move = (at) => {
      if (at.pointerId !== pointerId) return;
      const to = tokenAt(document.elementFromPoint(at.clientX, at.clientY));
      if (to !== null) this.setMarked(Math.min(from, to), Math.max(from, to) + 1);
    };
    const end = (at) => {
      if (at.pointerId !== pointerId) return;
      this.marking = false;
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      if (this.marked && this.marked[1] - this.marked[0] > 1) this.onSelect(...this.marked);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  }
}

// Not by `el`: a scroll makes thousands of them.
function spanOf(name, text) {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = visible(text);
  return span;
}

function tint(element, kind, value) {
  const [background, ink] = shade(kind, value);
  element.style.backgroundColor = background;
  element.style.color = ink;
}

function tokenAt(event) {
  const found = (event.target ?? event)?.closest?.(".column, .unit");
  const token = found?.classList.contains("column") ? found.firstChild : found;
  return token?.dataset.n === undefined ? null : Number(token.dataset.n);
}

/** The tokens of a text as the server sends them. */
export function tokensOf({ text, pieces }) {
  return pieces ?? Array.from(text);
}
