// Mouse and finger on a text: the token that is nearest is chosen; a drag, or a long press and a move, marks a stretch. A
// mouse that only moves points at tokens.

const LONG_PRESS = 500; // ms after which a touch that is held begins to mark
const SLOP = 10; // px that it may move meanwhile
const MOVES = ["pointermove", "pointerup", "pointercancel"];

/** Let mouse and finger choose tokens of `view`, mark stretches if it has `onSelect`, and point if it has `onPoint`. */
export function listenToPointer(view) {
  const { box, onSelect, onPoint } = view;
  let pressed = false; // by a mouse, which has chosen already when it is released
  let marking = false;
  const keepStill = (event) => {
    if (marking) event.preventDefault();
  };
  box.addEventListener("pointerdown", press);
  box.addEventListener("click", (event) => {
    if (!pressed) choose(tokenAt(view, event));
    pressed = false;
  });
  if (onPoint) {
    let last = null;
    const pointAt = (n) => {
      if (n !== last) onPoint(n);
      last = n;
    };
    box.addEventListener("pointermove", (event) => event.pointerType === "mouse" && pointAt(tokenAt(view, event)));
    box.addEventListener("pointerleave", () => pointAt(null));
  }
  if (onSelect) {
    box.classList.add("markable");
    // A touch that marks does not scroll: browsers want to know at its beginning that a listener may prevent it.
    box.addEventListener("touchmove", keepStill, { passive: false });
    box.addEventListener("contextmenu", keepStill);
  }

  // A mouse chooses and marks at once. A finger may be about to scroll: it chooses by a tap, marks after a long press.
  function press(event) {
    if (event.button > 0) return;
    pressed = event.pointerType === "mouse";
    const from = tokenAt(view, event);
    if (from === null) return;
    if (!pressed) {
      if (onSelect) hold(from, event);
      return;
    }
    choose(from);
    if (onSelect) mark(from, event.pointerId);
  }

  function choose(n) {
    if (n === null) return;
    view.setMarked(null, 0);
    view.setCursor(n);
    view.onCursor(n);
  }

  function hold(from, { clientX, clientY, pointerId, target }) {
    // Once painted anew, the target is no longer in the box.
    target.addEventListener("touchmove", keepStill, { passive: false });
    const stop = whilePressed((event) => {
      if (event.type !== "pointermove" || Math.hypot(event.clientX - clientX, event.clientY - clientY) > SLOP) giveUp();
    });
    const giveUp = () => {
      clearTimeout(timer);
      stop();
    };
    const timer = setTimeout(() => {
      stop();
      choose(from);
      view.setMarked(from, from + 1);
      mark(from, pointerId);
    }, LONG_PRESS);
  }

  function mark(from, pointerId) {
    marking = true;
    const stop = whilePressed((event) => {
      if (event.pointerId !== pointerId) return;
      if (event.type === "pointermove") {
        scrollTowards(view, event.clientY);
        const to = nearest(view, event.clientX, event.clientY);
        if (to !== null) view.setMarked(Math.min(from, to), Math.max(from, to) + 1);
        return;
      }
      marking = false;
      stop();
      if (view.marked && view.marked[1] - view.marked[0] > 1) onSelect(...view.marked);
    });
  }
}

function whilePressed(listener) {
  for (const name of MOVES) addEventListener(name, listener);
  return () => {
    for (const name of MOVES) removeEventListener(name, listener);
  };
}

function scrollTowards({ box, row }, y) {
  const { top, bottom } = box.getBoundingClientRect();
  if (y < top) box.scrollTop -= row;
  else if (y > bottom) box.scrollTop += row;
}

/** The token at a press, or null on the scroll bar. */
function tokenAt(view, { clientX, clientY }) {
  const { left, top } = view.box.getBoundingClientRect();
  const onBar = clientX - left > view.box.clientLeft + view.box.clientWidth;
  const below = clientY - top > view.box.clientTop + view.box.clientHeight;
  return onBar || below ? null : nearest(view, clientX, clientY);
}

/** The token nearest to a place: of the line there, or the first or last in the document. */
function nearest({ inner, row, layout, painted: [first, last] }, x, y) {
  if (last <= first) return null;
  const line = Math.floor((y - inner.getBoundingClientRect().top) / row);
  const at = Math.max(first, Math.min(last - 1, line));
  const distances = Array.from(inner.children[at - first].children, (it) => {
    const { left, right } = it.getBoundingClientRect();
    return Math.max(left - x, x - right, 0);
  });
  return layout.lines[at][0] + distances.indexOf(Math.min(...distances));
}
