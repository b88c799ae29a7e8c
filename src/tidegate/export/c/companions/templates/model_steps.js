
  /** Begin a new sequence. */
  reset() {
    this.#c.${p}_reset(this.#model, this.#state);
  }

  /** Read a step: for each input a token, or a number or several. Returns the outputs. */
  step(...inputs) {
    return this.block(...inputs.map((it) => (typeof it === "number" ? [it] : it)));
  }

  /** Read several steps: for each input an array. Returns the outputs of each step, one after another. */
  block(...sequences) {
    const top = this.#top;
    const { addresses, steps } = this.#given(sequences);
    const y = this.#keep(4 * steps * OUTPUTS);
    this.#c.${p}_block(this.#model, this.#state, ...addresses, steps, y);
    this.#top = top;
    return this.#floats(y, steps * OUTPUTS).slice();
  }

  /** The state as bytes, which mean the same on every machine. */
  saveState() {
    const top = this.#top;
    const at = this.#keep(this.#c.${p}_saved_size());
    this.#c.${p}_save_state(this.#state, at);
    this.#top = top;
    return new Uint8Array(this.#c.memory.buffer, at, this.#c.${p}_saved_size()).slice();
  }

  /** Return to a state that was saved, here or elsewhere. */
  loadState(bytes) {
    const top = this.#top;
    const at = this.#keep(bytes.length);
    new Uint8Array(this.#c.memory.buffer, at, bytes.length).set(bytes);
    const refused = this.#c.${p}_load_state(this.#state, at, bytes.length);
    this.#top = top;
    if (refused) throw new Error("The state cannot be loaded: " + BAD_STATE[refused] + ".");
  }
