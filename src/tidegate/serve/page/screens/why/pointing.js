// The text of Why, tinted by what mattered for the token that one points at: at once, by the quickest measure. Of several
// runs, one text below the other.

import { live } from "../../ask.js";
import { colourScale } from "../../charts/scale.js";
import { el, replaceChildren, statusLine } from "../../dom.js";
import { grouped } from "../../numbers.js";
import { about } from "../../state.js";
import { tokenName } from "../../textview.js";
import { quickMeasures } from "./at_once.js";

/**
 * `shown`: [{ view, reading }, ...], the first of which has the cursor. `point(n, reading)`: at a token of a reading,
 * null for that at the cursor; `load()`: more of what is in view. `mayLoad()`: whether more than what is asked for may be
 * computed. What is seen is below each text, in `feet`.
 */
export function pointing(shown, mayLoad) {
  const [{ view: first, reading: ofFirst }] = shown;
  const tints = shown.map(({ view, reading }) => tint(view, reading, mayLoad));
  let pointed = null; // a place of the text

  function show() {
    const place = pointed ?? ofFirst.placeOf(first.cursor);
    shown.forEach(({ view, reading }, n) => {
      tints[n].show(reading.tokenAt(place));
      if (view !== first) view.setCursor(reading.tokenAt(ofFirst.placeOf(first.cursor)));
      view.draw();
    });
  }

  return {
    feet: tints.map((it) => it.foot),
    /** Whether a token of a reading is pointed at. */
    isPointed: (n, reading) => pointed !== null && reading.tokenAt(pointed) === n,
    point(n, reading = ofFirst) {
      pointed = n === null ? null : reading.placeOf(n);
      show();
      for (const it of tints) it.load();
    },
    load() {
      if (live) for (const it of tints) it.load();
    },
    stop() {
      for (const it of tints) it.stop();
    },
  };
}

/** The tint of the text of one run. */
function tint(view, { run, tokens }, mayLoad) {
  const token = about.runs[run].unit;
  const status = statusLine("");
  const scale = el("div");
  let at = 0;
  const measures = quickMeasures(run, tokens.length, { onLoad: draw, onError: status.fail, mayLoad });

  function draw() {
    const found = measures.at(at);
    view.setTint(found?.values ?? null, "diverging", found?.scale);
    const name = `${tokenName(tokens[at])} at ${grouped(at)}`;
    const isTinted = found && found.top > 0;
    replaceChildren(scale, isTinted ? colourScale({ kind: "diverging", top: found.top, unit: "nats" }) : null);
    if (found) status.show(`What mattered for ${name}: gradient × input of the ${token}s before it.`);
    else if (measures.has(at)) status.show(`Computing what mattered for ${name} …`);
    else
      status.show("The report has this for the beginning of the text only; the live page for all: tidegate look RUN");
  }

  return {
    foot: el("div", { class: "foot" }, status.element, scale),
    show(n) {
      at = n;
      draw();
    },
    load: () => measures.load(at, view.inView),
    stop: measures.stop,
  };
}
