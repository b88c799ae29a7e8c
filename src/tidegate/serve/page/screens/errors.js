// Errors & compare: what would have avoided each error; where runs differ; how words become predictable.

import { el, failure, replaceChildren } from "../dom.js";
import { about } from "../state.js";
import { showErrors } from "./errors/classes.js";
import { showComparison } from "./errors/compare.js";
import { showLetters } from "./errors/letters.js";

export async function show(root) {
  const stops = [];
  let stopped = false;
  const lead =
    `An error is a ${about.runs[0].unit} to which the model gave p < 0.5. How many would be gone if the model knew ` +
    "what a simple helper knows? Each helper is tried on the errors that those before it left; the colour and the " +
    "line under an error say which one explains it.";
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
  return () => {
    stopped = true;
    for (const stop of stops) stop();
  };
}
