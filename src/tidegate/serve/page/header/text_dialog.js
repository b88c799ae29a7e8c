// A dialog with the texts that can be shown, and a field for another one.

import { button, el, failure, replaceChildren } from "../dom.js";

let opened = 0; // ids are given once

/**
 * Show it. `texts`: [{label, detail, isShown}, ...]; `show(n)` shows one of them; `read(text)` reads another one, and
 * its error is shown in the dialog, which closes otherwise.
 */
export function openTextDialog({ title, texts, show, read, placeholder = "" }) {
  const id = `dialog-${++opened}`;
  const status = el("div", { role: "status", class: "status" });
  const area = el("textarea", { rows: "6", id: `${id}-text`, placeholder });
  const go = button("Read it", readIt, { class: "go" });
  const dialog = el(
    "dialog",
    { class: "texts", "aria-labelledby": `${id}-title`, on: { close: () => dialog.remove(), click: closeOutside } },
    el("h2", { id: `${id}-title` }, title),
    texts.length ? el("ol", { class: "seen" }, ...texts.map(entry)) : null,
    el("label", { for: `${id}-text` }, "Another text"),
    area,
    status,
    el(
      "div",
      { class: "actions" },
      go,
      button("Close", () => dialog.close()),
    ),
  );

  function entry({ label, detail, isShown }, n) {
    const pick = () => {
      dialog.close();
      show(n);
    };
    const parts = [el("span", { class: "label" }, label), el("span", { class: "detail" }, detail)];
    return el("li", {}, button(parts, pick, { "aria-current": isShown ? "true" : null }));
  }

  async function readIt() {
    go.disabled = true;
    replaceChildren(status, "Reading …");
    try {
      await read(area.value);
      dialog.close();
    } catch (error) {
      replaceChildren(status, failure(error));
    } finally {
      go.disabled = false;
    }
  }

  // Only the ground around a dialog is outside all that it holds.
  function closeOutside(event) {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    const inside = event.clientX >= left && event.clientX <= right && event.clientY >= top && event.clientY <= bottom;
    if (event.target === dialog && !inside) dialog.close();
  }

  document.body.append(dialog);
  dialog.showModal();
  area.focus();
}
