// The quickest measure of what mattered, gradient × input: computed for the text in view before it is asked for.

import { ask, isAvailable } from "../../ask.js";
import { clamp, unpack } from "../../numbers.js";
import { state } from "../../state.js";

const BLOCK = 32; // predictions in one answer of the server, which begins at a multiple of this
const SLOW = 1500; // ms that an answer takes: then nothing is computed beforehand

/**
 * Measures of `steps` predictions of a run. `onLoad()` when there are more, `onError(error)`; `mayLoad()`: whether more than what
 * is asked for may be computed now.
 */
export function quickMeasures(run, steps, { onLoad, onError, mayLoad }) {
  const blocks = new Map(); // answers by the first prediction
  let wanted = []; // first predictions of blocks
  let isUrgent = false; // the first of them is waited for
  let busy = false;
  let stopped = false;

  function question(start) {
    return { start, stop: Math.min(start + BLOCK, steps), text: state.text, run };
  }

  async function load() {
    if (busy) return;
    busy = true;
    try {
      for (let goesOn = true; wanted.length && !stopped && (goesOn || isUrgent); ) {
        isUrgent = false;
        const start = wanted.shift();
        if (blocks.has(start)) continue;
        const asked = performance.now();
        const answer = await ask("at_once", question(start), null, { quiet: true });
        goesOn = mayLoad() && performance.now() - asked < SLOW;
        blocks.set(start, { ...unpack(answer), scales: answer.scales });
        if (!stopped) onLoad();
      }
    } catch (error) {
      wanted = [];
      if (!stopped) onError(error);
    } finally {
      busy = false;
    }
  }

  return {
    /** The measure at a prediction: `values` of all tokens, NaN where there are none, and their `scale`; or null. */
    at(n) {
      const start = firstOf(n);
      const block = blocks.get(start);
      if (!block) return null;
      const [, window] = block.shape;
      const row = n - start;
      const count = Math.min(window, n);
      const values = new Float32Array(steps).fill(Number.NaN);
      values.set(block.values.subarray((row + 1) * window - count, (row + 1) * window), n - count);
      return { values, scale: 1, top: block.scales[row] };
    },
    /** Whether a report has it. */
    has: (n) => isAvailable("at_once", question(firstOf(n))),
    /** Load what is asked for, then what is in view: [from, to) of the tokens. */
    load(n, [from, to]) {
      const nearest = [firstOf(n)];
      for (let away = BLOCK; away < to - from + BLOCK; away += BLOCK)
        nearest.push(firstOf(n) + away, firstOf(n) - away);
      const inView = (start) => start === firstOf(n) || (start + BLOCK > from && start < to);
      wanted = nearest.filter((it) => it >= 0 && it < steps && inView(it) && !blocks.has(it));
      wanted = wanted.filter((it) => isAvailable("at_once", question(it)));
      isUrgent = wanted[0] === firstOf(n);
      load();
    },
    stop() {
      stopped = true;
    },
  };
}

function firstOf(n) {
  return BLOCK * Math.floor(clamp(n, 0, Infinity) / BLOCK);
}
