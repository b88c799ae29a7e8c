// What is chosen. It is written to the address, so that a place can be bookmarked, shared, and gone back to.

const START = { screen: "read", text: 0, at: 0, layer: 0, name: "", unit: 0, end: -1 };
const listeners = new Set();

export const state = { ...START };
/** What the server answers first: runs, screens, palette. */
export const about = {};

/** Change what is chosen. Listeners get the set of names that changed. */
export function choose(changes) {
  const changed = Object.keys(changes).filter((key) => state[key] !== changes[key]);
  if (!changed.length) return;
  Object.assign(state, changes);
  writeAddress(changed.includes("screen"));
  for (const listener of [...listeners]) listener(new Set(changed));
}

/** Listen to changes until the returned function is called. */
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Read what is chosen from the address. */
export function readAddress() {
  const [screen, query] = location.hash.slice(1).split("?");
  const found = { ...START, name: about.runs?.[0].states?.at(-1) ?? "" };
  if (about.screens?.some((it) => it.name === screen)) found.screen = screen;
  else if (about.screens?.length) found.screen = about.screens[0].name;
  for (const [key, value] of new URLSearchParams(query ?? "")) {
    if (key === "name" && about.runs?.[0].names?.includes(value)) found.name = value;
    else if (typeof START[key] === "number" && Number.isSafeInteger(Number(value))) found[key] = Number(value);
  }
  return found;
}

function writeAddress(newEntry) {
  const chosen = Object.entries(state).filter(
    ([key, value]) => key !== "screen" && value !== START[key] && value !== "",
  );
  const hash = `#${state.screen}${chosen.length ? `?${new URLSearchParams(chosen)}` : ""}`;
  if (hash === location.hash) return;
  history[newEntry ? "pushState" : "replaceState"](null, "", hash);
}
