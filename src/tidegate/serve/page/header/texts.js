// The texts that were read since the page was opened: all of a language model, those that were typed of another task.

import { askAnew, send } from "../ask.js";
import { visible } from "../dom.js";
import { grouped } from "../numbers.js";
import { choose, hasScreen, state } from "../state.js";
import { openTextDialog } from "./text_dialog.js";

export async function openTexts() {
  const texts = await askAnew("texts");
  const isExample = !hasScreen("read");
  const nameOf = (number) => (isExample ? `Example ${number}` : number ? `Text ${number}` : "The first text");
  const show = (text) => choose({ text, at: 0, end: -1, screen: isExample ? "steps" : state.screen });
  openTextDialog({
    title: "Texts",
    placeholder: "Type or paste a text",
    texts: texts.map(({ number, beginning, characters }) => ({
      label: visible(beginning),
      detail: `${nameOf(number)}, ${grouped(characters)} characters`,
      isShown: number === state.text,
    })),
    show: (n) => show(texts[n].number),
    read: async (text) => show(await send(text)),
  });
}
