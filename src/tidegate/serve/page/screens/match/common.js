// Which properties of the text the matches have in common, and where one of them holds.

import { ask, isAvailable, live } from "../../ask.js";
import { bar } from "../../charts/bars.js";
import { dataTable } from "../../charts/data_table.js";
import { button, el, failure, replaceChildren } from "../../dom.js";
import { grouped, percent } from "../../numbers.js";
import { patternField } from "../../pattern_field.js";
import { choose, state } from "../../state.js";

/** `element`; `load(question)` shows what the matches of a question have in common; `onMark(where)` as in `mark`. */
export function commonProperties(token, onMark) {
  const place = el("div");
  const pattern = patternField(again);
  const own = el("div", { class: "controls" }, pattern, button("Add it", again));
  const element = el("section", { class: "common" });
  let asked = null;

  function again() {
    if (asked) load(asked);
  }

  async function load(question) {
    asked = question;
    const whole = live && pattern.value ? { ...question, pattern: pattern.value } : question;
    if (!isAvailable("in_common", whole)) return replaceChildren(element);
    try {
      const answer = await ask("in_common", whole);
      if (asked !== question) return;
      show(answer);
    } catch (error) {
      if (asked === question) replaceChildren(place, failure(error));
    }
  }

  function show({ matches, steps, rows }) {
    if (!matches) return replaceChildren(element);
    const share = (it) => (it === null ? "–" : bar(it, percent(it)));
    const cells = rows.map(([name, ...shares]) => [name, ...shares.map(share)]);
    const caption =
      `Shares of ${token}s where a property holds; ${grouped(steps)} ${token}s are in the ${matches} matches listed. ` +
      "The largest differences between the matches and the text first. Pick one to underline it in them.";
    const columns = ["property", "in the stretch", "in the matches", "in the whole text"];
    const onRow = (n) => mark(rows[n][0]);
    replaceChildren(place, dataTable(columns, cells, { name: "What the matches have in common", caption, onRow }));
    replaceChildren(element, el("h2", {}, "What they have in common"), place, live ? own : null);
    if (rows.some(([name]) => name === state.property)) mark(state.property);
    else onMark(null);
  }

  async function mark(name) {
    choose({ property: name });
    const rows = [...place.querySelectorAll("tr.choosable")];
    for (const row of rows) {
      const isChosen = row.firstChild.textContent === name;
      row.classList.toggle("chosen", isChosen);
      row.toggleAttribute("aria-current", isChosen);
    }
    const own = /^\/.*\/$/s.test(name) ? { pattern: name.slice(1, -1) } : { detector: name };
    try {
      const { values } = await ask("holds", { ...own, text: state.text, run: 0 });
      if (state.property === name) onMark((n) => values[n] > 0.5);
    } catch (error) {
      replaceChildren(element, failure(error));
    }
  }

  return {
    element,
    load,
    empty() {
      asked = null;
      replaceChildren(element);
    },
  };
}
