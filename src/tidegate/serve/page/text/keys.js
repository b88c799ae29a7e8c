// The keys that move the cursor of a text.

/** The token that a key moves the cursor to, or null if it is another key. `page`: the lines of a page. */
export function moved({ key, ctrlKey }, layout, cursor, page) {
  const line = layout.lineOf(cursor);
  const down = (count) => layout.at(line + count, layout.columnOf(cursor));
  const last = layout.tokens.length - 1;
  const moves = {
    ArrowRight: () => Math.min(last, cursor + 1),
    ArrowLeft: () => Math.max(0, cursor - 1),
    ArrowDown: () => down(1),
    ArrowUp: () => down(-1),
    PageDown: () => down(page),
    PageUp: () => down(-page),
    Home: () => (ctrlKey ? 0 : layout.lines[line][0]),
    End: () => (ctrlKey ? last : layout.lines[line][1] - 1),
  };
  return moves[key]?.() ?? null;
}
