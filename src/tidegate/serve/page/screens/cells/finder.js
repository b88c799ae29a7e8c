// The hidden units that go with a property of the text, beside their controls; and those of a regular expression.

import { ask, live } from "../../ask.js";
import { button, el, failure, note, replaceChildren } from "../../dom.js";
import { grouped } from "../../numbers.js";
import { patternField } from "../../pattern_field.js";
import { about, choose, openOn, state } from "../../state.js";
import { findingsTable } from "./findings_table.js";

const CONTROLS =
  "Controls: the best of the same search in three untrained copies of the model, and for the property shifted along the " +
  "text. The bar is grey up to the better control, coloured where the score is beyond it.";

/**
 * The list of findings. `search(pattern)` searches, "" for the built-in properties; `mark()` marks the row of the hidden
 * unit that is chosen. `showDetector(name)` underlines where a property holds; null takes the lines away.
 */
export function cellFinder(showDetector) {
  const builtIn = el("div");
  const own = el("div");
  let rows = []; // [finding, its row, whether the server knows where its detector holds]
  let underlined = null; // the detector that is shown in the text
  const regex = patternField(searchRegex);
  const element = el(
    "section",
    { class: "finder" },
    el("h2", {}, "Hidden units found by the search"),
    builtIn,
    live && el("h3", {}, "A property of your own"),
    live && el("div", { class: "controls" }, regex, button("Find its hidden unit", searchRegex)),
    own,
  );

  function searchRegex() {
    if (regex.value) search(regex.value);
  }

  async function search(pattern) {
    const place = pattern ? own : builtIn;
    replaceChildren(place, note("Searching all hidden units, untrained copies and shifted properties …"));
    try {
      const answer = await ask("found", pattern ? { pattern } : {}, (part) => {
        show(part, place, pattern);
        place.append(note("So far: the search of the untrained copies is not finished."));
      });
      show(answer, place, pattern);
      if (pattern) return;
      const best = answer.found.find((it) => it.holds);
      if (best) openOn(best);
      mark();
    } catch (error) {
      // What is known so far stays.
      if (place.querySelector("table")) place.append(failure(error));
      else replaceChildren(place, failure(error));
    }
  }

  function show(answer, place, pattern) {
    const found = [...answer.found.filter((it) => it.holds), ...answer.found.filter((it) => !it.holds)];
    const pick = (n) => {
      const { detector, layer, name, unit } = found[n];
      choose({ layer, name, unit, property: pattern ? undefined : detector });
      mark();
    };
    replaceChildren(place, ...results(found, answer, pick));
    const shown = [...place.querySelectorAll("tr.choosable")].map((row, n) => [found[n], row, !pattern]);
    rows = [...rows.filter(([, row]) => row.isConnected), ...shown];
    mark();
  }

  /** Mark the row of the chosen hidden unit, and underline where its property holds. */
  function mark() {
    const ofUnit = rows.filter(([it]) => ["layer", "name", "unit"].every((key) => it[key] === state[key]));
    const chosen = ofUnit.find(([it]) => it.detector === state.property) ?? ofUnit[0];
    for (const one of rows) {
      one[1].classList.toggle("chosen", one === chosen);
      one[1].toggleAttribute("aria-current", one === chosen);
    }
    const detector = chosen?.[2] ? chosen[0].detector : null;
    if (detector !== underlined) showDetector(detector);
    underlined = detector;
  }

  return { element, search, mark };
}

function results(found, { absent, searched }, onRow) {
  const missing = absent.length ? ` Not in that text: ${absent.join(", ")}.` : "";
  const tried = found.length ? `${searchedText(found[0], searched)} ${CONTROLS}` : "";
  const caption = `${tried}${missing} Underlined in the text: where the property of the chosen row holds.`;
  return [findingsTable(found, { caption, onRow })];
}

function searchedText({ values, detectors }, searched) {
  const tried = `${grouped(values)} values × ${detectors} ${detectors > 1 ? "properties" : "property"}`;
  const text = `at most ${grouped(searched)} held-out ${about.runs[0].unit}s`;
  return `Tried: ${tried} on ${text}; chosen on one half, scored on the other.`;
}
