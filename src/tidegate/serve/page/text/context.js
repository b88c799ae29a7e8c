// Pieces of a text as one line: what stands before and after a place, and a stretch that is shortened.

import { visible } from "../dom.js";

/** The tokens before a place, as many as have at most `most` characters, filled up with blanks to that many. */
export function before(tokens, at, most) {
  let text = "";
  for (let n = at - 1; n >= 0 && text.length + tokens[n].length <= most; n--) text = visible(tokens[n]) + text;
  return text.padStart(most);
}

/** The tokens from a place on, as many as have at most `most` characters. */
export function after(tokens, at, most) {
  let text = "";
  for (let n = at; n < tokens.length && text.length + tokens[n].length <= most; n++) text += visible(tokens[n]);
  return text;
}

/** Tokens as a line of text, shortened in its middle. */
export function shortened(tokens, most) {
  const shown = Array.from(tokens.map(visible).join(""));
  if (shown.length <= most) return shown.join("");
  const half = Math.floor(most / 2);
  return `${shown.slice(0, half).join("")} … ${shown.slice(-half).join("")}`;
}
