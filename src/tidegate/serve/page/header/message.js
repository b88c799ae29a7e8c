// A message over the lower edge of the page, so that nothing moves: what went wrong, or that something was done.

import { button, el, replaceChildren } from "../dom.js";

const SECONDS = 4; // that a message is shown which says that all is well

const place = document.getElementById("message");
let timer = 0;

/** Show a message; "" removes it. What went wrong stays until it is closed. */
export function showMessage(text, wrong = false) {
  clearTimeout(timer);
  place.classList.toggle("wrong", wrong);
  if (!text) return replaceChildren(place);
  replaceChildren(
    place,
    el("span", {}, text),
    button("Close", () => showMessage("")),
  );
  if (!wrong) timer = setTimeout(() => showMessage(""), 1000 * SECONDS);
}
