// What an intervention does to the share of wrong predictions, by what was to be predicted.

import { barBeyond } from "../../charts/bars.js";
import { dataTable } from "../../charts/data_table.js";
import { note } from "../../dom.js";
import { percent, signed } from "../../numbers.js";

/** The rows whose share of wrong predictions changes, the largest change first; nothing where nothing is right or wrong. */
export function errorTable({ wrong, controls }) {
  if (!wrong.length) return [];
  const changed = wrong.filter((it) => it.change !== 0).sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
  if (!changed.length) return [note("No prediction turns wrong or right.")];
  const scale = Math.max(...changed.map((it) => Math.max(it.change, it.worst)));
  const share = (it) => `${signed(100 * it, 1)}%`;
  const rows = changed.map((it) => [
    it.name,
    it.count,
    percent(it.before),
    percent(it.after),
    barBeyond(it.change, it.worst, scale, share(it.change)),
    share(it.control),
    share(it.worst),
  ]);
  const numeric = (name) => ({ name, numeric: true });
  const columns = [
    "wrong",
    "count",
    numeric("before"),
    numeric("after"),
    "change",
    numeric("others"),
    numeric("worst"),
  ];
  const caption = `Share of wrong predictions, where it changes. Others: the same on ${controls} other hidden units.`;
  return [dataTable(columns, rows, { name: "share of wrong predictions", caption })];
}
