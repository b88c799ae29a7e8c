// The lines of a text: broken after blanks if something stands before these in the line, else between any two tokens.

import { visible } from "../dom.js";

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u;

/** How many columns of a monospaced font a text takes. */
function columnsOf(text) {
  if (text.length === 1 && text >= " " && text < "\u007f") return 1;
  return [...visible(text)].reduce((sum, it) => sum + (WIDE.test(it) ? 2 : 1), 0);
}

/** Tokens in lines of `columns` columns, each token at least `least` wide. `lines`: [from, to) of each. */
export class Layout {
  constructor(tokens, columns, least = 0) {
    Object.assign(this, { tokens, least });
    this.widths = Float32Array.from(tokens, (it) => Math.max(least, columnsOf(it)));
    this.lines = broken(tokens, this.widths, columns);
    this.begins = new Set(this.lines.map(([from]) => from));
  }

  /** The text of a token as its line has it: without a blank before it where a line goes on, and where it is `alone`. */
  shown(n, alone = false) {
    const token = this.tokens[n];
    if (token[0] !== " ") return token;
    const goesOn = n > 0 && this.begins.has(n) && !this.tokens[n - 1].includes("\n");
    return ((goesOn || alone) && token.trimStart()) || token;
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

  /** The column at which a token begins. */
  columnOf(n) {
    let column = 0;
    for (let before = this.lines[this.lineOf(n)][0]; before < n; before++) column += this.widths[before];
    return column;
  }

  /** The token of a line at a column, or the line's last. */
  at(line, column) {
    const [from, to] = this.lines[Math.max(0, Math.min(this.lines.length - 1, line))];
    let n = from;
    for (let end = this.widths[n]; end <= column && n < to - 1; end += this.widths[n]) n++;
    return n;
  }
}

function broken(tokens, widths, columns) {
  const lines = [];
  let from = 0; // of the line
  let used = 0;
  let cut = 0; // the last place where the line may end, and what was used up to it
  let usedAtCut = 0;
  let isIndented = true; // nothing but blanks so far
  const end = (at, left) => {
    lines.push([from, at]);
    from = at;
    used = left;
    isIndented = at === 0 || tokens[at - 1].includes("\n");
  };
  tokens.forEach((token, n) => {
    if (n > 0 && (/\s$/.test(tokens[n - 1]) || /^\s/.test(token)) && token !== " " && !isIndented) {
      cut = n;
      usedAtCut = used;
    }
    const hangs = token === "\n" || token === " "; // in the margin
    if (used + widths[n] > columns && n > from && !hangs) {
      if (cut > from) end(cut, used - usedAtCut);
      else end(n, 0);
    }
    used += widths[n];
    isIndented &&= token.trim() === "";
    if (token.includes("\n")) end(n + 1, 0);
  });
  if (from < tokens.length) lines.push([from, tokens.length]);
  return lines;
}
