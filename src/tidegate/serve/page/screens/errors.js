// Errors & compare: what would have avoided each error; where several models differ; how words become foreseeable.

import { ask, unpack } from "../ask.js";
import { lineChart } from "../chart.js";
import { choice, el, fill, labelled, table, visible } from "../dom.js";
import { about, choose, state } from "../state.js";
import { piecesOf, TextView } from "../textview.js";

const MEANING = {
  "n-gram": () => "an n-gram model of the training text foresees it, n up to 9",
  memory: (k) => `its word stood within the last ${Number(k).toLocaleString("en")} characters`,
  rare: (k) =>
    k === "0" ? "its word is not in the training text" : `its word stands at most ${k} times in the training text`,
  word: () => "it begins a word",
  punctuation: () => "it or the character before it is no letter, digit or _",
  boost: (p) => `the model was near: it gave it ${p} or more`,
  left: () => "none of these explains it",
};

export async function show(root) {
  const stops = [];
  let over = false;
  const peeled = el("section", {}),
    differ = el("section", {}),
    words = el("section", {});
  root.append(
    el(
      "p",
      { class: "lead" },
      `An error is a ${about.runs[0].unit} to which the model gave p < 0.5. Which of them would be gone if it knew what a simple helper knows? Each helper is asked about what those before it left; the colour and the line under an error say which one explains it.`,
    ),
    peeled,
    differ,
    words,
  );
  const alone = (place, work) =>
    work().catch((error) => {
      if (!over) fill(place, el("p", { class: "wrong" }, error.message));
    });
  const working = [
    alone(peeled, () => errors(peeled, stops, () => over)),
    alone(words, () => letters(words, stops, () => over)),
  ];
  if (about.runs.length > 1) working.push(alone(differ, () => compare(differ, stops, () => over)));
  return () => {
    over = true;
    stops.forEach((stop) => stop());
  };
}

async function errors(root, stops, over) {
  const text = el("div", { class: "main" }),
    tableBox = el("div"),
    told = el("p", { class: "told", "aria-live": "polite" }, "\u00a0");
  const next = el("button", { disabled: true, on: { click: jump } }, "Next error");
  const runs = choice(
    about.runs.map((it, n) => [String(n), it.name]),
    "0",
    (value) => load(Number(value)).catch((error) => fill(tableBox, el("p", { class: "wrong" }, error.message))),
  );
  root.append(
    el("div", { class: "controls" }, about.runs.length > 1 ? labelled("Errors of", runs) : null, next),
    text,
    told,
    tableBox,
  );
  const view = new TextView(text, {
    label: "The text; errors are coloured by what explains them",
    height: "36vh",
    onCursor: (n) => {
      choose({ at: n });
      tell(n);
    },
  });
  stops.push(() => view.stop());
  let found = null,
    byPlace = new Map(),
    only = null,
    asked = 0;

  const shown = (error) => error && (only === null || error[1] === only);

  function tell(n) {
    const error = byPlace.get(n);
    if (!found) return;
    if (!error) {
      told.textContent = `“${visible(view.pieces[n])}” is no error: the model gave it 0.5 or more.`;
      return;
    }
    const [, kind, order, p, best] = error,
      { name, family } = found.classes[kind];
    const why = family === "n-gram" ? `a ${order}-gram model foresees it` : MEANING[family](name.split(" ")[1]);
    told.textContent = `“${visible(view.pieces[n])}” had p = ${p.toFixed(3)}; “${visible(best)}” was expected. ${name}: ${why}.`;
  }

  function jump() {
    const places = found.errors.filter(shown).map((it) => it[0]);
    const to = places.find((n) => n > view.cursor) ?? places[0];
    if (to === undefined) return;
    view.setCursor(to);
    choose({ at: to });
    tell(to);
  }

  function pick(n) {
    only = only === n ? null : n;
    next.textContent = only === null ? "Next error" : `Next error: ${found.classes[only].name}`;
    mark();
    view.draw();
  }

  function mark() {
    tableBox.querySelectorAll("tbody tr").forEach((row, n) => {
      row.classList.toggle("chosen", n === only);
      row.setAttribute("aria-pressed", String(n === only));
    });
  }

  async function load(run) {
    const mine = ++asked;
    const said = await ask("text", { text: state.text, run });
    if (over() || mine !== asked) return;
    view.setText(piecesOf(said));
    view.setCursor(state.at);
    found = null;
    byPlace = new Map();
    only = null;
    next.disabled = true;
    view.setClasses(null);
    fill(
      tableBox,
      el(
        "p",
        { class: "told", "aria-live": "polite" },
        "Computing: counting n-grams and words of the training text, some seconds …",
      ),
    );
    const answer = await ask("mistakes", { text: state.text, run });
    if (over() || mine !== asked) return;
    if (answer.refused) {
      fill(tableBox, el("p", { class: "told" }, `Errors cannot be peeled here: ${answer.refused}.`));
      return;
    }
    found = answer;
    byPlace = new Map(found.errors.map((it) => [it[0], it]));
    view.setClasses((n) => (shown(byPlace.get(n)) ? `err err-${found.classes[byPlace.get(n)[1]].family}` : null));
    next.disabled = !found.errors.length;
    const count = found.errors.length,
      most = Math.max(1, ...found.classes.map((it) => it.removed));
    const percent = (share) => `${(100 * share).toFixed(1)}%`;
    const rows = found.classes.map((it) => [
      el("span", { class: `unit err err-${it.family}` }, "Ab"),
      it.name,
      it.removed,
      bar(it.removed / most),
      percent(it.remaining),
      MEANING[it.family](it.name.split(" ")[1]),
    ]);
    fill(
      tableBox,
      table(["", "helper", "errors gone", "", "still wrong", "what it knows"], rows, {
        caption: `${count.toLocaleString("en")} errors in ${found.steps.toLocaleString("en")} ${about.runs[run].unit}s (${percent(count / Math.max(1, found.steps))}), peeled from top to bottom. Pick a row to see its errors only; again for all.`,
        onRow: pick,
      }),
      found.note ? el("p", { class: "told" }, `N-grams and words are ${found.note}.`) : null,
    );
    mark();
    tell(view.cursor);
  }

  await load(0);
}

