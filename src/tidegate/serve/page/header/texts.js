// The texts that language models have read since the page was opened.

import { askAnew, send } from "../ask.js";
import { visible } from "../dom.js";
import { grouped } from "../numbers.js";
import { choose, state } from "../state.js";
import { openTextDialog } from "./text_dialog.js";

export async function openTexts() {
  const texts = await askAnew("texts");
  openTextDialog({
    title: "Texts",
    placeholder: "Type or paste a text",
    texts: texts.map(({ number, beginning, characters }) => ({
      label: visible(beginning),
      detail: `${number ? `Text ${number}` : "The first text"}, ${grouped(characters)} characters`,
      isShown: number === state.text,
    })),
    show: (n) => choose({ text: texts[n].number, at: 0, end: -1 }),
    read: async (text) => choose({ text: await send(text), at: 0, end: -1 }),
  });
}
