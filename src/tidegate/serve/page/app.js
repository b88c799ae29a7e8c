// The page: tabs, what is being read, and the screen that is chosen.

import { ask, live, Refused, send } from "./ask.js";
import { dark, repaint } from "./colours.js";
import { el, fill } from "./dom.js";
import { SCREENS } from "./screens/index.js";
import { about, choose, listen, read, state } from "./state.js";

const main = document.getElementById("main");
const said = document.getElementById("said");
let shown = null;

/** Tell the person something; "" takes it away. */
export function say(message, wrong = false) {
  said.textContent = message;
  said.className = wrong ? "wrong" : "";
}

function header() {
  const run = about.runs[0];
  const make = run.layers ? `${run.layers} × ${run.units} ${run.cell}` : run.cell;
  fill(
    document.getElementById("run"),
    el("strong", {}, run.name),
    ` ${make}, step ${run.step.toLocaleString("en")}` +
      (run.validation === null ? "" : `, ${run.validation.toFixed(3)} nats/${run.unit} on ${run.split}`),
  );
  document.title = `${run.name} - Tidegate`;
  const tabs = document.getElementById("tabs");
  const list = about.screens.filter((it) => SCREENS[it.name]);
  fill(
    tabs,
    ...list.map(({ name, title }) =>
      el(
        "button",
        { role: "tab", id: `tab-${name}`, "aria-controls": "main", on: { click: () => choose({ screen: name }) } },
        title,
      ),
    ),
  );
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = list.findIndex((it) => it.name === state.screen);
    choose({ screen: list[(at + step + list.length) % list.length].name });
    document.getElementById(`tab-${state.screen}`).focus();
  });
  const theme = el("button", { title: "Light or dark", "aria-label": "Light or dark", on: { click: turn } }, "◐");
  fill(document.getElementById("tools"), live && readsText() ? other() : null, theme);
}

// Whether the runs read a text: the server offers the screen that shows one.
function readsText() {
  return about.screens.some((it) => it.name === "read");
}

function turn() {
  document.documentElement.dataset.theme = dark() ? "light" : "dark";
  repaint();
}

function other() {
  const area = el("textarea", { rows: "6", "aria-label": "A text to read" });
  const box = el(
    "details",
    { class: "other" },
    el("summary", {}, "Another text"),
    area,
    el("button", { on: { click: go } }, "Read it"),
  );
  async function go() {
    say("Reading …");
    try {
      const text = await send(area.value);
      box.open = false;
      say("");
      choose({ text, at: 0, end: -1 });
    } catch (error) {
      say(error.message, true);
    }
  }
  return box;
}

// A text that was typed is gone when the server was started anew, and an address may name any number.
async function gone() {
  if (state.text === 0 || !readsText()) return false;
  try {
    await ask("text", { text: state.text, run: 0 });
    return false;
  } catch (error) {
    if (!(error instanceof Refused) || !error.status) throw error;
    say(
      live
        ? `There is no text ${state.text} here, or no longer: this is the first one.`
        : `The report has no text ${state.text}: this is the first one.`,
      true,
    );
    return true;
  }
}

async function show() {
  shown?.();
  shown = null;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const chosen = tab.id === `tab-${state.screen}`;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
  }
  const root = el("section", {
    role: "tabpanel",
    "aria-labelledby": `tab-${state.screen}`,
    class: `screen ${state.screen}`,
  });
  fill(main, root);
  try {
    if (await gone()) return choose({ text: 0, at: 0, end: -1 }); // which shows it
    if (main.firstChild !== root) return;
    const name = state.screen,
      stop = await SCREENS[name](root);
    if (main.firstChild !== root) return stop?.();
    shown = stop ?? null;
    main.dataset.ready = name;
  } catch (error) {
    fill(root, el("p", { class: "wrong" }, error.message));
    if (!(error instanceof Refused)) throw error;
  }
}

async function begin() {
  try {
    Object.assign(about, await ask("about"));
  } catch (error) {
    say(error.message, true);
    return;
  }
  Object.assign(state, read());
  header();
  listen((changed) => {
    if (changed.has("screen")) say("");
    if (changed.has("screen") || changed.has("text")) {
      delete main.dataset.ready;
      show();
    }
  });
  addEventListener("popstate", () => choose(read()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  await show();
}

begin();
