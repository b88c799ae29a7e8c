// Where the ticks of an axis are.

import { d3 } from "./figure.js";

/** About `count` whole numbers in a range. */
export function wholeTicks([low, high], count) {
  const found = d3.ticks(low, high, count).filter(Number.isInteger);
  return found.length ? found : [Math.ceil(low)];
}

/** Round numbers on a logarithmic axis: powers of ten; 1, 2, 5 and their multiples where there are few of these. */
export function logTicks([low, high]) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const every = Math.max(1, Math.ceil((last - first) / 6));
  const powers = d3.range(Math.ceil(first / every) * every, last + 1, every);
  const times = last - first > 3 ? [1] : [1, 2, 5];
  const found = powers.flatMap((it) => times.map((by) => Number(`${by}e${it}`)));
  const inside = found.filter((it) => it >= low * 0.999 && it <= high * 1.001);
  return inside.length > 1 ? inside : d3.ticks(low, high, 4).filter((it) => it > 0);
}
