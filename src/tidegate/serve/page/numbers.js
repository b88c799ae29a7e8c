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

/** A number with its sign. */
export function signed(value, digits = 2) {
  return `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(digits)}`;
}

/** A share as a percentage. */
export function percent(share) {
  return `${(100 * share).toFixed(1)}%`;
}

/** A probability as a bar of text. */
export function textBar(p) {
  return "█".repeat(Math.round(p * 20)) || "▏";
}
