// What an intervention costs, by class of what was predicted, beside the same on other hidden units.

import { barBeyond } from "../../charts/bars.js";
import { dataTable } from "../../charts/data_table.js";
import { el } from "../../dom.js";
import { fixed, grouped, signed } from "../../numbers.js";

const FEW = 10; // predictions of a class: of fewer, chance decides what costs most

/**
 * A sentence that says what was found, and the table: the classes that cost more than on any other hidden unit first.
 * `token` is what is predicted. Of other tasks than language models `cost` also says `on` which examples, in what
 * (`per` prediction, with its `loss`), and by what `classes` it was measured.
 */
export function costTable(cost, interventions, token) {
  const { on = `${grouped(cost.steps)} held-out ${token}s`, per = `nats per ${token}` } = cost;
  const above = (it) => it.change - it.worst;
  const isBeyond = (it) => it.change > Math.max(0, it.worst) && it.count >= FEW;
  const sorted = [...cost.rows].sort((a, b) => above(b) - above(a));
  const beyond = sorted.filter(isBeyond);
  const ordered = [...beyond, ...sorted.filter((it) => !isBeyond(it))];
  const scale = Math.max(...ordered.map((it) => Math.max(it.change, it.worst)));
  const largest = Math.max(...ordered.map((it) => Math.abs(it.change)));
  const places = placesFor(scale >= 100 ? largest : scale); // others may do far more harm
  const rows = ordered.map((it) => [
    it.name,
    el("span", { data: { value: it.count } }, grouped(it.count)),
    it.before,
    it.after,
    barBeyond(it.change, it.worst, scale, signed(it.change, places)),
    signed(it.control, places),
    signed(it.worst, places),
  ]);
  const digits = (name) => ({ name, digits: places });
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
    `${cost.said}, on ${on}; ${per}. Others: the same intervention ` +
    `on ${cost.controls} other hidden units, on average and at worst; any intervention does a little harm. The bar is ` +
    `grey up to the worst of them; of ${rows.length} rows about ${fixed(rows.length / (cost.controls + 1), 1)} exceed it by chance.`;
  const rest = { from: beyond.length, why: "No more than some other hidden unit costs:" };
  return [
    el("p", { class: "conclusion" }, verdict(beyond, cost, interventions, token)),
    dataTable(columns, rows, { name: "cost of the intervention", caption, rest }),
  ];
}

/** Digits after the point, for changes up to a size. */
function placesFor(size) {
  if (size >= 100) return 0;
  return size >= 0.05 ? 3 : 5;
}

function verdict([most], { controls, classes = null, loss = "nats" }, interventions, token) {
  const [only] = interventions;
  const isAblation = interventions.length === 1 && only.low === 0 && only.high === 0;
  if (!most) {
    const unit = interventions.length === 1 ? "this hidden unit" : "these hidden units";
    return `No ${classes ?? `class of ${token}s`} costs more than with ${controls} other hidden units: the model can do without ${unit}.`;
  }
  const what = isAblation
    ? "Without this hidden unit"
    : `With ${interventions.length > 1 ? "these interventions" : "it"}`;
  const others = isAblation
    ? `without any of ${controls} others`
    : `with any of ${controls} other hidden units instead`;
  const [more, atMost] = [most.change, most.worst].map((it) => fixed(it, Math.abs(most.change) >= 0.005 ? 2 : 4));
  const cost = classes === null ? "cost" : "costs";
  return `${what}, ${most.name} ${cost} ${more} ${loss} more; ${others}, at most ${atMost}.`;
}
