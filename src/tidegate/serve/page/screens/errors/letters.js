// How often the next letter of a word was the likeliest guess, by how many of its letters were read before.

import { ask } from "../../ask.js";
import { lineChart } from "../../charts/line_chart.js";
import { el, note } from "../../dom.js";
import { grouped } from "../../numbers.js";
import { state } from "../../state.js";

export async function showLetters(root, stops, isStopped) {
  const runs = await ask("letters", { text: state.text });
  if (isStopped()) return;
  const title = "How a word becomes predictable";
  root.append(el("h2", {}, title));
  const shown = runs.filter((it) => !it.refused);
  if (shown.length) {
    const place = el("div");
    const lead =
      "The share of letters that were the likeliest guess, and among the three likeliest, against how many letters of " +
      "the word were read before: 0 is its first letter, 8 stands for 8 or more.";
    root.append(el("p", { class: "lead" }, lead), place);
    const { known, letters } = shown[0];
    const of = (name) => (shown.length > 1 ? `${name}, ` : "");
    const series = shown.flatMap((it) => [
      { label: `${of(it.name)}likeliest guess`, y: it.right },
      { label: `${of(it.name)}among three`, y: it.among },
    ]);
    const labels = { xLabel: "letters of the word already read", yLabel: "share right" };
    const counts = known.map((k, n) => `${k}: ${grouped(letters[n])}`);
    const caption = `Letters counted: ${counts.join(", ")}.`;
    stops.push(lineChart(place, known, series, { title, caption, ...labels, domain: [0, 1] }));
  }
  for (const it of runs.filter((run) => run.refused)) root.append(note(`${it.name} is not among them: ${it.refused}`));
}
