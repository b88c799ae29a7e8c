// A tour through the screens, a stop at a time, in a bar above the screen.

import { ask } from "../ask.js";
import { button, el, failure, replaceChildren } from "../dom.js";
import { clamp } from "../numbers.js";
import { addressOf, stopsOf } from "../screens/highlights/stops.js";
import { choose, state } from "../state.js";

const place = document.getElementById("tour");

/** The address of a stop of a tour: of `n`, the first is 1. */
export function stopAddress(stops, n) {
  return addressOf({ ...stops[n - 1].link, tour: n });
}

/** Show the stop that is chosen, or nothing. */
export async function showTour() {
  if (!state.tour) return hide();
  try {
    const stops = stopsOf(await ask("story", {}, null, { quiet: true }));
    if (state.tour && stops.length) show(stops, clamp(state.tour, 1, stops.length));
    else hide();
  } catch (error) {
    replaceChildren(place, failure(error), button("End the tour", end));
    place.hidden = false;
  }
}

function hide() {
  place.hidden = true;
  replaceChildren(place);
}

function end() {
  choose({ tour: 0 });
}

function show(stops, n) {
  const { title, text, look, link } = stops[n - 1];
  const hadFocus = place.contains(document.activeElement);
  const isHere = state.screen === link.screen;
  const to = (number, label, props = {}) => {
    const isThere = number >= 1 && number <= stops.length;
    return isThere ? el("a", { class: "button", href: stopAddress(stops, number), ...props }, label) : null;
  };
  const onward = isHere ? [to(n - 1, "Previous"), to(n + 1, "Next", { rel: "next" })] : [to(n, "Back to it")];
  replaceChildren(
    place,
    el(
      "p",
      {},
      el("span", { class: "number" }, `${n} of ${stops.length}`),
      el("strong", {}, title),
      isHere ? `. ${text} ` : ". This is another screen than that of the tour.",
      isHere ? el("span", { class: "look" }, look) : null,
    ),
    el("div", { class: "ways" }, ...onward, button(isHere && n === stops.length ? "End" : "End the tour", end)),
  );
  place.hidden = false;
  if (hadFocus) (place.querySelector("a[rel]") ?? place.querySelector("a")).focus();
}
