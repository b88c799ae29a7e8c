// Numbers: unpacked from what the server sends, and written for people.

/** Numbers that were packed in a byte each: value = byte / 127 * scale. */
export function unpack({ shape, scale, data }) {
  const bytes = Int8Array.from(atob(data), (it) => it.charCodeAt(0));
  return { shape, scale, values: Float32Array.from(bytes, (it) => (it / 127) * scale) };
}

/** The transpose of a (rows, columns) matrix; both are stored row after row. */
export function transpose(values, rows, columns) {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = values[row * columns + column];
  }
  return turned;
}

/** The columns of a matrix, stored row after row, in the order of the rows in which each is farthest from 0. */
export function peakOrder(values, columns) {
  const peaks = range(columns).map(() => [0, -1]); // row, size
  values.forEach((value, n) => {
    const peak = peaks[n % columns];
    if (Math.abs(value) > peak[1]) [peak[0], peak[1]] = [Math.floor(n / columns), Math.abs(value)];
  });
  return range(columns).sort((a, b) => peaks[a][0] - peaks[b][0] || a - b);
}

/** The whole numbers from 0 up to `count`. */
export function range(count) {
  return Array.from({ length: count }, (_, n) => n);
}

/** `value` within `low` and `high`. */
export function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

/** A count with separators between thousands. */
export function grouped(count) {
  return count.toLocaleString("en");
}

/** A number with a fixed count of digits after the point and a typographic minus; -0 is 0. */
export function fixed(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** A number with its sign; one that is rounded to 0 has none. */
export function signed(value, digits = 2) {
  const text = fixed(value, digits);
  return text.startsWith("−") || Number(text) === 0 ? text : `+${text}`;
}

/** A share as a percentage. */
export function percent(share) {
  return `${(100 * share).toFixed(1)}%`;
}

/** A probability, always with as many digits, so that they stand under one another. */
export function probability(p) {
  return p > 0 && p < 0.0005 ? "<.001" : p.toFixed(3);
}

/** A number with about as many digits as are needed to know it: 0.0213, 12.3, 1,234, 2.1e-6. */
export function short(value, digits = 3) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1000 && size < 1e6) return `${value < 0 ? "−" : ""}${grouped(Math.round(size))}`;
  if (size !== 0 && (size < 1e-3 || size >= 1e6))
    return minus(value.toExponential(digits - 1))
      .replace(/\.?0+e/, "e")
      .replace("e+", "e");
  return minus(String(Number(value.toPrecision(digits))));
}

/** Numbers with a fixed count of digits; all of them `short` where one would be rounded to 0 or is 1,000 or more. */
export function readable(values, digits = 3) {
  const isOdd = (it) => Math.abs(it) >= 1000 || (it !== 0 && Number(it.toFixed(digits)) === 0);
  return values.map(values.some(isOdd) ? (it) => short(it) : (it) => fixed(it, digits));
}

/** The texts of the ticks of an axis or scale: all with the digits that their steps need; whole numbers without any. */
export function tickLabels(values) {
  const largest = Math.max(...values.map(Math.abs));
  const steps = values.slice(1).map((it, n) => Math.abs(it - values[n]));
  const step = Math.min(...steps.filter((it) => it > 0), largest || 1);
  if (largest !== 0 && (largest < 1e-3 || largest >= 1e6)) return values.map((it) => (it === 0 ? "0" : short(it)));
  let digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  if (values.some((it) => Math.abs(Number(it.toFixed(digits)) - it) > step / 20)) digits++; // such as steps of 0.25
  return values.map((it) =>
    digits || Math.abs(it) < 1000 ? fixed(it, digits) : `${it < 0 ? "−" : ""}${grouped(Math.abs(it))}`,
  );
}

function minus(text) {
  return text.replaceAll("-", "−").replace("e−", "e-");
}
