// Highlights: the story of the run, in sections that appear as they are computed.

import { ask, Refused } from "../ask.js";
import { el, failure, replaceChildren } from "../dom.js";
import { sectionElement } from "./highlights/sections.js";

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
    add(await ask("story", {}, add));
  } catch (error) {
    if (!(error instanceof Refused) || !shown.size) throw error;
    root.append(failure(error)); // what is there stays
  }
}
