// What is waited for: a line at the lower edge of the window, with progress and a button to cancel.

import { button, el, replaceChildren } from "./dom.js";
import { watchQuestions } from "./open_questions.js";

const SHOWN_AFTER = 150; // ms: most answers are there by then
const CANCEL_AFTER = 1000; // ms
const HIDDEN_AFTER = 150; // ms: one question often follows another

/** Show what is waited for in an element. */
export function showWaiting(root) {
  const what = el("span");
  const bar = el("progress", { max: "1", "aria-label": "Progress" });
  const share = el("span", { class: "share", "aria-hidden": "true" });
  const cancel = button("Cancel", () => {
    for (const it of questions) it.cancel();
  });
  let questions = [];
  let timer = 0;
  let hidesAt = 0;
  root.hidden = true;
  replaceChildren(root, el("span", { role: "status" }, what), bar, share, cancel);

  function draw() {
    clearTimeout(timer);
    const now = performance.now();
    if (!questions.length) {
      if (root.hidden) return;
      hidesAt ||= now + HIDDEN_AFTER;
      root.hidden = now >= hidesAt;
      if (!root.hidden) timer = setTimeout(draw, hidesAt - now + 1);
      return;
    }
    hidesAt = 0;
    const first = Math.min(...questions.map((it) => it.since));
    const told = questions.filter((it) => it.progress).at(-1)?.progress;
    if (now - first >= SHOWN_AFTER || told) root.hidden = false;
    const text = told ? `${told.what} …` : "Loading …";
    if (what.textContent !== text) {
      what.textContent = text;
      root.title = text; // where a narrow window has no room for all of it
    }
    if (told) bar.value = told.share;
    else bar.removeAttribute("value");
    share.textContent = told ? `${Math.round(100 * told.share)}%` : "";
    cancel.hidden = now - first < CANCEL_AFTER;
    const next = [SHOWN_AFTER, CANCEL_AFTER].map((it) => first + it - now).filter((it) => it > 0);
    if (next.length) timer = setTimeout(draw, Math.min(...next) + 1);
  }

  watchQuestions((open) => {
    questions = [...open].filter((it) => it.isWaitedFor);
    draw();
  });
}
