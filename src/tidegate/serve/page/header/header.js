// What is looked at, and what concerns the whole page: other texts, a link to this view, light or dark.

import { live } from "../ask.js";
import { isDark, repaint } from "../colours.js";
import { button, el, replaceChildren } from "../dom.js";
import { grouped } from "../numbers.js";
import { about, hasScreen } from "../state.js";
import { showMessage } from "./message.js";
import { openTexts } from "./texts.js";

export function showHeader() {
  const [run, ...others] = about.runs;
  const compared = others.map((it) => el("span", { class: "compared" }, "compared with ", ...described(it)));
  replaceChildren(document.getElementById("run"), ...described(run), ...compared);
  document.title = `${about.runs.map((it) => it.name).join(", ")} - Tidegate`;
  replaceChildren(
    document.getElementById("tools"),
    live && hasScreen("read") ? button("Texts …", openTexts, { "aria-haspopup": "dialog" }) : null,
    button("Copy link", copyLink, { title: "Copy the address, which restores this view" }),
    button("◐", toggleTheme, { title: "Light or dark", "aria-label": "Light or dark" }),
  );
}

function described(run) {
  const alike = new Set(run.sizes).size === 1;
  const model = run.layers
    ? `${alike ? `${run.layers} × ${run.sizes[0]}` : run.sizes.join(", ")} ${run.cell}`
    : run.cell;
  const loss = run.validation === null ? "" : `, validation ${run.validation.toFixed(3)} ${run.loss} (${run.split})`;
  return [el("strong", {}, run.name), ` ${model}, step ${grouped(run.step)}${loss}`];
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    showMessage(live ? "The link is copied. It works while tidegate look runs." : "The link is copied.");
  } catch {
    showMessage(`The browser does not let the page copy. The link is ${location.href}`, true);
  }
}

function toggleTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  repaint();
}
