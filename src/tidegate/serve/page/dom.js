// Elements made of plain data. Text becomes text nodes only: nothing that a corpus holds is ever read as HTML.

/** An element. `props`: "class", "on" (listeners by event), "style" (by property), "data", and attributes by name. */
export function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "on")
      for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (name === "style") for (const [property, to] of Object.entries(value)) made.style.setProperty(property, to);
    else if (name === "data") for (const [key, to] of Object.entries(value)) made.dataset[key] = to;
    else if (name === "value" || name === "checked" || name === "disabled") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(
    ...children
      .flat()
      .filter((it) => it !== null && it !== undefined)
      .map((it) => (it instanceof Node ? it : String(it))),
  );
  return made;
}

/** Add children; those that are null are left out. */
export function add(parent, ...children) {
  parent.append(...children.flat().filter((it) => it !== null && it !== undefined));
  return parent;
}

/** Put children in place of what an element has. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.flat().filter((it) => it !== null && it !== undefined));
  return parent;
}

/** A labelled control. */
export function labelled(label, control) {
  return el("label", { class: "control" }, el("span", {}, label), control);
}

/** A drop-down list of [value, shown] pairs, or of plain values. */
export function choice(options, chosen, change, props = {}) {
  const select = el("select", { ...props, on: { change: () => change(select.value) } });
  for (const option of options) {
    const [value, shown] = Array.isArray(option) ? option : [option, option];
    select.append(el("option", { value }, shown));
  }
  select.value = chosen;
  return select;
}

/** A table of rows of cells; a cell is text, a number, or an element. `onRow(n)` makes rows that can be chosen. */
export function table(headers, rows, { caption = null, onRow = null } = {}) {
  const body = rows.map((row, n) => {
    const cells = row.map((it) => el("td", { class: typeof it === "number" ? "number" : null }, it ?? ""));
    if (!onRow) return el("tr", {}, ...cells);
    const choose = () => onRow(n);
    const press = (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        choose();
      }
    };
    return el("tr", { class: "choosable", tabindex: "0", on: { click: choose, keydown: press } }, ...cells);
  });
  return el(
    "div",
    { class: "scrolled" },
    el(
      "table",
      {},
      caption ? el("caption", {}, caption) : null,
      el("thead", {}, el("tr", {}, ...headers.map((it) => el("th", { scope: "col" }, it)))),
      el("tbody", {}, ...body),
    ),
  );
}

/** A unit of text so that a person sees it: what is not printed is shown by a sign. */
export function visible(piece) {
  return piece.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u2028\u2029]/g, (it) =>
    it === "\n" ? "↵" : it === "\t" ? "→" : "\\x" + it.charCodeAt(0).toString(16).padStart(2, "0"),
  );
}
