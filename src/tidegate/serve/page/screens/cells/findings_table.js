// The table of findings: the hidden unit that goes best with each property, and how far it is beyond its controls.

import { barBeyond } from "../../charts/bars.js";
import { dataTable } from "../../charts/data_table.js";
import { fixed, signed } from "../../numbers.js";

/** `found`: those that hold first. What is beyond no control is grey. */
export function findingsTable(found, { caption, onRow }) {
  const shown = (it) => (it === null ? "…" : fixed(it, 2)); // of a control that is not finished
  const rows = found.map((it) => [
    it.detector,
    `${it.layer}/${it.unit} ${it.name}${it.direction ? " ←" : ""}${it.sign < 0 ? " (low)" : ""}`,
    `${it.kind === "yes/no" ? "AUC" : "r"} ${fixed(it.score, 2)}`,
    beyond(it),
    shown(it.untrained),
    shown(it.shuffled),
  ]);
  const columns = ["goes with", "hidden unit", "score", "beyond controls", "untrained", "shifted"];
  const from = found.findIndex((it) => !it.holds && it.control !== null);
  const rest = from < 0 ? null : { from, why: "No better than chance or an untrained network:" };
  return dataTable(columns, rows, { name: "hidden units found", caption, onRow, rest });
}

// From chance to perfect: an area of 0.5 to 1, a correlation of 0 to 1.
function beyond({ kind, score, control }) {
  if (control === null) return "";
  const chance = kind === "yes/no" ? 0.5 : 0;
  return barBeyond(score - chance, control - chance, 1 - chance, signed(score - control, 2));
}
