// Questions to the server; in a report, the answers that the file holds.

import { showMessage } from "./header/message.js";
import { openQuestion } from "./open_questions.js";

const data = document.getElementById("answers");
const recorded = data ? JSON.parse(data.textContent) : null;
const answers = new Map();
let toldOfNewer = false;
const REMEMBERED = 400;
const NEWER = "X-Tidegate-Newer-Model";
const LINES = "application/x-ndjson";

/** Whether there is a server that answers anything; a report has recorded answers only. */
export const live = recorded === null;

/** A question that was not answered. Its message is a sentence for the reader; `status` is the HTTP status, if any. */
export class Refused extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

function address(name, params) {
  const given = Object.entries(params).filter(([, value]) => value !== undefined);
  given.sort(([a], [b]) => (a < b ? -1 : 1));
  return `${name}?${new URLSearchParams(given).toString()}`;
}

/**
 * The answer of a view, as plain data. The same question is asked once. `onPartial` is called with what is known of the
 * answer before it is whole. The question is given up when its screen is left: then nothing more is heard of it. One that
 * is `quiet` is not shown as waited for.
 */
export function ask(name, params = {}, onPartial = null, options = {}) {
  const key = address(name, params);
  if (!live) return fromReport(key);
  if (!answers.has(key)) {
    const forget = () => answers.get(key) === question && answers.delete(key);
    const question = askServer(key, forget, options);
    question.answer.catch(forget);
    answers.set(key, question);
    if (answers.size > REMEMBERED) answers.delete(answers.keys().next().value);
  }
  const question = answers.get(key);
  if (onPartial) question.listen(onPartial);
  return question.answer;
}

function askServer(key, onGivenUp, options) {
  const listeners = new Set();
  let partial = null;
  const onPartial = (known) => {
    partial = known;
    for (const listener of listeners) listener(known);
  };
  const answer = request(key, options, onPartial, onGivenUp);
  return {
    answer,
    listen(listener) {
      listeners.add(listener);
      if (partial) listener(partial);
    },
  };
}

/** The answer of a view that changes while the page is open. */
export function askAnew(name, params = {}) {
  answers.delete(address(name, params));
  return ask(name, params);
}

async function fromReport(key) {
  if (!(key in recorded)) throw new Refused("This is not in the report. The live page has it: tidegate look RUN", 404);
  const { error } = recorded[key];
  if (error !== undefined) throw new Refused(error, 400);
  return recorded[key];
}

/** [the answer, null], or [a default, the reason] where it was refused: then the rest of a screen can be shown. */
export async function answerOr(answer, instead) {
  try {
    return [await answer, null];
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return [instead, error.message];
  }
}

/** Whether the question can be answered: on the live page every one, in a report those that were recorded. */
export function isAvailable(name, params = {}) {
  return live || address(name, params) in recorded;
}

/**
 * Of several questions, the last: `const isLatest = questions.begin()` before asking, `if (!isLatest()) return` after
 * the answer, so that an answer that another question has overtaken is not shown.
 */
export function latest() {
  let last = 0;
  return {
    begin() {
      const number = ++last;
      return () => number === last;
    },
    cancel() {
      last++;
    },
  };
}

/** The answer to a request. `onPartial` is called with what is known of it before, `onGivenUp` if it is given up. */
async function request(key, { quiet = false, ...options }, onPartial = () => {}, onGivenUp = () => {}) {
  const open = openQuestion({ quiet });
  open.signal.addEventListener("abort", onGivenUp);
  const headers = { Accept: LINES, ...options.headers };
  try {
    const response = await fetch(`/api/${key}`, { ...options, headers, signal: open.signal }).catch(unreachable);
    if (response.headers.has(NEWER)) tellOfNewerModel();
    if (!response.headers.get("Content-Type")?.startsWith(LINES)) {
      const answer = await response.json().catch(unreachable);
      if (!response.ok) throw refusal(response, answer);
      return answer;
    }
    for await (const message of linesOf(response)) {
      if ("answer" in message) return message.answer;
      if (message.progress) open.tell(message.progress);
      if (message.partial) onPartial(message.partial);
    }
    return unreachable();
  } catch (error) {
    if (open.isCancelled) throw new Refused("Cancelled.");
    if (!open.isLeft) throw error;
    return new Promise(() => {}); // never answered: those who wait for it are gone
  } finally {
    open.close();
  }
}

/** Say once that there is a newer model. */
function tellOfNewerModel() {
  if (toldOfNewer) return;
  toldOfNewer = true;
  showMessage(
    "The run was trained further since this page was opened, which shows the model from before. " +
      "To see the new one, start tidegate look again.",
    true,
  );
}

/** The lines of a response, each a value in JSON. One with an error ends them. */
async function* linesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read().catch(unreachable);
    rest += value ?? "";
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const message = JSON.parse(line);
      if (message.error !== undefined) throw refusal(message, message);
      yield message;
    }
    if (done) return;
  }
}

function unreachable(error) {
  if (error?.name === "AbortError") throw error;
  throw new Refused("The server does not answer: is tidegate look still running?");
}

function refusal({ status }, { error }) {
  return new Refused(error ?? `The server answered ${status}.`, status);
}

/** Send a text to be read; its number. */
export async function send(text) {
  const body = JSON.stringify({ text });
  const headers = { "Content-Type": "application/json" };
  return (await request("text", { method: "POST", headers, body })).text;
}

/** The parts of a stream, as they arrive: `for await (const part of stream("write", {...}, signal))`. */
export async function* stream(name, params, signal) {
  if (!live) throw new Refused("A report cannot write a new text. The live page can: tidegate look RUN");
  const open = openQuestion({ quiet: true });
  const either = AbortSignal.any([signal, open.signal]);
  try {
    const response = await fetch(`/api/${address(name, params)}`, { signal: either }).catch(unreachable);
    if (!response.ok) throw refusal(response, await response.json());
    for await (const message of linesOf(response)) {
      open.tell(message.progress ?? null);
      if (!message.progress) yield message;
    }
  } catch (error) {
    throw open.isCancelled ? new Refused("Cancelled.") : error;
  } finally {
    open.close();
  }
}
