
  /** What decides what is drawn: any whole number. */
  set seed(value) {
    new DataView(this.#c.memory.buffer).setBigUint64(this.#seed, BigInt(value), true);
  }

  /** Choose the next token from the outputs of a step; temperature 0 takes the largest. */
  sample(y, { temperature = 1, topK = 0, topP = 1, minP = 0 } = {}) {
    if (y.length !== OUTPUTS) throw new RangeError("There are " + y.length + " outputs, but should be " + OUTPUTS + ".");
    this.#floats(this.#y, OUTPUTS).set(y);
    const token = this.#c.${p}_sample(this.#y, temperature, topK, topP, minP, this.#seed);
    if (token < 0) throw new RangeError("An output is not a number, or an option is outside its range.");
    return token;
  }
