// What an intervention does to the errors, such as the share of wrong predictions, by what was to be predicted.

import { barBeyond } from "../../charts/bars.js";
import { dataTable } from "../../charts/data_table.js";
import { note } from "../../dom.js";
import { fixed, percent, signed } from "../../numbers.js";

/** The rows whose error changes, the largest change first; nothing where nothing is right or wrong. */
export function errorTable({ measure, errors, shares, controls }) {
  if (!errors.length) return [];
  const changed = errors.filter((it) => it.change !== 0).sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
  if (!changed.length) return [note("No prediction turns wrong or right.")];
  const scale = Math.max(...changed.map((it) => Math.max(it.change, it.worst)));
  const change = (it) => (shares ? `${signed(100 * it, 1)}%` : signed(it, 3));
  const whole = (it) => (shares ? percent(it) : fixed(it, 3));
  const rows = changed.map((it) => [
    it.name,
    it.count,
    whole(it.before),
    whole(it.after),
    barBeyond(it.change, it.worst, scale, change(it.change)),
    change(it.control),
    change(it.worst),
  ]);
  const numeric = (name) => ({ name, numeric: true });
  const columns = [
    shares ? "wrong" : "error",
    "count",
    numeric("before"),
    numeric("after"),
    "change",
    numeric("others"),
    numeric("worst"),
  ];
  const caption = `${measure[0].toUpperCase()}${measure.slice(1)}, where it changes. Others: the same on ${controls} other hidden units.`;
  return [dataTable(columns, rows, { name: measure, caption })];
}
