// Write: the model goes on from a prompt; each token is tinted by a hidden unit's value or by its surprise.

import { inAddress } from "../address_settings.js";
import { ask, stream } from "../ask.js";
import { bar } from "../charts/bars.js";
import { colourScale } from "../charts/scale.js";
import { button, choice, el, labelled, replaceChildren, statusLine, table } from "../dom.js";
import { about, state } from "../state.js";
import { TextView, tokenName } from "../textview.js";
import { unitPicker } from "../unit_picker.js";

const REDRAW = 100; // ms: a text that grows is laid out a few times a second, not for every token
const SURPRISE = 8; // nats of the darkest tint
const SEARCHED = 8000; // characters at the end in which copies are searched for
const NORMAL = { prompt: "", length: "400", temperature: "0.8", top_k: "", top_p: "", seed: "0" };
const last = { ...NORMAL };

export async function show(root) {
  const settings = settingFields();
  const picker = unitPicker();
  const tints = [
    ["value", "the hidden unit's value"],
    ["nats", "surprise"],
  ];
  const tint = inAddress("tint", choice(tints, "value", paint));
  const start = button("Write", toggle, { class: "go" });
  const status = statusLine("");
  const text = el("div", { class: "main" });
  const side = el("aside", { class: "side", "aria-live": "polite" });
  picker.row.append(labelled("Tint by", tint), start);
  const scale = el("div", { class: "scales" });
  const columns = el("div", { class: "beside" }, el("div", {}, text, scale, status.element), side);
  root.append(settings.element, picker.row, columns);
  const view = new TextView(text, { label: "What the model writes", onCursor: details, empty: "Press Write" });
  let running = null;
  let timer = 0;
  let written = textAfter("");

  function paint() {
    const size = (it) => (Number.isFinite(it) ? Math.abs(it) : 0);
    const largest = written.values.reduce((most, it) => Math.max(most, size(it)), 1e-6);
    const { unit, name, layer } = written.of ?? state;
    const byNats = { kind: "sequential", top: SURPRISE, label: "surprise", unit: "nats" };
    const byValue = { kind: "diverging", top: largest, label: `unit ${layer}/${unit} ${name}` };
    const [values, shown] = tint.value === "nats" ? [written.nats, byNats] : [written.values, byValue];
    view.setTint(values, shown.kind, shown.top);
    replaceChildren(scale, written.tokens.length ? colourScale(shown) : null);
  }

  function redraw() {
    clearTimeout(timer);
    timer = 0;
    view.cursor = Math.max(0, written.tokens.length - 1);
    view.setText(written.tokens);
    paint();
  }

  function redrawSoon() {
    timer ||= setTimeout(redraw, REDRAW);
  }

  function details(n) {
    if (!written.guesses[n]) return;
    const numbers = `surprise ${written.nats[n].toFixed(2)} nats; hidden unit ${written.values[n].toFixed(3)}`;
    const rows = written.guesses[n].map(([guess, p]) => [tokenName(guess), bar(p)]);
    replaceChildren(
      side,
      el("h2", {}, el("code", { class: "big" }, tokenName(written.tokens[n]))),
      el("p", {}, numbers),
      table(["expected", "probability"], rows),
    );
  }

  async function toggle() {
    if (running) return running.abort();
    running = new AbortController();
    start.textContent = "Stop";
    const asked = settings.remember();
    const { layer, name, unit } = state;
    written = { ...textAfter(asked.prompt), of: { layer, name, unit } };
    view.setText(written.tokens);
    view.setClasses((n) => (n < written.from ? "prompt" : written.copied[n] ? "copied" : null));
    status.show("Writing …");
    try {
      await receive({ ...asked, ...written.of }, running.signal);
      status.show("");
    } catch (error) {
      if (error.name === "AbortError") status.show("Stopped.");
      else status.fail(error);
    } finally {
      running = null;
      start.textContent = "Write";
      redraw();
    }
    await underlineCopies();
  }

  async function receive(asked, signal) {
    for await (const part of stream("write", asked, signal)) {
      if (part.text === "" && written.tokens.length > written.from) continue;
      written.tokens.push(part.text);
      written.values.push(part.value ?? 0);
      written.nats.push(part.nats ?? 0);
      written.guesses.push(part.guesses);
      redrawSoon();
    }
  }

  async function underlineCopies() {
    const own = written.tokens.slice(written.from);
    const whole = own.join("");
    if (!whole) return;
    const { stretches, length } = await ask("copies", { written: whole.slice(-SEARCHED) });
    let at = -Math.max(0, whole.length - SEARCHED);
    const copied = own.map((token) => {
      const here = at;
      at += [...token].length;
      return token.trim() !== "" && stretches.some(([from, to]) => here >= from && here < to);
    });
    written.copied = [...written.tokens.slice(0, written.from).fill(false), ...copied];
    const notBlank = own.filter((token) => token.trim()).length;
    const share = (100 * copied.filter(Boolean).length) / Math.max(1, notBlank);
    const copies = `${share.toFixed(0)}% of what is not blank is copied verbatim from the training text`;
    status.element.append(` ${copies}, in stretches of ${length} or more (underlined).`);
    view.draw();
  }

  return () => {
    running?.abort();
    clearTimeout(timer);
    picker.stop();
    view.stop();
  };
}

/** What is written after a prompt: nothing so far. The prompt's characters come first, without numbers. */
function textAfter(prompt) {
  const tokens = Array.from(prompt);
  const none = tokens.map(() => Number.NaN);
  return { tokens, values: none, nats: [...none], guesses: tokens.map(() => null), copied: [], from: tokens.length };
}

/** The settings of sampling. They are remembered while the page is open. */
function settingFields() {
  const number = (name, props) =>
    inAddress(name, el("input", { type: "number", step: "any", value: last[name], ...props }), NORMAL[name]);
  const inputs = {
    prompt: inAddress("prompt", promptField(), NORMAL.prompt),
    length: number("length", { min: "0", step: "1" }),
    temperature: number("temperature", { min: "0", step: "0.1" }),
    top_k: number("top_k", { min: "1", step: "1" }),
    top_p: number("top_p", { min: "0", max: "1", step: "0.05" }),
    seed: number("seed", { min: "0", step: "1" }),
  };
  const unit = about.runs[0].unit;
  const length = `${unit[0].toUpperCase()}${unit.slice(1)}s to write`;
  const labels = ["Prompt", length, "Temperature", "Top k", "Top p", "Seed"];
  const fields = Object.values(inputs).map((input, n) => labelled(labels[n], input));
  return {
    element: el("div", { class: "controls" }, ...fields),
    /** The settings to ask with: those that are empty are left to the server. */
    remember() {
      for (const [name, input] of Object.entries(inputs)) last[name] = input.value;
      return Object.fromEntries(Object.entries(last).filter(([name, value]) => value !== "" || name === "prompt"));
    },
  };
}

function promptField() {
  return el("textarea", { rows: "2", cols: "40", value: last.prompt, placeholder: "none: it begins by itself" });
}
