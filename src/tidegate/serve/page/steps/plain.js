// A task without a panel of its own, such as a user's: the prediction and the truth as text.

import { el } from "../dom.js";

export function show(root, found) {
  root.append(el("p", { class: "verdict" }, "Predicted: ", el("strong", {}, found.prediction)));
  if (found.truth !== null) root.append(el("p", { class: "verdict" }, "True: ", el("strong", {}, found.truth)));
  return null;
}
