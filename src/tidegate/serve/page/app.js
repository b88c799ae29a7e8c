// The page: header, tabs, and the screen that is chosen.

import { ask, live, Refused } from "./ask.js";
import { isDark, repaint } from "./colours.js";
import { el, failure, replaceChildren } from "./dom.js";
import { showHeader } from "./header/header.js";
import { showMessage } from "./header/message.js";
import { watchScrollEdges } from "./header/scroll_edges.js";
import { markTab, showTabs } from "./header/tabs.js";
import { showTour } from "./header/tour.js";
import { leaveQuestions } from "./open_questions.js";
import { SCREENS } from "./screens/index.js";
import { about, choose, followAddress, hasScreen, listen, state } from "./state.js";
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
  delete main.dataset.ready;
  markTab();
  leaveQuestions();
  showTour();
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

/** Show what another address says: all of it, also what the screen that is shown had set before. */
function openAddress() {
  showMessage("");
  followAddress();
  showTheme();
  showScreen();
}

function showTheme() {
  const before = isDark();
  if (state.theme) document.documentElement.dataset.theme = state.theme;
  else delete document.documentElement.dataset.theme;
  if (isDark() !== before) repaint();
}

async function start() {
  showWaiting(document.getElementById("waiting"));
  try {
    Object.assign(about, await ask("about"));
  } catch (error) {
    showMessage(error.message, true);
    return;
  }
  followAddress();
  showTheme();
  showHeader();
  showTabs(about.screens.filter((it) => SCREENS[it.name]));
  watchScrollEdges();
  listen((changed) => {
    if (changed.has("theme")) showTheme();
    if (changed.has("tour")) showTour();
    if (changed.has("screen")) showMessage("");
    if (changed.has("screen") || changed.has("text")) showScreen();
  });
  addEventListener("popstate", openAddress);
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // its address is no screen's
    main.focus();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  await showScreen();
}

start();
