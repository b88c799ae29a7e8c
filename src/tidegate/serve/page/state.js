// What is chosen. It is written to the address, so that a place can be bookmarked, shared, and gone back to.

// What several screens share. Any other name is a setting of the screen that is shown, a text.
const START = { screen: "read", text: 0, at: 0, layer: 0, name: "", unit: 0, end: -1, tour: 0, theme: "" };
const THEMES = ["light", "dark"]; // "" follows the system
const LONGEST = 2000; // characters of a setting that are read from an address
const UNIT = ["layer", "name", "unit"]; // what says which hidden unit is chosen: all of it is in the address, or nothing
const listeners = new Set();

export const state = { ...START };
/** What the server answers first: runs, screens, palette. */
export const about = {};

/** Whether there is a screen of this name for the runs. */
export function hasScreen(name) {
  return about.screens.some((it) => it.name === name);
}

/**
 * Change what is chosen. Listeners get the set of names that changed. A screen may choose settings of its own by any
 * other name: they are in the address as long as it is shown. `undefined` takes one back.
 */
export function choose(changes) {
  const changed = Object.keys(changes).filter((key) => state[key] !== changes[key]);
  if (!changed.length) return;
  if (changed.includes("screen")) for (const key of ownSettings()) if (!Object.hasOwn(changes, key)) delete state[key];
  Object.assign(state, changes);
  writeAddress(changed.includes("screen"));
  for (const listener of [...listeners]) listener(new Set(changed));
}

function ownSettings() {
  return Object.keys(state).filter((key) => !Object.hasOwn(START, key));
}

/** Listen to changes until the returned function is called. */
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The hidden unit that the page opens on: that of the best finding, if it is known. */
function firstUnit() {
  return about.best ?? { layer: 0, name: lastState(), unit: 0 };
}

function lastState() {
  return about.runs?.[0].states?.at(-1) ?? "";
}

/** The page opens on this hidden unit from now on; if none was chosen so far, it is chosen. */
export function openOn({ layer, name, unit }) {
  const isChosen = about.best || UNIT.some((key) => state[key] !== firstUnit()[key]);
  about.best = { layer, name, unit };
  if (!isChosen) choose(about.best);
}

/** Choose what the address says; nobody is told. */
export function followAddress() {
  Object.assign(state, readAddress());
  writeAddress(false);
}

/** What the address says. What is not in it is as at the start, but the theme, which stays. */
function readAddress() {
  const [screen, search] = location.hash.slice(1).split("?");
  const query = new URLSearchParams(search);
  const own = Object.fromEntries(ownSettings().map((key) => [key, undefined]));
  const found = { ...own, ...START, ...firstUnit(), theme: state.theme };
  if (UNIT.some((key) => query.has(key))) Object.assign(found, { layer: 0, name: lastState(), unit: 0 });
  if (about.screens?.some((it) => it.name === screen)) found.screen = screen;
  else if (about.screens?.length) found.screen = about.screens[0].name;
  for (const [key, value] of query) {
    if (key === "screen" || value.length > LONGEST) continue;
    if (key === "name") {
      if (about.runs?.[0].names?.includes(value)) found.name = value;
    } else if (key === "theme") {
      if (THEMES.includes(value)) found.theme = value;
    } else if (!Object.hasOwn(START, key)) found[key] = value;
    else if (Number.isSafeInteger(Number(value))) found[key] = Number(value);
  }
  return found;
}

/** The address of what is chosen, from its # on. The browser's may lag behind: it takes no more than some changes a second. */
export function chosenAddress() {
  const isFirst = UNIT.every((key) => state[key] === firstUnit()[key]);
  const isWritten = ([key, value]) => {
    if (key === "screen" || value === "" || value === undefined) return false;
    return UNIT.includes(key) ? !isFirst : value !== START[key];
  };
  const chosen = Object.entries(state).filter(isWritten);
  return `#${state.screen}${chosen.length ? `?${new URLSearchParams(chosen)}` : ""}`;
}

function writeAddress(newEntry) {
  const hash = chosenAddress();
  if (hash === location.hash) return;
  history[newEntry ? "pushState" : "replaceState"](null, "", hash);
}
