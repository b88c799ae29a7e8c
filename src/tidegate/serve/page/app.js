// The page: header, tabs, and the screen that is chosen.

import { ask, live, Refused } from "./ask.js";
import { repaint } from "./colours.js";
import { el, failure, replaceChildren } from "./dom.js";
import { showHeader } from "./header/header.js";
import { showMessage } from "./header/message.js";
import { watchScrollEdges } from "./header/scroll_edges.js";
import { markTab, showTabs } from "./header/tabs.js";
import { leaveQuestions } from "./open_questions.js";
import { SCREENS } from "./screens/index.js";
import { about, choose, hasScreen, listen, readAddress, state } from "./state.js";
import { showWaiting } from "./waiting.js";

const main = document.getElementById("main");
let stopScreen = null;

// A typed text is lost when the server is started anew, and an address may name any number.
async function isTextMissing() {
  if (state.text === 0 || !hasScreen("read")) return false;
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
  markTab();
  leaveQuestions();
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
  showWaiting(document.getElementById("waiting"));
  try {
    Object.assign(about, await ask("about"));
  } catch (error) {
    showMessage(error.message, true);
    return;
  }
  Object.assign(state, readAddress());
  showHeader();
  showTabs(about.screens.filter((it) => SCREENS[it.name]));
  watchScrollEdges();
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
