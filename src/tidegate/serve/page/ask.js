// Questions to the server; in a report, the answers that were kept in the file.

const kept = document.getElementById("answers");
const answers = kept ? JSON.parse(kept.textContent) : null;
const asked = new Map();
const REMEMBERED = 400;

/** Whether there is a server that answers anything; a report has kept answers only. */
export const live = answers === null;

/** What went wrong, in a sentence for a person; `status` as in HTTP, where the question itself was refused. */
export class Refused extends Error {
  constructor(sentence, status = 0) {
    super(sentence);
    this.status = status;
  }
}

function address(name, params) {
  const sorted = Object.entries(params)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return name + "?" + new URLSearchParams(sorted).toString();
}

/** The answer of a view, as plain data. The same question is asked once. */
export function ask(name, params = {}) {
  const where = address(name, params);
  if (!live) {
    if (!(where in answers))
      return Promise.reject(new Refused("This is not in the report. The live page has it: tidegate look RUN", 404));
    const { error } = answers[where];
    return error === undefined ? Promise.resolve(answers[where]) : Promise.reject(new Refused(error, 400));
  }
  if (!asked.has(where)) {
    const answer = get(where);
    answer.catch(() => asked.delete(where));
    asked.set(where, answer);
    if (asked.size > REMEMBERED) asked.delete(asked.keys().next().value);
  }
  return asked.get(where);
}

/** [the answer, null], or [what to go on with instead, why there is none]: a part of a screen that cannot be shown. */
export async function orWhyNot(answer, instead) {
  try {
    return [await answer, null];
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return [instead, error.message];
  }
}

/** Whether a report has the answer; the live page has them all. */
export function known(name, params = {}) {
  return live || address(name, params) in answers;
}

async function get(where, options = {}) {
  let response;
  try {
    response = await fetch("/api/" + where, options);
  } catch (error) {
    throw error.name === "AbortError"
      ? error
      : new Refused("The server does not answer: is tidegate look still running?");
  }
  const said = await response.json();
  if (!response.ok) throw new Refused(said.error ?? `The server answered ${response.status}.`, response.status);
  return said;
}

/** Send a text to be read; its number. */
export async function send(text) {
  const body = JSON.stringify({ text });
  return (await get("text", { method: "POST", headers: { "Content-Type": "application/json" }, body })).text;
}

/** The pieces of a stream, as they come: `for await (const piece of stream("write", {...}, signal))`. */
export async function* stream(name, params, signal) {
  if (!live) throw new Refused("A report cannot write anew. The live page can: tidegate look RUN");
  const response = await fetch("/api/" + address(name, params), { signal });
  if (!response.ok)
    throw new Refused((await response.json()).error ?? `The server answered ${response.status}.`, response.status);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    rest += value ?? "";
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const piece = JSON.parse(line);
      if (piece.error) throw new Refused(piece.error);
      yield piece;
    }
    if (done) return;
  }
}

/** Numbers that were packed in a byte each: value = byte / 127 * scale. */
export function unpack({ shape, scale, data }) {
  const bytes = Int8Array.from(atob(data), (it) => it.charCodeAt(0));
  return { shape, scale, values: Float32Array.from(bytes, (it) => (it / 127) * scale) };
}
