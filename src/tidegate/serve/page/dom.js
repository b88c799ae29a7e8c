// Elements made of plain data. Text becomes text nodes only: nothing that a corpus holds is ever read as HTML.

import { fixed } from "./numbers.js";

const isPresent = (child) => child !== null && child !== undefined;

/** An element. `props`: "class", "on" (listeners by event), "style" (by property), "data", and attributes by name. */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "on")
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "style")
      for (const [property, to] of Object.entries(value)) element.style.setProperty(property, to);
    else if (name === "data") for (const [key, to] of Object.entries(value)) element.dataset[key] = to;
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  return append(element, ...children);
}

/** Append children; null and undefined are left out. */
export function append(parent, ...children) {
  parent.append(...children.flat().filter(isPresent));
  return parent;
}

/** Replace the children of an element. */
export function replaceChildren(parent, ...children) {
  parent.replaceChildren(...children.flat().filter(isPresent));
  return parent;
}

/** A labelled control. */
export function labelled(label, control) {
  return el("label", { class: "control" }, el("span", {}, label), control);
}

/** A drop-down list of [value, label] pairs, or of plain values. */
export function choice(options, chosen, onChange, props = {}) {
  const select = el("select", { ...props, on: { change: () => onChange(select.value) } });
  for (const option of options) {
    const [value, label] = Array.isArray(option) ? option : [option, option];
    select.append(el("option", { value }, label));
  }
  select.value = chosen;
  return select;
}

/** A text for those who do not see the page: the name of a column that has none to show, say. */
export function hiddenText(text) {
  return el("span", { class: "visually-hidden" }, text);
}

/** A button. */
export function button(label, onClick, props = {}) {
  return el("button", { ...props, on: { click: onClick } }, label);
}

/** ✓ right or ✗ wrong, in signs and words. */
export function judgement(isRight) {
  return el("span", { class: isRight ? "judged" : "judged miss" }, isRight ? " ✓ right" : " ✗ wrong");
}

/** A quiet line of text. */
export function note(...children) {
  return el("p", { class: "told" }, ...children);
}

/** What went wrong. */
export function failure(error) {
  return el("p", { class: "wrong" }, error.message ?? error);
}

/**
 * A line for the number under the cursor, for progress and for what went wrong; screen readers read it out. It has its
 * height even when it is empty.
 */
export function statusLine(text = "\u00a0") {
  const element = el("p", { class: "told", "aria-live": "polite" }, text);
  function write(message, wrong) {
    element.textContent = message;
    element.classList.toggle("wrong", wrong);
  }
  return { element, show: (message) => write(message, false), fail: (error) => write(error.message, true) };
}

/** Call a function on Enter or the space bar: for elements that are no buttons. */
function onPress(action) {
  return (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    action();
  };
}

/**
 * A table. A column is its name, or {name, hidden, digits, numeric}: `hidden` names are there for screen readers only. A
 * cell is text, an element, or a number, which is written with the `digits` of its column if it has any; a `numeric` column
 * has numbers as text. `onRow(n)` makes rows that can be chosen; `label` names a table without a caption. `rest`:
 * {from, why}: the rows from there on are grey, below a line that says why.
 */
export function table(columns, rows, { caption = null, onRow = null, label = null, rest = null } = {}) {
  const isNumeric = columns.map((it, k) => it.numeric ?? rows.some((row) => typeof row[k] === "number"));
  const head = columns.map((it, k) => {
    const name = it.name ?? it;
    return el("th", { scope: "col", class: isNumeric[k] ? "number" : null }, it.hidden ? hiddenText(name) : name);
  });
  const cell = (it, k) => {
    const digits = typeof it === "number" ? columns[k].digits : undefined;
    const shown = digits === undefined ? it : fixed(it, digits);
    return el("td", { class: typeof it === "number" || columns[k].numeric ? "number" : null }, shown ?? "");
  };
  const body = rows.map((row, n) => {
    if (!onRow) return el("tr", {}, ...row.map(cell));
    const choose = () => onRow(n);
    const props = { class: "choosable", tabindex: "0", on: { click: choose, keydown: onPress(choose) } };
    return el("tr", props, ...row.map(cell));
  });
  const from = rest && rest.from < rows.length ? rest.from : rows.length;
  const why = () => el("tr", {}, el("th", { scope: "rowgroup", colspan: columns.length }, rest.why));
  const parts = [
    caption && el("caption", {}, caption),
    el("thead", {}, el("tr", {}, ...head)),
    from > 0 || !rows.length ? el("tbody", {}, ...body.slice(0, from)) : null,
    from < rows.length ? el("tbody", { class: "rest" }, why(), ...body.slice(from)) : null,
  ];
  return scrolled(el("table", { "aria-label": label }, ...parts));
}

/** A box in which something wider is scrolled; `header/scroll_edges.js` fades its edges where there is more. */
export function scrolled(...children) {
  return el("div", { class: "scrolled" }, ...children);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are to be shown
const UNPRINTED = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u2028\u2029]/g;

/** The text of a token for a table: blanks have signs as well. */
export function spelled(text) {
  return visible(text).replaceAll(" ", "␣");
}

/** The text of a token with signs in place of characters that are not printed. */
export function visible(text) {
  return text.replace(UNPRINTED, (it) => {
    if (it === "\n") return "↵";
    if (it === "\t") return "→";
    return `\\x${it.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}
