// Errors & compare: what would have avoided each error; where runs differ; how words become predictable.

import { el, failure, note, replaceChildren } from "../dom.js";
import { about } from "../state.js";
import { showErrors } from "./errors/classes.js";
import { showComparison } from "./errors/compare.js";
import { showLetters } from "./errors/letters.js";

export async function show(root) {
  const stops = [];
  let stopped = false;
  const lead =
    `An error is a ${about.runs[0].unit} to which the model gave p < 0.5. How many would be gone if the model knew ` +
    "what a simple helper knows? The text shows the errors that one kind of helper explains; point at another to see its.";
  root.append(el("p", { class: "lead" }, lead));
  const parts = [showErrors, ...(about.runs.length > 1 ? [showComparison] : []), showLetters];
  for (const part of parts) {
    const place = el("section", {});
    root.append(place);
    // Not awaited: each part is shown when it is there, and one that fails leaves the others.
    part(place, stops, () => stopped).catch((error) => {
      if (!stopped) replaceChildren(place, failure(error));
    });
  }
  if (about.runs.length === 1) {
    const command = el("code", {}, `tidegate look ${about.runs[0].name} --compare OTHER`);
    root.append(el("h2", {}, "Compare with another run"), note("Two to four runs can read the same text: ", command));
  }
  return () => {
    stopped = true;
    for (const stop of stops) stop();
  };
}
