// Two texts that go on from the same prompt with the same random draws: with interventions and without.

import { inAddress } from "../../address_settings.js";
import { stream } from "../../ask.js";
import { button, el, labelled, replaceChildren } from "../../dom.js";
import { indentedText } from "../../text/indentation.js";

/** `element`: the controls and both texts; `stop()` ends the writing. `prompt`: what the field holds at first. */
export function comparedWriting(prompt, editsAsJson, status) {
  const before = sample();
  const after = sample();
  const field = (name, props) => inAddress(name, el("input", props));
  const fields = {
    prompt: field("prompt", { type: "text", size: "40", value: prompt }),
    temperature: field("temperature", { type: "number", step: "0.1", min: "0", value: "0.5" }),
    seed: field("seed", { type: "number", step: "1", min: "0", value: "0" }),
  };
  const start = button("Write", toggle);
  let running = null;

  async function write(place, asked, signal) {
    const shown = el("span");
    let text = "";
    replaceChildren(place, el("span", { class: "prompt" }, asked.prompt), shown);
    for await (const part of stream("edited", asked, signal)) {
      text += part.text;
      replaceChildren(shown, ...indentedText(text));
    }
    place.append(el("span", { class: "prompt", title: "the end" }, "∎"));
  }

  async function toggle() {
    if (running) return running.abort();
    running = new AbortController();
    start.textContent = "Stop";
    const asked = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value]));
    try {
      const { signal } = running;
      await Promise.all([write(before, asked, signal), write(after, { ...asked, edits: editsAsJson() }, signal)]);
    } catch (error) {
      if (error.name !== "AbortError") status.fail(error);
    } finally {
      running = null;
      start.textContent = "Write";
    }
  }

  const labels = ["Prompt", "Temperature", "Seed"];
  const controls = Object.values(fields).map((field, n) => labelled(labels[n], field));
  const element = el(
    "section",
    {},
    el("h2", {}, "What the model writes"),
    el("div", { class: "controls" }, ...controls, start),
    el(
      "div",
      { class: "columns" },
      el("div", {}, el("h3", {}, "Without the intervention"), before),
      el("div", {}, el("h3", {}, "With it, from the same random draws"), after),
    ),
  );
  return { element, stop: () => running?.abort() };
}

function sample() {
  return el("pre", { class: "sample", tabindex: "0" }, el("span", { class: "prompt" }, "Press Write"));
}
