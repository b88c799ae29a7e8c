// One text as each of several runs reads it: its tokens may differ, their places in the text are the same.

import { answerOr, ask } from "../ask.js";
import { about, state } from "../state.js";
import { tokensOf } from "../textview.js";

/**
 * `readings`: what the runs read of the text that is chosen, that of the first run first; `refused`: [name, reason] of
 * runs that cannot be shown beside it. A reading has the `run`'s number, its `name`, the server's `answer`, its `tokens`;
 * `placeOf(n)`: how many characters are before a token; `tokenAt(place)`.
 */
export async function readings() {
  const found = [];
  const refused = [];
  for (const [run, { name }] of about.runs.entries()) {
    const asked = ask("text", { text: state.text, run });
    const [answer, reason] = run ? await answerOr(asked, null) : [await asked, null];
    if (reason !== null) refused.push([name, reason]);
    else if (run && answer.text !== found[0].answer.text)
      refused.push([name, "it does not know all of its characters"]);
    else found.push(reading(run, name, answer));
  }
  return { readings: found, refused };
}

function reading(run, name, answer) {
  const tokens = tokensOf(answer);
  const starts = new Int32Array(tokens.length + 1);
  tokens.forEach((token, n) => {
    starts[n + 1] = starts[n] + token.length;
  });
  return {
    run,
    name,
    answer,
    tokens,
    placeOf: (n) => starts[n],
    tokenAt(place) {
      let [low, high] = [0, tokens.length - 1];
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (starts[middle] <= place) low = middle;
        else high = middle - 1;
      }
      return low;
    },
  };
}

/** Let views of texts with the same lines scroll together. */
export function scrollTogether(views) {
  for (const { box } of views) {
    const follow = () => {
      for (const other of views) if (other.box.scrollTop !== box.scrollTop) other.box.scrollTop = box.scrollTop;
    };
    box.addEventListener("scroll", follow, { passive: true });
  }
}

/** Whether two readings have the same tokens: then their lines are the same. */
export function isAlike(one, other) {
  return one.tokens.length === other.tokens.length && one.tokens.every((it, n) => it === other.tokens[n]);
}