function bar(share) {
  const made = el("span", { class: "bar", "aria-hidden": "true" });
  made.style.width = `${Math.round(100 * share)}px`;
  return made;
}

async function compare(root, stops, over) {
  const found = await ask("compared", { text: state.text });
  if (over()) return;
  root.append(el("h2", {}, "Where the runs differ"));
  if (found.refused) {
    root.append(el("p", { class: "told" }, `They cannot be laid side by side: ${found.refused}.`));
    return;
  }
  const text = el("div", { class: "main" }),
    told = el("p", { class: "told", "aria-live": "polite" }, "\u00a0"),
    [first, ...others] = found.names;
  const differences = found.difference.map(unpack),
    pieces = Array.from(found.text);
  const runs = choice(
    others.map((it, n) => [String(n), it]),
    "0",
    (value) => pick(Number(value)),
  );
  const nats = found.names.map((name, n) => [
    name,
    found.nats[n].toFixed(3),
    n ? signed(found.nats[n] - found.nats[0]) : "–",
  ]);
  const spans = found.spans.map(([run, , , piece, difference]) => [
    found.names[run],
    signed(difference),
    el("code", {}, Array.from(piece).map(visible).join("")),
  ]);
  const side = el(
    "div",
    {},
    table(["run", "nats per character", `less ${first}`], nats, { caption: "Mean surprise: less is better" }),
    el("h3", {}, "Where they differ most"),
    found.spans.length
      ? table(["run", "nats", "stretch"], spans, {
          caption: `Nats by which that run's log p is above that of ${first}; pick one to see it`,
          onRow: jump,
        })
      : el("p", { class: "told" }, "Nowhere."),
  );
  root.append(
    el(
      "p",
      { class: "lead" },
      `Red: the run that is chosen foresaw the character better than ${first}; blue: worse. Strongest tint: 3 nats or more.`,
    ),
    el("div", { class: "controls" }, labelled("Run", runs)),
    el("div", { class: "beside wide" }, el("div", {}, text, told), side),
  );
  const view = new TextView(text, {
    label: `The text, tinted by what the chosen run foresaw better than ${first}`,
    height: "45vh",
    onCursor: tell,
  });
  stops.push(() => view.stop());
  view.setText(pieces);
  let now = 0;

  function pick(n) {
    now = n;
    runs.value = String(n);
    view.setTint(differences[n].values, "diverging", differences[n].scale);
    tell(view.cursor);
  }

  function tell(n) {
    const value = differences[now].values[n],
      end = Math.abs(value) >= differences[now].scale ? " (or beyond)" : "";
    told.textContent = `“${visible(pieces[n])}”: ${signed(value)} nats${end} for ${others[now]} against ${first}`;
  }

  function jump(n) {
    const [run, start, stop] = found.spans[n];
    view.setMarked(start, stop);
    view.setCursor(start);
    pick(run - 1);
  }

  pick(0);
}

async function letters(root, stops, over) {
  const found = await ask("letters", { text: state.text });
  if (over()) return;
  const place = el("div"),
    drawn = found.filter((it) => !it.refused);
  root.append(el("h2", {}, "How a word becomes foreseeable"));
  if (drawn.length) {
    root.append(
      el(
        "p",
        { class: "lead" },
        "The share of letters that were the likeliest guess, against how many letters of the word were read before: 0 is its first letter, 8 stands for 8 or more.",
      ),
      place,
    );
    const { known, letters: counts } = drawn[0];
    stops.push(
      lineChart(
        place,
        known,
        drawn.map((it) => ({ label: it.name, y: it.right })),
        { xLabel: "letters of the word already read", yLabel: "share right" },
      ),
    );
    root.append(
      el(
        "p",
        { class: "told" },
        `Letters counted: ${known.map((k, n) => `${k}: ${counts[n].toLocaleString("en")}`).join(", ")}.`,
      ),
    );
  }
  for (const it of found.filter((it) => it.refused))
    root.append(el("p", { class: "told" }, `${it.name} is not among them: ${it.refused}.`));
}

function signed(value) {
  return `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(2)}`;
}
