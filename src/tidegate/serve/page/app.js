// The page: header, tabs, and the screen that is chosen.

import { ask, live, Refused, send } from "./ask.js";
import { isDark, repaint } from "./colours.js";
import { button, el, failure, replaceChildren } from "./dom.js";
import { grouped } from "./numbers.js";
import { SCREENS } from "./screens/index.js";
import { about, choose, listen, readAddress, state } from "./state.js";

const main = document.getElementById("main");
const messages = document.getElementById("said");
let stopScreen = null;

/** Show a message above the screen; "" removes it. */
function showMessage(text, wrong = false) {
  messages.textContent = text;
  messages.className = wrong ? "wrong" : "";
}

/** Whether the runs read a text: the server offers the screen that shows one. */
function readsText() {
  return about.screens.some((it) => it.name === "read");
}

function showHeader() {
  const run = about.runs[0];
  const alike = new Set(run.sizes).size === 1;
  const model = run.layers
    ? `${alike ? `${run.layers} × ${run.sizes[0]}` : run.sizes.join(", ")} ${run.cell}`
    : run.cell;
  const loss = run.validation === null ? "" : `, ${run.validation.toFixed(3)} ${run.loss} on ${run.split}`;
  const line = ` ${model}, step ${grouped(run.step)}${loss}`;
  replaceChildren(document.getElementById("run"), el("strong", {}, run.name), line);
  document.title = `${run.name} - Tidegate`;
  showTabs(about.screens.filter((it) => SCREENS[it.name]));
  const theme = button("◐", toggleTheme, { title: "Light or dark", "aria-label": "Light or dark" });
  replaceChildren(document.getElementById("tools"), live && readsText() ? otherText() : null, theme);
}

function showTabs(screens) {
  const tabs = document.getElementById("tabs");
  const tab = ({ name, title }) =>
    button(title, () => choose({ screen: name }), { role: "tab", id: `tab-${name}`, "aria-controls": "main" });
  replaceChildren(tabs, ...screens.map(tab));
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = screens.findIndex((it) => it.name === state.screen);
    choose({ screen: screens[(at + step + screens.length) % screens.length].name });
    document.getElementById(`tab-${state.screen}`).focus();
  });
}

function toggleTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  repaint();
}

function otherText() {
  const area = el("textarea", { rows: "6", "aria-label": "A text to read" });
  const box = el("details", { class: "other" }, el("summary", {}, "Another text"), area, button("Read it", read));
  async function read() {
    showMessage("Reading …");
    try {
      const text = await send(area.value);
      box.open = false;
      showMessage("");
      choose({ text, at: 0, end: -1 });
    } catch (error) {
      showMessage(error.message, true);
    }
  }
  return box;
}

// A typed text is lost when the server is started anew, and an address may name any number.
async function isTextMissing() {
  if (state.text === 0 || !readsText()) return false;
  try {
    await ask("text", { text: state.text, run: 0 });
    return false;
  } catch (error) {
    if (!error.status) throw error; // the server does not answer
  }
  const where = live ? `There is no text ${state.text}` : `The report has no text ${state.text}`;
  showMessage(`${where}: this is the first one.`, true);
  return true;
}

async function showScreen() {
  stopScreen?.();
  stopScreen = null;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const chosen = tab.id === `tab-${state.screen}`;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
  }
  const name = state.screen;
  const root = el("section", { role: "tabpanel", "aria-labelledby": `tab-${name}`, class: `screen ${name}` });
  replaceChildren(main, root);
  try {
    if (await isTextMissing()) return choose({ text: 0, at: 0, end: -1 }); // which shows the screen again
    if (main.firstChild !== root) return;
    const stop = await SCREENS[name](root);
    if (main.firstChild !== root) return stop?.();
    stopScreen = stop ?? null;
    main.dataset.ready = name;
  } catch (error) {
    replaceChildren(root, failure(error));
    if (!(error instanceof Refused)) throw error;
  }
}

async function start() {
  try {
    Object.assign(about, await ask("about"));
  } catch (error) {
    showMessage(error.message, true);
    return;
  }
  Object.assign(state, readAddress());
  showHeader();
  listen((changed) => {
    if (changed.has("screen")) showMessage("");
    if (changed.has("screen") || changed.has("text")) {
      delete main.dataset.ready;
      showScreen();
    }
  });
  addEventListener("popstate", () => choose(readAddress()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  await showScreen();
}

start();
