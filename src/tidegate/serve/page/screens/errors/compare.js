// Two or more runs side by side: the text tinted by what one predicted better than the first.

import { inAddress } from "../../address_settings.js";
import { ask } from "../../ask.js";
import { dataTable } from "../../charts/data_table.js";
import { colourScale } from "../../charts/scale.js";
import { choice, el, labelled, note, statusLine, visible } from "../../dom.js";
import { signed, unpack } from "../../numbers.js";
import { state } from "../../state.js";
import { TextView } from "../../textview.js";

export async function showComparison(root, stops, isStopped) {
  const answer = await ask("compared", { text: state.text });
  if (isStopped()) return;
  root.append(el("h2", {}, "Where the runs differ"));
  if (answer.refused) {
    root.append(note(`The runs cannot be compared: ${answer.refused}`));
    return;
  }
  const [first, ...others] = answer.names;
  const differences = answer.difference.map(unpack);
  const tokens = Array.from(answer.text);
  const text = el("div", { class: "main" });
  const status = statusLine();
  const runs = inAddress(
    "against",
    choice(
      others.map((it, n) => [String(n), it]),
      "0",
      (value) => pickRun(Number(value)),
    ),
  );
  const scale = colourScale({
    kind: "diverging",
    top: differences[0].scale,
    unit: "nats",
    label: `log p, less that of ${first}`,
  });
  root.append(
    el("div", { class: "controls" }, labelled("Run", runs), scale),
    el(
      "div",
      { class: "beside wide" },
      el("div", {}, text, status.element),
      el("div", {}, lossTable(answer), el("h3", {}, "Where they differ most"), stretchTable(answer, goTo)),
    ),
  );
  const view = new TextView(text, {
    label: `The text, tinted by what the chosen run predicted better than ${first}`,
    height: "45vh",
    onCursor: describe,
  });
  stops.push(() => view.stop());
  view.setText(tokens);
  let chosen = 0;

  function pickRun(n) {
    chosen = n;
    runs.value = String(n);
    view.setTint(differences[n].values, "diverging", differences[n].scale);
    describe(view.cursor);
  }

  function describe(n) {
    const { values, scale } = differences[chosen];
    const end = Math.abs(values[n]) >= scale ? " (or beyond)" : "";
    status.show(`“${visible(tokens[n])}”: ${signed(values[n])} nats${end} for ${others[chosen]} against ${first}`);
  }

  function goTo(n) {
    const [run, start, stop] = answer.spans[n];
    view.setMarked(start, stop);
    view.setCursor(start);
    pickRun(run - 1);
  }

  pickRun(Number(runs.value));
}

const numeric = (name) => ({ name, numeric: true });

function lossTable({ names, nats }) {
  const rows = names.map((name, n) => [name, nats[n].toFixed(3), n ? signed(nats[n] - nats[0]) : "–"]);
  return dataTable(["run", numeric("nats per character"), numeric(`less ${names[0]}`)], rows, {
    name: "Loss of the runs",
    caption: "Mean surprise of this text; less is better.",
  });
}

function stretchTable({ names, spans }, onRow) {
  if (!spans.length) return note("Nowhere.");
  const rows = spans.map(([run, , , text, difference]) => [
    names[run],
    signed(difference),
    el("code", {}, Array.from(text).map(visible).join("")),
  ]);
  const caption = `Nats by which that run's log p of the stretch is above that of ${names[0]}. Pick one to see it.`;
  return dataTable(["run", numeric("nats"), "stretch"], rows, { name: "Where the runs differ most", caption, onRow });
}
