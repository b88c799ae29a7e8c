// What is looked at, and what concerns the whole page: other texts, a link to this view, light or dark.

import { live } from "../ask.js";
import { isDark } from "../colours.js";
import { button, el, replaceChildren } from "../dom.js";
import { grouped, readable } from "../numbers.js";
import { about, choose, chosenAddress } from "../state.js";
import { showMessage } from "./message.js";
import { openTexts } from "./texts.js";

export function showHeader() {
  const [run, ...others] = about.runs;
  const compared = others.map((it) => el("span", { class: "compared" }, "compared with ", ...described(it, run)));
  replaceChildren(document.getElementById("run"), ...described(run), ...compared);
  document.title = `${about.runs.map((it) => it.name).join(", ")} - Tidegate`;
  replaceChildren(
    document.getElementById("tools"),
    live && about.reads ? button("Texts …", openTexts, { "aria-haspopup": "dialog" }) : null,
    button("Copy link", copyLink, { title: "Copy the address, which restores this view" }),
    button("◐", () => choose({ theme: isDark() ? "light" : "dark" }), {
      title: "Light or dark",
      "aria-label": "Light or dark",
    }),
  );
}

/** A run in words; of one that is compared with another, what differs. */
function described(run, other = null) {
  const differs = (words) => other === null || words(run) !== words(other);
  const loss = run.validation === null ? "" : `validation ${readable([run.validation])}`;
  const unit = run.validation !== null && differs((it) => it.loss) ? ` ${run.loss}` : "";
  const split = run.validation !== null && differs((it) => it.split) ? ` (${run.split})` : "";
  const model = differs(modelOf) ? modelOf(run) : "";
  const parts = [model, `step ${grouped(run.step)}`, `${loss}${unit}${split}`].filter(Boolean);
  return [el("strong", {}, run.name), ` ${parts.join(", ")}`];
}

function modelOf({ sizes, layers, cell }) {
  const alike = new Set(sizes).size === 1;
  return layers ? `${alike ? `${layers} × ${sizes[0]}` : sizes.join(", ")} ${cell}` : cell;
}

async function copyLink() {
  const link = new URL(chosenAddress(), location.href).href;
  try {
    await navigator.clipboard.writeText(link);
    showMessage(live ? "The link is copied. It works while tidegate look runs." : "The link is copied.");
  } catch {
    showMessage(`The browser does not let the page copy. The link is ${link}`, true);
  }
}
