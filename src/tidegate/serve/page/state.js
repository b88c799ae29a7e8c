// What is chosen: kept in the address, so that a place can be marked, sent, and gone back to.

const START = { screen: "read", text: 0, at: 0, layer: 0, name: "", unit: 0, end: -1 };
const listeners = new Set();

export const state = { ...START };
/** What the server said first: runs, screens, palette. */
export const about = {};

/** Choose something; whoever listens is told which names changed. */
export function choose(changes) {
  const changed = Object.keys(changes).filter((key) => state[key] !== changes[key]);
  if (!changed.length) return;
  Object.assign(state, changes);
  write(changed.includes("screen"));
  for (const listener of [...listeners]) listener(new Set(changed));
}

/** Be told of changes until the returned function is called. */
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Read what the address says. */
export function read() {
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

function write(again) {
  const parts = Object.entries(state).filter(
    ([key, value]) => key !== "screen" && value !== START[key] && value !== "",
  );
  const hash = "#" + state.screen + (parts.length ? "?" + new URLSearchParams(parts) : "");
  if (hash === location.hash) return;
  history[again ? "pushState" : "replaceState"](null, "", hash);
}
