// A text of any length, each unit on a tint of its own. Only the lines that are seen are there.

import { painted, shade } from "./colours.js";
import { el, visible } from "./dom.js";

const AROUND = 6; // lines above and below those that are seen
const LONG = 500,
  SLOP = 10; // ms and px of a touch that is held where it is: it begins to mark
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}]/u;

/**
 * A virtualised text.
 *
 * Options: `onCursor(n)` when a unit is chosen; `onSelect(from, to)` when a stretch is marked (to is past the end);
 * `label` for screen readers; `rows` lines of what stands under each unit, `below(n)` -> [[text, share 0..1], ...] or null;
 * `height` in CSS.
 */
export class TextView {
  constructor(
    root,
    { onCursor = () => {}, onSelect = null, label = "Text", rows = 0, below = null, height = null } = {},
  ) {
    Object.assign(this, { onCursor, onSelect, rows, below });
    this.pieces = [];
    this.tints = null;
    this.classes = null;
    this.cursor = 0;
    this.marked = null; // [from, to)
    this.marking = false;
    this.still = (event) => {
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
      // A touch that marks does not scroll; the browser asks at its beginning whether anybody might say so.
      this.box.addEventListener("touchmove", this.still, { passive: false });
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

  /** Show other units. */
  setText(pieces) {
    this.pieces = pieces;
    this.cursor = Math.min(this.cursor, Math.max(0, pieces.length - 1));
    this.columns = 0;
    this.wrap();
  }

  /** Tint every unit: numbers, "diverging" (-scale .. scale) or "sequential" (0 .. scale); null takes the tint away. */
  setTint(values, kind = "diverging", scale = 1) {
    this.tints = values ? { values, kind, scale } : null;
    this.draw();
  }

  /** Give units CSS classes besides: `n => "name"` or null. */
  setClasses(classes) {
    this.classes = classes;
    this.draw();
  }

  /** What stands under each unit, in so many lines. */
  setBelow(rows, below) {
    this.rows = rows;
    this.below = below;
    this.columns = 0;
    this.wrap();
  }

  /** Put the cursor on a unit and bring it into view, without telling anybody. */
  setCursor(n) {
    this.cursor = Math.max(0, Math.min(this.pieces.length - 1, n));
    this.reveal();
    this.draw();
  }

  /** Mark a stretch, or nothing. */
  setMarked(from, to) {
    this.marked = from === null || to <= from ? null : [from, to];
    this.draw();
  }

  /** The first unit that is seen and the one after the last. */
  get seen() {
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
    let from = 0,
      used = 0;
    for (let n = 0; n < this.pieces.length; n++) {
      const wide = this.wide(n);
      if (used + wide > columns && n > from) {
        this.lines.push([from, n]);
        from = n;
        used = 0;
      }
      used += wide;
      if (this.pieces[n].includes("\n")) {
        this.lines.push([from, n + 1]);
        from = n + 1;
        used = 0;
      }
    }
    if (from < this.pieces.length) this.lines.push([from, this.pieces.length]);
    this.inner.style.height = `${this.lines.length * this.row}px`;
    this.reveal();
    this.draw();
  }

  wide(n) {
    const piece = this.pieces[n];
    if (piece.length === 1 && piece < "\u1100") return piece < " " && piece !== "\n" && piece !== "\t" ? 4 : 1;
    return [...visible(piece)].reduce((sum, it) => sum + (WIDE.test(it) ? 2 : 1), 0);
  }

  lineOf(n) {
    let low = 0,
      high = this.lines.length - 1;
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
    const seen = [];
    for (let line = first; line < last; line++) {
      const made = el("div", { class: "line" });
      made.style.top = `${line * this.row}px`;
      made.style.height = `${this.row}px`;
      for (let n = this.lines[line][0]; n < this.lines[line][1]; n++) made.append(this.unit(n));
      seen.push(made);
    }
    this.inner.replaceChildren(...seen);
  }

  unit(n) {
    const made = document.createElement("span");
    made.className = "unit";
    made.dataset.n = n;
    made.textContent = visible(this.pieces[n]);
    if (this.pieces[n] === "\n" || this.pieces[n] === "\t") made.classList.add("sign");
    if (this.tints) {
      const [background, ink] = shade(this.tints.kind, this.tints.values[n] / this.tints.scale);
      made.style.backgroundColor = background;
      made.style.color = ink;
    }
    const given = this.classes?.(n);
    if (given) made.classList.add(...given.split(" "));
    if (n === this.cursor) made.classList.add("cursor");
    if (this.marked && n >= this.marked[0] && n < this.marked[1]) made.classList.add("marked");
    if (!this.rows) return made;
    const column = document.createElement("span");
    column.className = "column";
    column.style.width = `${this.wide(n) * this.cell}px`;
    column.append(made);
    for (const [text, share] of this.below?.(n) ?? []) {
      const guess = document.createElement("span");
      guess.className = "below";
      guess.textContent = visible(text);
      const [background, ink] = shade("sequential", share);
      guess.style.backgroundColor = background;
      guess.style.color = ink;
      column.append(guess);
    }
    return column;
  }

  key(event) {
    const line = this.lineOf(this.cursor),
      page = Math.max(1, Math.floor(this.box.clientHeight / this.row) - 1);
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
      End: () => (event.ctrlKey ? this.pieces.length - 1 : this.lines[line][1] - 1),
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

  // A mouse chooses and marks at once. A finger may be about to scroll: it chooses by a tap, and marks if it is held first.
  press(event) {
    this.pressed = event.pointerType === "mouse";
    const from = unitAt(event);
    if (from === null || event.button > 0) return;
    if (this.pressed) {
      this.choose(from);
      if (this.onSelect) this.mark(from, event.pointerId);
    } else if (this.onSelect) this.hold(from, event);
  }

  click(event) {
    const n = unitAt(event);
    if (n !== null && !this.pressed) this.choose(n);
    this.pressed = false;
  }

  choose(n) {
    this.setMarked(null, 0);
    this.setCursor(n);
    this.onCursor(n);
  }

  hold(from, { clientX, clientY, pointerId, target }) {
    target.addEventListener("touchmove", this.still, { passive: false }); // once painted anew, it is no longer in the box
    const give = () => {
      clearTimeout(timer);
      for (const name of ["pointermove", "pointerup", "pointercancel"]) removeEventListener(name, watch);
    };
    const watch = (event) => {
      if (event.type !== "pointermove" || Math.hypot(event.clientX - clientX, event.clientY - clientY) > SLOP) give();
    };
    const timer = setTimeout(() => {
      give();
      this.choose(from);
      this.setMarked(from, from + 1);
      this.mark(from, pointerId);
    }, LONG);
    for (const name of ["pointermove", "pointerup", "pointercancel"]) addEventListener(name, watch);
  }

  mark(from, pointerId) {
    this.marking = true;
    const move = (at) => {
      if (at.pointerId !== pointerId) return;
      const to = unitAt(document.elementFromPoint(at.clientX, at.clientY));
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

function unitAt(event) {
  const found = (event.target ?? event)?.closest?.(".column, .unit");
  const unit = found?.classList.contains("column") ? found.firstChild : found;
  return unit?.dataset.n === undefined ? null : Number(unit.dataset.n);
}

/** The units of a text as the server sent them. */
export function piecesOf({ text, pieces }) {
  return pieces ?? Array.from(text);
}
