// Indented lines of texts that the browser wraps: it would break them after their blanks rather than in a long word.

import { el } from "../dom.js";

/** The elements of the pieces of a text; in each line its indentation and the word after it are in one element. */
export function indented(pieces, elements) {
  const found = [];
  let box = null; // that of this line
  let isBlank = true; // the line, so far
  pieces.forEach((piece, n) => {
    if (isBlank && !box && /^[ \t]/.test(piece)) {
      box = el("span", { class: "indented" });
      found.push(box);
    }
    if (!isBlank && /^\s/.test(piece)) box = null; // the word has ended
    if (box) box.append(elements[n]);
    else found.push(elements[n]);
    isBlank &&= piece.trim() === "";
    if (piece.includes("\n")) [box, isBlank] = [null, true];
  });
  return found;
}

/** The same for a text as it is. */
export function indentedText(text) {
  const pieces = text.match(/\n|[^\S\n]+|\S+/g) ?? [];
  return indented(pieces, pieces);
}
