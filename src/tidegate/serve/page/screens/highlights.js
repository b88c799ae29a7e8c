// Highlights: the story of the run, in sections that appear as they are computed.

import { ask, Refused } from "../ask.js";
import { el, failure, replaceChildren } from "../dom.js";
import { stopAddress } from "../header/tour.js";
import { state } from "../state.js";
import { sectionElement } from "./highlights/sections.js";
import { stopsOf } from "./highlights/stops.js";

export async function show(root) {
  const story = el("div", { class: "story" });
  root.append(story);
  const shown = new Map(); // elements by what they show: those that are there stay
  const add = (sections) => {
    const elements = sections.map((it) => {
      const key = JSON.stringify(it);
      if (!shown.has(key)) shown.set(key, sectionElement(it));
      return shown.get(key);
    });
    replaceChildren(story, ...elements);
  };
  try {
    const sections = await ask("story", {}, add);
    add(sections);
    offerTour(story, stopsOf(sections));
  } catch (error) {
    if (!(error instanceof Refused) || !shown.size) throw error;
    root.append(failure(error)); // what is there stays
  }
}

/** A button at the end of the first section, unless the tour is under way. */
function offerTour(story, stops) {
  if (state.tour || stops.length < 2) return;
  const link = el("a", { class: "button tour", href: stopAddress(stops, 1) }, `Take the tour: ${stops.length} stops`);
  story.firstChild.append(el("p", { class: "ways" }, link));
}
