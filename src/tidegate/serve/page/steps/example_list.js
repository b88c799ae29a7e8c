// The list of examples: what was read, what the run said, ✓ or ✗; filtered, searched and put in order.

import { inAddress } from "../address_settings.js";
import { choice, el, hiddenText, labelled, replaceChildren } from "../dom.js";
import { grouped } from "../numbers.js";
import { ALL, arranged, lossOf, markOf, nameOf, saidOf } from "./outcomes.js";

const SHOWN = 200; // rows; more are shown on demand
const MEANINGS = { "✓": "right", "✗": "wrong" };
// While the page is open: what was set last, and the place in the list.
const last = { ...ALL };
let scrolledTo = 0;

/**
 * Fill an element with the list. `rows`: examples, as `askOutcomes` has them or with a number only; `names`: of the
 * examples by number; `current`: a number; `measure`: what the loss is, or "" where examples were not tried;
 * `canBeRight`: whether answers are right or wrong; `thumbnail(number)`: a picture or null. `onPick(number)`, `onArranged(numbers)` when others are shown.
 */
export function exampleList(root, { rows, names, current, measure, canBeRight, thumbnail, onPick, onArranged }) {
  const list = el("ol", { class: "example-list", "aria-label": "Examples" });
  list.addEventListener("scroll", () => {
    scrolledTo = list.scrollTop;
  });
  let most = SHOWN;

  function show() {
    const found = arranged(rows, names, last);
    most = Math.max(most, 20 + found.findIndex((it) => it.number === current));
    const more = found.length - most;
    replaceChildren(
      list,
      ...found.slice(0, most).map(item),
      found.length ? null : el("li", { class: "told" }, "There is no such example."),
      more > 0
        ? el("li", {}, el("button", { class: "example", on: { click: showMore } }, `${grouped(more)} more`))
        : null,
    );
    onArranged(found.map((it) => it.number));
  }

  function showMore() {
    most += 5 * SHOWN;
    show();
  }

  function item(row) {
    const mark = markOf(row);
    const isCurrent = row.number === current;
    const name = nameOf(row, names[row.number]);
    return el(
      "li",
      {},
      el(
        "button",
        {
          class: "example",
          data: { n: row.number },
          "aria-current": isCurrent ? "true" : null,
          on: { click: () => onPick(row.number) },
        },
        el("span", { class: mark === "✗" ? "mark miss" : "mark" }, mark, mark && hiddenText(MEANINGS[mark])),
        thumbnail(row.number),
        el("span", { class: "read", title: name }, name),
        row.loss === undefined ? null : el("span", { class: "loss" }, lossOf(row)),
        row.loss === undefined ? null : el("span", { class: "answer", title: saidOf(row) }, saidOf(row)),
      ),
    );
  }

  const change = (key) => (value) => {
    last[key] = value;
    most = SHOWN;
    show();
    list.scrollTop = 0;
  };
  root.append(controls(rows, { measure, canBeRight, change }), list);
  list.addEventListener("keydown", (event) => moveFocus(list, event));
  show();
  list.scrollTop = scrolledTo;
  const here = list.querySelector("[aria-current]");
  if (here && !isVisible(list, here)) list.scrollTop = here.offsetTop - list.clientHeight / 2;
}

function controls(rows, { measure, canBeRight, change }) {
  const wrong = rows.filter((it) => it.right === 0).length;
  const right = rows.filter((it) => it.right === 1).length;
  const shows = [
    ["all", `all ${grouped(rows.length)}`],
    ["wrong", `wrong: ${grouped(wrong)}`],
    ["right", `right: ${grouped(right)}`],
  ];
  const orders = [
    ["data", "as in the data"],
    ["loss", "largest loss first"],
  ];
  const find = el("input", {
    type: "search",
    value: last.find,
    placeholder: "text or label",
    on: { input: (event) => change("find")(event.target.value) },
  });
  const set = (name, control) => {
    inAddress(name, control, ALL[name]);
    last[name] = control.value;
    return control;
  };
  return el(
    "div",
    { class: "controls" },
    canBeRight ? labelled("Show", set("show", choice(shows, last.show, change("show")))) : null,
    measure ? labelled("Order", set("order", choice(orders, last.order, change("order"), { title: measure }))) : null,
    labelled("Find", set("find", find)),
  );
}

function moveFocus(list, event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const buttons = [...list.querySelectorAll("button")];
  buttons[buttons.indexOf(document.activeElement) + step]?.focus();
}

function isVisible(list, { offsetTop, offsetHeight }) {
  return offsetTop >= list.scrollTop && offsetTop + offsetHeight <= list.scrollTop + list.clientHeight;
}
