// $what in WebAssembly, written by Tidegate $version. It needs $p.wasm, which has the weights.
//
//   import { load } from "./$p.js";
//   const model = await load(); // in node or a browser; each has a state of its own
//   const y = model.$first;
const INPUTS = $inputs; // what is given at every step; tokens are numbers below that
export const OUTPUTS = $outputs;
export const DIGEST = "$digest"; // SHA-256 of the model
export const labels = $labels; // names of the outputs
const BAD_STATE = ["", "its size is wrong", "it is no saved state", "it is another model's"];

/** Load the model: from $p.wasm beside this file, from another address, or from bytes. */
export async function load(source = new URL("./$p.wasm", import.meta.url)) {
  const { instance } = await WebAssembly.instantiate(await bytesOf(source), {});
  return new Model(instance.exports);
}

async function bytesOf(source) {
  if (!(source instanceof URL) && typeof source !== "string") return source;
  if (String(source).startsWith("file:")) return (await import("node:fs/promises")).readFile(source);
  const answer = await fetch(source);
  if (!answer.ok) throw new Error(source + " cannot be read: " + answer.status);
  return answer.arrayBuffer();
}

export class Model {
  #c;
  #top; // where free memory begins
  #model;
  #y;$fields

  constructor(exports) {
    this.#c = exports;
    this.#top = exports.__heap_base.value;
    this.#model = this.#keep(4);
    this.#y = this.#keep(4 * OUTPUTS);$keeps
    exports.${p}_embedded(this.#model);$begin
  }

  #keep(bytes) {
    const at = Math.ceil(this.#top / 16) * 16;
    this.#top = at + bytes;
    const missing = this.#top - this.#c.memory.buffer.byteLength;
    if (missing > 0) this.#c.memory.grow(Math.ceil(missing / 65536));
    return at;
  }

  #floats(at, count) {
    return new Float32Array(this.#c.memory.buffer, at, count);
  }

  /** Write sequences of inputs to free memory; return their addresses and the number of steps. */
  #given(sequences) {
    if (sequences.length !== INPUTS.length) throw new RangeError("There are " + sequences.length + " inputs, but should be " + INPUTS.length + ".");
    const steps = sequences[0].length / INPUTS[0].size;
    sequences.forEach((values, n) => {
      const { name, size, tokens } = INPUTS[n];
      if (values.length !== steps * size || !Number.isInteger(steps) || steps === 0)
        throw new RangeError(name + " has " + values.length + " numbers, but " + size + " are read at every step.");
      if (tokens && !Array.prototype.every.call(values, (it) => Number.isInteger(it) && it >= 0 && it < tokens))
        throw new RangeError(name + " has to be whole numbers from 0 to " + (tokens - 1) + ".");
    });
    const addresses = sequences.map((values, n) => {
      const at = this.#keep(4 * values.length);
      new (INPUTS[n].tokens ? Int32Array : Float32Array)(this.#c.memory.buffer, at, values.length).set(values);
      return at;
    });
    return { addresses, steps };
  }
$methods}
$text
