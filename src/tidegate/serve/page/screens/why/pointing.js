// The text of Why, tinted by what mattered for the token that one points at: at once, by the quickest measure.

import { live } from "../../ask.js";
import { colourScale } from "../../charts/scale.js";
import { el, replaceChildren, statusLine } from "../../dom.js";
import { grouped } from "../../numbers.js";
import { tokenName } from "../../textview.js";
import { quickMeasures } from "./at_once.js";

/**
 * `element`: what is seen, in words, with its scale. `point(n)`: at a token, null for that at the cursor; `load()`: more
 * of what is in view. `token`: what one is called; `mayLoad()`: whether more than what is asked for may be computed.
 */
export function pointing(view, tokens, token, mayLoad) {
  const status = statusLine("");
  const scale = el("div");
  const element = el("div", { class: "foot" }, status.element, scale);
  let pointed = null;
  const measures = quickMeasures(tokens.length, { onLoad: show, onError: status.fail, mayLoad });
  const place = () => pointed ?? view.cursor;
  const load = () => measures.load(place(), view.inView);

  function show() {
    const at = place();
    const found = measures.at(at);
    view.setTint(found?.values ?? null, "diverging", found?.scale);
    const name = `${tokenName(tokens[at])} at ${grouped(at)}`;
    if (!found) {
      replaceChildren(scale);
      status.show(measures.has(at) ? `Computing what mattered for ${name} …` : beyondReport());
      return;
    }
    status.show(`What mattered for ${name}: gradient × input of the ${token}s before it.`);
    replaceChildren(scale, found.top ? colourScale({ kind: "diverging", top: found.top, unit: "nats" }) : null);
  }

  function beyondReport() {
    return `The report has this for the beginning of the text only; the live page for all of it: tidegate look RUN`;
  }

  return {
    element,
    get pointed() {
      return pointed;
    },
    point(n) {
      pointed = n;
      show();
      load();
      view.draw();
    },
    load: () => live && load(),
    stop: measures.stop,
  };
}
