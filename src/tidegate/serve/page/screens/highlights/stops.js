// The stops of a tour through the screens: what the story says, and where it is seen.

import { live } from "../../ask.js";
import { about, hasScreen } from "../../state.js";

/** What to look at on a screen. */
const LOOK = {
  read: "The text is one that it was not trained on; the darker a token, the more it was surprised.",
  steps: "One of the examples that it was not trained on; the list has the others, with what it said of each.",
  cells: "The text is tinted by this unit, red above zero and blue below, and underlined where the property holds.",
  cut: "The table has what suffers most, beside the same with other units; in the text, red is harder to predict.",
  why: "Point at a token: those before it are tinted by how much likelier (red) or less likely (blue) they made it.",
  errors: "The text shows the errors that a simple helper would have avoided; the table, how many each avoids.",
  memory: "The curve shows how fast the influence of a state fades with the distance.",
  write: "Press Write; the text is tinted by the unit as it is written.",
  outcomes: "The worst mistakes; pick one to see how it was read.",
  units: "The examples are tinted by this unit; below is what the model loses without it.",
  reasons:
    "Each step is tinted by how much likelier (red) or less likely (blue) it made the choice, by three measures.",
  training: "The loss of training, step by step.",
};

/** Whether a screen is there; a report writes nothing. */
export function isThere(screen) {
  return hasScreen(screen) && (live || screen !== "write");
}

/** The address of a screen with what a link sets there. */
export function addressOf({ title: _, screen, ...chosen }) {
  const set = Object.entries(chosen).filter(([, value]) => value !== 0 && value !== "");
  return `#${screen}${set.length ? `?${new URLSearchParams(set)}` : ""}`;
}

/** The stops of a story: each has a `title`, a `text`, what to `look` at, and a `link`. Its sections are all there. */
export function stopsOf(sections) {
  const stops = [];
  const seen = new Set(); // kinds of sections, of which the first one is shown
  const add = (title, text, link) => {
    if (isThere(link.screen) && text) stops.push({ title, text, look: LOOK[link.screen] ?? "", link });
  };
  for (const { name, title, parts, links } of sections) {
    const kind = name === "shared" ? "unit" : name;
    if (seen.has(kind)) continue;
    seen.add(kind);
    const said = parts.filter((it) => it.kind === "sentence").map((it) => it.text);
    if (kind === "run") add(title, said[0], { screen: hasScreen("read") ? "read" : "steps" });
    else if (kind === "unit" && links.length) addUnit(add, title, said, links);
    else if (kind !== "loss" && links.length) add(title, said[0] ?? parts[0].caption, links[0]);
  }
  return stops;
}

function addUnit(add, title, said, [seen, ...others]) {
  add(title, said[0], seen);
  const cut = others.find((it) => it.screen === "cut");
  if (!cut) return;
  add(`${title}: what is lost without it`, said.at(-1), cut);
  const { unit } = about.runs[0];
  const question = `Which ${unit}s before it made the model expect the one at the cursor?`;
  add("Why it expects what it expects", question, { screen: "why" });
}
