// Where else the same hidden units are on: a list of stretches with the text around them.

import { el, note, replaceChildren, table } from "../../dom.js";
import { range } from "../../numbers.js";
import { after, before, shortened } from "../../text/context.js";

const AROUND = 24; // characters shown before and after a match
const LONGEST = 60; // characters of a match that are shown

/** `element`; `show(units, matches)`, `empty()`. `token`: what a step is; `onPick(step)`: go to a match. */
export function matchTable(tokens, token, onPick) {
  const element = el("section", { class: "matches" });
  let shown = []; // [a match, the element of its text] that are listed
  let holds = () => false; // of the property that is marked

  function show(units, matches) {
    shown = matches.map((match) => [match, el("code")]);
    shown.forEach(write);
    if (!matches.length) {
      const nowhere = "Nowhere else in this text are any of them on for two steps or more.";
      replaceChildren(element, units.length ? note(nowhere) : null);
      return;
    }
    const rows = shown.map(([[start, stop, shared], text]) => [
      text,
      `${shared} of ${units.length}`,
      stop - start,
      start,
    ]);
    const caption = "Most shared hidden units first, then the nearest length. Pick one to go there.";
    const columns = ["text", "hidden units shared", `${token}s`, "at"];
    replaceChildren(
      element,
      el("h2", {}, "Where else the same hidden units are on"),
      table(columns, rows, { caption, onRow: (n) => onPick(matches[n][0]) }),
    );
  }

  /** The text of a match. The rows stay, and with them the keyboard's focus. */
  function write([[start, stop], text]) {
    replaceChildren(text, ...inContext(tokens, start, stop, holds));
  }

  return {
    element,
    show,
    empty: () => replaceChildren(element),
    /** Underline where a property holds: a function of the step, or null. */
    mark(where) {
      holds = where ?? (() => false);
      shown.forEach(write);
    },
  };
}

/** A match with the text around it; its beginnings are in line. */
function inContext(tokens, start, stop, holds) {
  const match = el("mark", {}, ...pieces(tokens, start, stop, holds));
  return [before(tokens, start, AROUND), match, after(tokens, stop, AROUND)];
}

/** The tokens of a match; where a property holds they are underlined. */
function pieces(tokens, start, stop, holds) {
  const found = [];
  const all = range(stop - start).map((n) => start + n);
  if (!all.some(holds)) return [shortened(tokens.slice(start, stop), LONGEST)];
  for (const n of all.slice(0, LONGEST)) {
    const marked = holds(n);
    if (found.at(-1)?.marked !== marked) found.push({ marked, tokens: [] });
    found.at(-1).tokens.push(tokens[n]);
  }
  const more = all.length > LONGEST ? " …" : "";
  const written = (some) => shortened(some, LONGEST);
  return [...found.map((it) => (it.marked ? el("u", {}, written(it.tokens)) : written(it.tokens))), more];
}
