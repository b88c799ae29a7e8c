// A task without a panel of its own, such as a user's: the prediction and the truth as text.

import { el } from "../dom.js";

export function show(root, answer) {
  const line = (label, text) => el("p", { class: "verdict" }, label, el("strong", {}, text));
  root.append(line("Predicted: ", answer.prediction));
  if (answer.truth !== null) root.append(line("True: ", answer.truth));
  return null;
}
