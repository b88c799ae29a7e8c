// A classifier: what it would say if the sequence ended at each step, and where it looked.

import { unpack } from "../ask.js";
import { lineChart } from "../chart.js";
import { el, fill, table, visible } from "../dom.js";
import { choose, state } from "../state.js";
import { filmstrip, sheet } from "./pictures.js";
import { Tokens } from "./tokens.js";

export function show(root, found, frames, stops) {
  const [{ read }] = found.sequences,
    { probabilities, running, label, true_label: truth } = found;
  const verdict = el(
    "p",
    { class: "verdict" },
    "It says ",
    el("strong", {}, visible(label)),
    ` (p = ${probabilities[0][1].toFixed(3)})`,
  );
  if (truth !== null)
    verdict.append(
      truth === label ? ", which is right." : ", which is wrong: true is ",
      truth === label ? "" : el("strong", {}, visible(truth)),
    );
  const main = el("div"),
    side = el("aside", { class: "side", "aria-live": "polite" }),
    curves = el("div");
  root.append(
    el(
      "p",
      { class: "lead" },
      "What the classifier says, and what it would have said had the sequence ended earlier: its running verdict.",
    ),
    verdict,
    el("div", { class: "beside" }, main, side),
    el("h2", {}, "Probability of each class, had the sequence ended there"),
    curves,
  );
  const names = probabilities.map(([name]) => visible(name));
  const rest =
    found.classes > names.length ? `The likeliest ${names.length} of ${found.classes} classes` : "All classes";

  function tell(n) {
    choose({ at: n });
    const rows = names.map((name, k) => [name, running[k][n], "█".repeat(Math.round(running[k][n] * 20)) || "▏"]);
    fill(
      side,
      el("h2", {}, `after step ${n}: `, read.length ? el("code", {}, visible(read[n])) : "a frame"),
      table(["class", "p", ""], rows, { caption: rest }),
    );
  }

  const steps = running[0].map((_, n) => n),
    last = steps.length - 1,
    at = state.at ? Math.min(state.at, last) : last;
  let tokens = null;
  if (frames) {
    if (frames.height === 1 && frames.width > 1) main.append(sheet(frames));
    filmstrip(main, frames, {
      onPick: tell,
      below: (n) => el("span", { class: "below" }, `${running[0][n].toFixed(2)}`),
    });
    main.append(
      el(
        "p",
        { class: "told" },
        `The frames as they were read. Below each: p of ${visible(label)}, had it been the last.`,
      ),
    );
  } else {
    tokens = new Tokens(main, read, { label: "What it read", onCursor: tell });
    tokens.tint(`running p of ${visible(label)}`, running[0], "sequential", 1);
    if (found.attention) {
      const { values } = unpack(found.attention);
      tokens.tint("attention", Array.from(values.subarray(0, read.length)), "sequential", Math.max(...values) || 1);
    }
    tokens.mark(at);
  }
  tell(at);
  stops.push(
    lineChart(
      curves,
      steps,
      names.map((name, k) => ({ label: name, y: running[k] })),
      { xLabel: "step", yLabel: "probability", height: 240 },
    ),
  );
  return tokens;
}
