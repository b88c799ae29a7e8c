// Highlights: the story of the run, in sections that appear as they are computed.

import { ask, live, Refused, stream } from "../ask.js";
import { el, failure, statusLine } from "../dom.js";
import { about } from "../state.js";
import { sectionElement } from "./highlights/sections.js";

// As lens/highlights/section.py has it: sections are computed in another order than they are shown.
const ORDER = ["run", "story", "unit", "shared", "loss", "mistakes", "confusion", "memory", "sample"];

export async function show(root) {
  const story = el("div", { class: "story" });
  const status = statusLine("");
  root.append(story, status.element);
  const add = (section) => place(story, section);
  if (!live) {
    for (const section of await ask("story")) add(section);
    return null;
  }
  const leaving = new AbortController();
  follow(add, status, leaving.signal);
  return () => leaving.abort();
}

async function follow(add, status, signal) {
  status.show(`Looking into ${about.runs[0].name} …`);
  try {
    for await (const { section, doing } of stream("sections", {}, signal)) {
      if (section) add(section);
      else status.show(`${doing} …`);
    }
    status.show("");
    status.element.dataset.done = "";
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Refused)) throw error;
    status.element.replaceWith(failure(error));
  }
}

/** Put a section behind those of its name and of names before it. */
function place(story, section) {
  const rank = ORDER.indexOf(section.name);
  const element = sectionElement(section);
  element.dataset.rank = rank;
  const next = [...story.children].find((it) => Number(it.dataset.rank) > rank);
  story.insertBefore(element, next ?? null);
}
