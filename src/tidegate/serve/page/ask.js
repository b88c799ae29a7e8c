// Questions to the server; in a report, the answers that the file holds.

const data = document.getElementById("answers");
const recorded = data ? JSON.parse(data.textContent) : null;
const answers = new Map();
const REMEMBERED = 400;

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

/** The answer of a view, as plain data. The same question is asked once. */
export function ask(name, params = {}) {
  const key = address(name, params);
  if (!live) return fromReport(key);
  if (!answers.has(key)) {
    const answer = request(key);
    answer.catch(() => answers.delete(key));
    answers.set(key, answer);
    if (answers.size > REMEMBERED) answers.delete(answers.keys().next().value);
  }
  return answers.get(key);
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

async function request(key, options = {}) {
  let response;
  try {
    response = await fetch(`/api/${key}`, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The server does not answer: is tidegate look still running?");
  }
  const answer = await response.json();
  if (!response.ok) throw refusal(response, answer);
  return answer;
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
  const response = await fetch(`/api/${address(name, params)}`, { signal });
  if (!response.ok) throw refusal(response, await response.json());
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    rest += value ?? "";
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const part = JSON.parse(line);
      if (part.error) throw new Refused(part.error);
      yield part;
    }
    if (done) return;
  }
}
