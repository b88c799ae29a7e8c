// What the run made of its own examples: rows of the server as objects, and how they are filtered and put in order.

import { ask, askAnew, live } from "../ask.js";
import { spelled, visible } from "../dom.js";
import { fixed, probability, short } from "../numbers.js";
import { state } from "../state.js";
import { picture, unpackPictures } from "./pictures.js";

const FIELDS = ["number", "text", "truth", "guess", "p", "loss", "right", "step", "token", "predictions", "wrong"];

/** The answer of the view "examples", with the texts that were typed up to the one that is shown. */
export async function askExamples() {
  const known = await ask("examples");
  return live && state.text >= known.names.length ? askAnew("examples") : known;
}

/** The answer of the view "outcomes", with an object for each example. */
export async function askOutcomes() {
  const answer = await ask("outcomes");
  const rows = answer.rows.map((row) => Object.fromEntries(row.map((it, k) => [FIELDS[k], it])));
  return { ...answer, rows };
}

/** A function that draws the picture of an example, small; it returns null where examples are no pictures. */
export async function askThumbnails() {
  const { first, pictures } = await ask("thumbnails");
  if (pictures === null) return () => null;
  const { at, count, height, width, channels } = unpackPictures(pictures);
  return (number) => {
    const n = number - first;
    if (n < 0 || n >= count) return null;
    const canvas = picture(at(n), height, width, channels, "what was read");
    canvas.className = "thumbnail";
    return canvas;
  };
}

/** ✓ or ✗ with what it means; "" for answers that are numbers. */
export function markOf({ right }) {
  if (right === null || right === undefined) return "";
  return right ? "✓" : "✗";
}

/** What the run said of an example, in a few words. */
export function saidOf({ truth, guess, p, right, token, predictions, wrong }) {
  if (right === null) return "";
  const sure = p === null ? "" : ` ${probability(p)}`;
  const several = predictions > 1;
  if (right) return several ? `all ${predictions} right` : `${spelled(guess)}${sure}`;
  const place = token ? `${spelled(token)} ` : "";
  const count = several ? `${wrong} of ${predictions} wrong: ${place}` : "";
  return `${count}${spelled(guess)}${sure}, true is ${spelled(truth)}`;
}

/** The loss of an example, short. */
export function lossOf({ loss }) {
  if (loss === null) return "–";
  return loss < 1000 ? fixed(loss, 3) : short(loss);
}

/** What an example is called where its inputs are numbers. */
export function nameOf({ text }, name) {
  return text ? visible(text) : name;
}

/** Which examples are listed, in which order, if nothing else is chosen. */
export const ALL = { show: "all", order: "data", find: "" };

/** The examples that are shown, in the order chosen. `names`: of examples by number. */
export function arranged(rows, names, { show, order, find }) {
  const wanted = find.trim().toLowerCase();
  const found = rows.filter((it) => {
    if (show === "wrong" && it.right !== 0) return false;
    if (show === "right" && it.right !== 1) return false;
    if (!wanted) return true;
    return [it.text, it.truth, it.guess, names[it.number]].some((text) => text?.toLowerCase().includes(wanted));
  });
  return order === "loss" ? found.sort((a, b) => (b.loss ?? -1) - (a.loss ?? -1)) : found;
}
