// What an intervention costs, by class of what was predicted, beside the same on other hidden units.

import { barBeyond } from "../../charts/bars.js";
import { dataTable } from "../../charts/data_table.js";
import { el } from "../../dom.js";
import { fixed, grouped, signed } from "../../numbers.js";

/** A sentence that says what was found, and the table: the classes that cost more than on any other hidden unit first. */
export function costTable(cost, interventions, token) {
  const above = (it) => it.change - it.worst;
  const isBeyond = (it) => it.change > Math.max(0, it.worst);
  const sorted = [...cost.rows].sort((a, b) => above(b) - above(a));
  const beyond = sorted.filter(isBeyond);
  const ordered = [...beyond, ...sorted.filter((it) => !isBeyond(it))];
  const scale = Math.max(...ordered.map((it) => Math.max(it.change, it.worst)));
  const rows = ordered.map((it) => [
    it.name,
    el("span", { data: { value: it.count } }, grouped(it.count)),
    it.before,
    it.after,
    barBeyond(it.change, it.worst, scale, signed(it.change, 3)),
    signed(it.control, 3),
    signed(it.worst, 3),
  ]);
  const digits = (name) => ({ name, digits: 3 });
  const numeric = (name) => ({ name, numeric: true });
  const columns = [
    "predicted",
    numeric("count"),
    digits("before"),
    digits("after"),
    "change",
    numeric("others"),
    numeric("worst"),
  ];
  const caption =
    `${cost.said}, on ${grouped(cost.steps)} held-out ${token}s; nats per ${token}. Others: the same intervention ` +
    `on ${cost.controls} other hidden units, on average and at worst; any intervention does a little harm. The bar is ` +
    "grey up to the worst of them.";
  const rest = { from: beyond.length, why: "No more than some other hidden unit costs:" };
  return [
    el("p", { class: "verdict" }, verdict(beyond, cost, interventions, token)),
    dataTable(columns, rows, { name: "cost of the intervention", caption, rest }),
  ];
}

function verdict([most], { controls }, interventions, token) {
  const [only] = interventions;
  const isAblation = interventions.length === 1 && only.low === 0 && only.high === 0;
  if (!most) {
    const unit = interventions.length === 1 ? "this hidden unit" : "these hidden units";
    return `No class of ${token}s costs more than with ${controls} other hidden units: the model can do without ${unit}.`;
  }
  const what = isAblation
    ? "Without this hidden unit"
    : `With ${interventions.length > 1 ? "these interventions" : "it"}`;
  const others = isAblation
    ? `without any of ${controls} others`
    : `with any of ${controls} other hidden units instead`;
  return `${what}, ${most.name} cost ${fixed(most.change)} nats more; ${others}, at most ${fixed(most.worst)}.`;
}
