// The tabs of the screens. Where they do not fit, the strip scrolls, and the chosen one is in view.

import { button, replaceChildren } from "../dom.js";
import { choose, state } from "../state.js";

const strip = document.getElementById("tabs");

export function showTabs(screens) {
  const tab = ({ name, title }) =>
    button(title, () => choose({ screen: name }), { role: "tab", id: `tab-${name}`, "aria-controls": "main" });
  replaceChildren(strip, ...screens.map(tab));
  strip.addEventListener("keydown", (event) => {
    const at = screens.findIndex((it) => it.name === state.screen);
    const to = {
      ArrowRight: (at + 1) % screens.length,
      ArrowLeft: (at + screens.length - 1) % screens.length,
      Home: 0,
      End: screens.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose({ screen: screens[to].name });
    document.getElementById(`tab-${state.screen}`).focus();
  });
}

/** Mark the tab of the screen that is shown. */
export function markTab() {
  for (const tab of strip.children) {
    const chosen = tab.id === `tab-${state.screen}`;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    // Not scrollIntoView, which would scroll the page as well.
    if (chosen) strip.scrollTo({ left: tab.offsetLeft + (tab.offsetWidth - strip.clientWidth) / 2 });
  }
}
